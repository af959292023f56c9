import Base
import ObjectStore

/// A store that lets something happen before a commit is put: once, at the first commit that comes by.
final class HookedStore: ObjectStore {
    private let store: any ObjectStore
    private let hook: @Sendable () async throws -> Void
    private let isDone = Lock(false)

    init(wrapping store: any ObjectStore, beforeCommit hook: @escaping @Sendable () async throws -> Void) {
        self.store = store
        self.hook = hook
    }

    var rootDescription: String { store.rootDescription }
    var winsPathsInParts: Bool { store.winsPathsInParts }

    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws {
        let isFirst =
            path.string.hasSuffix(".json")
            && isDone.withLock { isDone -> Bool in
                defer { isDone = true }
                return !isDone
            }
        if isFirst { try await hook() }
        try await store.put(path, bytes, mode: mode)
    }

    func head(_ path: ObjectPath) async throws -> ObjectInfo { try await store.head(path) }
    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes { try await store.get(path, range: range) }
    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] { try await store.get(path, ranges: ranges) }
    func write(_ path: ObjectPath) async throws -> any ObjectWriter { try await store.write(path) }
    func list(prefix: String, startAfter: String?) -> any ObjectListing { store.list(prefix: prefix, startAfter: startAfter) }
    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] { try await store.delete(paths) }
}
