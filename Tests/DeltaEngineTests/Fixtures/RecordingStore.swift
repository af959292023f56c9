import Base
import ObjectStore

/// A store that writes down what is asked of it.
final class RecordingStore: ObjectStore {
    private let store: any ObjectStore
    private let recorded = Lock<[String]>([])
    private let fetched = Lock(0)

    let winsPathsInParts: Bool

    init(_ store: any ObjectStore, winsPathsInParts: Bool? = nil) {
        self.store = store
        self.winsPathsInParts = winsPathsInParts ?? store.winsPathsInParts
    }

    /// The requests since the last call: the verb and the path, in the order they came.
    func takeRequests() -> [String] {
        recorded.withLock { recorded in
            defer { recorded = [] }
            return recorded
        }
    }

    /// The bytes of all ranges that were asked for by several at a time: of data files, what is not the footer.
    var bytesOfRanges: Int { fetched.withLock { $0 } }

    private func record(_ verb: String, _ path: String) { recorded.withLock { $0.append("\(verb) \(path)") } }

    var rootDescription: String { store.rootDescription }

    func head(_ path: ObjectPath) async throws -> ObjectInfo {
        record("head", path.string)
        return try await store.head(path)
    }

    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes {
        record("get", path.string)
        return try await store.get(path, range: range)
    }

    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] {
        for _ in ranges { record("get", path.string) }
        fetched.withLock { $0 += ranges.reduce(0) { $0 + $1.count } }
        return try await store.get(path, ranges: ranges)
    }

    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws {
        record("put", path.string)
        try await store.put(path, bytes, mode: mode)
    }

    func write(_ path: ObjectPath) async throws -> any ObjectWriter {
        record("write", path.string)
        return try await store.write(path)
    }

    func list(prefix: String, startAfter: String?) -> any ObjectListing {
        record("list", prefix)
        return store.list(prefix: prefix, startAfter: startAfter)
    }

    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] {
        for path in paths { record("delete", path.string) }
        return try await store.delete(paths)
    }
}
