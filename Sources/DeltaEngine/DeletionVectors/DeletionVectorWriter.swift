import Base
import ObjectStore

/// Writes deletion vectors one behind the other into files of many (protocol, "Deletion Vector File Storage Format"). Used by one task.
///
/// Always into files, as Spark does: a vector inside of the log would be copied into every checkpoint.
final class DeletionVectorWriter {
    private let table: DeltaTable
    private let staged: StagedFiles
    private var current: OpenFile?

    private struct OpenFile {
        let writer: any ObjectWriter
        /// As descriptors name it.
        let encodedUUID: String
        var position: Int64
    }

    /// A descriptor's offset has 31 bits; a vector begins before this.
    static let fileBytes: Int64 = 1 << 30

    init(table: DeltaTable, staged: StagedFiles) {
        self.table = table
        self.staged = staged
    }

    /// Appends a vector; who commits its descriptor must have called ``finish()`` before.
    func write(_ rows: DeletedRows) async throws -> DeletionVectorDescriptor {
        if let file = current, file.position >= Self.fileBytes { try await finish() }
        var file: OpenFile
        if let current { file = current } else { file = try await open() }
        let data = RoaringFormat.serialize(rows)
        var bytes = BytesBuilder(capacity: data.count + 8)
        bytes.append(UInt32(truncatingIfNeeded: data.count).bigEndian)
        data.withUnsafeBytes { bytes.append(contentsOf: $0) }
        bytes.append(data.withUnsafeBytes { DeletionVectorReader.checksum($0) }.bigEndian)
        let record = bytes.take()
        let offset = file.position
        file.position += Int64(record.count)
        current = file
        try await file.writer.write(record)
        return DeletionVectorDescriptor(
            storageType: "u", pathOrInlineDv: file.encodedUUID, offset: Int32(truncatingIfNeeded: offset), sizeInBytes: Int32(clamping: data.count),
            cardinality: rows.count)
    }

    /// Makes what has been written whole in the store.
    func finish() async throws {
        guard let file = current else { return }
        current = nil
        try await file.writer.finish()
        FaultPoint.hit("deletionVectors.written")
    }

    /// Gives up. What is in the store by now goes with ``StagedFiles/discard()``.
    func abort() async {
        guard let file = current else { return }
        current = nil
        await file.writer.abort()
    }

    private func open() async throws -> OpenFile {
        let uuid = UUID.v4(table.environment.random)
        let path = try ObjectPath("deletion_vector_\(uuid).bin")
        staged.add(path)
        let writer = try await table.store.write(path)
        try await writer.write(Bytes([DeletionVectorReader.formatVersion]))
        let encoded = withUnsafeBytes(of: uuid.bits.bigEndian) { Z85.encode(Array($0)) }
        return OpenFile(writer: writer, encodedUUID: encoded, position: 1)
    }
}

extension Snapshot {
    /// Whether rows are deleted by marking them: the protocol allows it, and the table's properties ask for it.
    var writesDeletionVectors: Bool {
        metadata.isEnabled("delta.enableDeletionVectors") && FeatureRegistry.writerFeatures(self.protocol).contains(TableFeature.deletionVectors.name)
    }
}
