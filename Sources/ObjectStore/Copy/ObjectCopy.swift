import Base

/// Copies objects from store to store: by the service itself where it can, else in pieces through this process.
public struct ObjectCopy: Sendable {
    /// Read at a time; one piece more is on its way meanwhile.
    private static let pieceBytes: Int64 = 8 << 20

    public let source: any ObjectStore
    public let target: any ObjectStore

    public init(from source: any ObjectStore, to target: any ObjectStore) {
        self.source = source
        self.target = target
    }

    /// What one copy holds in memory at most, where it goes through this process.
    public static var largestBuffer: Int64 { 4 * pieceBytes }

    /// Copies an object of that size to a path at which nothing is, and looks whether all of it has arrived.
    ///
    /// - Parameter created: called once the object is there, and is this copy's own.
    ///
    /// Throws ``ObjectStoreError/alreadyExists(path:)`` where something is there: it stays as it is.
    public func copy(_ path: ObjectPath, sizeInBytes: Int64, to targetPath: ObjectPath, created: () -> Void = {}) async throws {
        if try await !target.copy(path, of: source, sizeInBytes: sizeInBytes, to: targetPath) {
            try await stream(path, sizeInBytes, to: targetPath)
        }
        created()
        let found = try await target.head(targetPath).sizeInBytes
        guard found == sizeInBytes else {
            throw ObjectStoreError.failed(
                path: "\(target.rootDescription)/\(targetPath)", operation: "copying", message: "\(found) of \(sizeInBytes) bytes have arrived", retryable: true
            )
        }
    }

    private func stream(_ path: ObjectPath, _ size: Int64, to targetPath: ObjectPath) async throws {
        let writer = try await target.write(targetPath)
        do {
            var offset: Int64 = 0
            var next = size == 0 ? nil : Task { [source] in try await source.get(path, range: 0..<min(size, Self.pieceBytes)) }
            while let piece = next {
                let bytes = try await withTaskCancellationHandler(operation: { try await piece.value }, onCancel: { piece.cancel() })
                offset += Int64(bytes.count)
                // A range is cut to what the object has.
                guard !bytes.isEmpty else {
                    throw ObjectStoreError.invalidRange(path: "\(source.rootDescription)/\(path)", start: offset, size: offset)
                }
                let start = offset
                next = start < size ? Task { [source] in try await source.get(path, range: start..<min(size, start + Self.pieceBytes)) } : nil
                do { try await writer.write(bytes) } catch {
                    next?.cancel()
                    throw error
                }
            }
            try await writer.finish()
        } catch {
            await writer.abort()
            throw error
        }
    }
}
