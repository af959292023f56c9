import Base
import ObjectStore

/// Collects small pieces before they go to the store; large ones go as they are.
final class CoalescingWriter {
    private let writer: any ObjectWriter
    private var pending = BytesBuilder()
    /// The bytes taken so far.
    private(set) var position: Int64 = 0

    private static let pieceBytes = 256 << 10

    init(_ writer: any ObjectWriter) { self.writer = writer }

    /// Takes a few bytes without writing.
    func append(_ bytes: Bytes) {
        position += Int64(bytes.count)
        bytes.withUnsafeBytes { pending.append(contentsOf: $0) }
    }

    func write(_ bytes: Bytes) async throws {
        if bytes.count < Self.pieceBytes {
            append(bytes)
            if pending.count >= Self.pieceBytes { try await flush() }
        } else {
            try await flush()
            position += Int64(bytes.count)
            try await writer.write(bytes)
        }
    }

    /// Appends bytes of an object where the store can copy them by itself; false, and nothing was written, where it cannot.
    func copy(_ range: Range<Int64>, of path: ObjectPath, in store: any ObjectStore) async throws -> Bool {
        try await flush()
        guard try await writer.copy(range, of: path, in: store) else { return false }
        position += Int64(range.count)
        return true
    }

    func finish() async throws {
        try await flush()
        try await writer.finish()
    }

    func abort() async { await writer.abort() }

    private func flush() async throws {
        guard pending.count > 0 else { return }
        try await writer.write(pending.take())
    }
}
