import Base
import ObjectStore

@testable import DeltaEngine

/// A store that keeps other bytes than it was given, of objects that are written in pieces, and says nothing of it.
final class TamperingStore: ObjectStore {
    private let store: any ObjectStore
    private let change: @Sendable (ObjectPath, inout [UInt8]) -> Void

    init(wrapping store: any ObjectStore, change: @escaping @Sendable (ObjectPath, inout [UInt8]) -> Void) {
        self.store = store
        self.change = change
    }

    var rootDescription: String { store.rootDescription }
    var winsPathsInParts: Bool { store.winsPathsInParts }

    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws { try await store.put(path, bytes, mode: mode) }
    func head(_ path: ObjectPath) async throws -> ObjectInfo { try await store.head(path) }
    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes { try await store.get(path, range: range) }
    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] { try await store.get(path, ranges: ranges) }
    func list(prefix: String, startAfter: String?) -> any ObjectListing { store.list(prefix: prefix, startAfter: startAfter) }
    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] { try await store.delete(paths) }

    func write(_ path: ObjectPath) async throws -> any ObjectWriter {
        Writer(writer: try await store.write(path)) { [change] in change(path, &$0) }
    }

    private final class Writer: ObjectWriter {
        private let writer: any ObjectWriter
        private let change: @Sendable (inout [UInt8]) -> Void
        private let bytes = Lock<[UInt8]>([])

        init(writer: any ObjectWriter, change: @escaping @Sendable (inout [UInt8]) -> Void) {
            self.writer = writer
            self.change = change
        }

        func write(_ bytes: Bytes) async throws { self.bytes.withLock { $0 += bytes.array } }

        func finish() async throws {
            var all = bytes.withLock { $0 }
            change(&all)
            try await writer.write(Bytes(all))
            try await writer.finish()
        }

        func abort() async { await writer.abort() }
    }
}
