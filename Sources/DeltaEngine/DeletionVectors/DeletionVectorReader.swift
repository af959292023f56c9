import Base
import CZlib
import ObjectStore

/// Reads deletion vectors, wherever they are: in the log itself, or in a file with others (protocol, "Deletion Vector File Storage Format").
struct DeletionVectorReader: Sendable {
    let files: TableFiles

    /// A vector larger than this is taken for damage: one bit for each of four billion rows.
    private static let largest: Int32 = 512 << 20
    static let formatVersion: UInt8 = 1

    /// The rows that a file's vector deletes.
    ///
    /// Throws ``DeltaError/corruptDeletionVector(path:reason:)`` for a vector that is not what its descriptor or its checksum says, what
    /// ``DeletionVectorDescriptor/path`` throws, and the store's errors.
    func read(_ descriptor: DeletionVectorDescriptor) async throws -> DeletedRows {
        guard descriptor.sizeInBytes >= 0, descriptor.sizeInBytes <= Self.largest else {
            throw damage(descriptor, "its size is \(descriptor.sizeInBytes) bytes")
        }
        // How Spark writes that nothing is deleted: no bytes, not even the magic number.
        if descriptor.storageType == "i", descriptor.sizeInBytes == 0, descriptor.cardinality == 0 { return .none }
        let data: Bytes
        if let path = try descriptor.path {
            data = try await stored(descriptor, try files.place(of: path))
        } else {
            data = try inline(descriptor)
        }
        let rows: DeletedRows
        do throws(RoaringFormat.Damage) {
            rows = try RoaringFormat.parse(data)
        } catch {
            throw damage(descriptor, error.reason)
        }
        guard rows.count == descriptor.cardinality else {
            throw damage(descriptor, "it deletes \(rows.count) rows, the log says \(descriptor.cardinality)")
        }
        return rows
    }

    /// Base 85 goes by groups of four bytes: what is over is padding.
    private func inline(_ descriptor: DeletionVectorDescriptor) throws(DeltaError) -> Bytes {
        guard let decoded = Z85.decode(descriptor.pathOrInlineDv.utf8) else { throw damage(descriptor, "it is not written in base 85") }
        guard decoded.count >= Int(descriptor.sizeInBytes), decoded.count - Int(descriptor.sizeInBytes) < 4 else {
            throw damage(descriptor, "it has \(decoded.count) bytes, the log says \(descriptor.sizeInBytes)")
        }
        return Bytes(Array(decoded.prefix(Int(descriptor.sizeInBytes))))
    }

    /// The vector at its offset: its size, its bytes, their checksum; numbers are big-endian. The first one stands behind the format's version.
    private func stored(_ descriptor: DeletionVectorDescriptor, _ place: TableFiles.Place) async throws -> Bytes {
        let offset = Int64(descriptor.offset ?? 0)
        guard offset >= 0 else { throw damage(descriptor, "its offset is \(offset)") }
        let isFirst = offset <= 1
        let start = isFirst ? 0 : offset
        let length = Int(descriptor.sizeInBytes)
        let bytes = try await place.store.get(place.path, range: start..<(start + (isFirst ? 1 : 0) + 8 + Int64(length)))
        return try bytes.withUnsafeBytes { (raw) throws(DeltaError) in
            let head = isFirst ? 1 : 0
            guard raw.count == head + 8 + length else { throw damage(descriptor, "the file ends too early, at byte \(start + Int64(raw.count))") }
            if isFirst, raw[0] != Self.formatVersion {
                throw damage(descriptor, "its file has the format version \(raw[0]), Levee knows \(Self.formatVersion)")
            }
            let size = UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: head, as: UInt32.self))
            guard size == UInt32(length) else { throw damage(descriptor, "its file says \(size) bytes, the log says \(length)") }
            let data = UnsafeRawBufferPointer(rebasing: raw[(head + 4)..<(head + 4 + length)])
            let sum = UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: head + 4 + length, as: UInt32.self))
            guard Self.checksum(data) == sum else { throw damage(descriptor, "its checksum does not match") }
            return Bytes(copying: data)
        }
    }

    static func checksum(_ data: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32(0, data.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(truncatingIfNeeded: data.count)))
    }

    private func damage(_ descriptor: DeletionVectorDescriptor, _ reason: String) -> DeltaError {
        .corruptDeletionVector(path: (try? descriptor.path)?.encoded ?? "in the log", reason: reason)
    }
}
