import Base

/// Objects in memory, for tests.
public final class InMemoryStore: ObjectStore {
    private struct Object {
        var bytes: Bytes
        var modified: Timestamp
    }

    private let objects: Lock<[ObjectPath: Object]>
    private let clock: any WallClock

    public init(clock: any WallClock = SystemClock()) {
        objects = Lock([:])
        self.clock = clock
    }

    /// The same objects with the same times, for trials from one beginning.
    public init(copying other: InMemoryStore, clock: any WallClock) {
        objects = Lock(other.objects.withLock { $0 })
        self.clock = clock
    }

    public var winsPathsInParts: Bool { true }

    public var rootDescription: String { "memory:///" }

    private func object(_ path: ObjectPath) throws -> Object {
        try Task.checkCancellation()
        guard let object = objects.withLock({ $0[path] }) else { throw ObjectStoreError.notFound(path: path.string) }
        return object
    }

    public func head(_ path: ObjectPath) async throws -> ObjectInfo {
        let object = try object(path)
        return ObjectInfo(path: path, sizeInBytes: Int64(object.bytes.count), modified: object.modified)
    }

    public func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes {
        let bytes = try object(path).bytes
        guard let range else { return bytes }
        let size = Int64(bytes.count)
        guard range.lowerBound >= 0, range.lowerBound <= size else {
            throw ObjectStoreError.invalidRange(path: path.string, start: range.lowerBound, size: size)
        }
        return bytes.dropFirst(Int(range.lowerBound)).prefix(Int(min(range.upperBound, size) - range.lowerBound))
    }

    public func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] {
        var parts: [Bytes] = []
        for range in ranges { parts.append(try await get(path, range: range)) }
        return parts
    }

    public func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws {
        try Task.checkCancellation()
        let object = Object(bytes: bytes, modified: clock.now())
        let isStored = objects.withLock { objects in
            if mode == .ifAbsent, objects[path] != nil { return false }
            objects[path] = object
            return true
        }
        guard isStored else { throw ObjectStoreError.alreadyExists(path: path.string) }
    }

    public func write(_ path: ObjectPath) async throws -> any ObjectWriter { InMemoryWriter(store: self, path: path) }

    public func list(prefix: String, startAfter: String?) -> any ObjectListing {
        InMemoryListing { [objects] last in
            objects.withLock { objects in
                objects.filter { key, _ in
                    guard key.string.utf8.starts(with: prefix.utf8) else { return false }
                    guard let bound = last ?? startAfter else { return true }
                    return bound.utf8.lexicographicallyPrecedes(key.string.utf8)
                }
            }
            .sorted { $0.key < $1.key }
            .prefix(1000)
            .map { path, object in ObjectInfo(path: path, sizeInBytes: Int64(object.bytes.count), modified: object.modified) }
        }
    }

    public func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] {
        try Task.checkCancellation()
        objects.withLock { objects in
            for path in paths { objects[path] = nil }
        }
        return []
    }
}

private final class InMemoryListing: ObjectListing {
    private let page: @Sendable (_ last: String?) -> [ObjectInfo]
    private let last = Lock<String?>(nil)

    init(page: @escaping @Sendable (String?) -> [ObjectInfo]) { self.page = page }

    func next() async throws -> [ObjectInfo]? {
        try Task.checkCancellation()
        let page = page(last.withLock { $0 })
        guard let last = page.last else { return nil }
        self.last.withLock { $0 = last.path.string }
        return page
    }
}

private final class InMemoryWriter: ObjectWriter {
    private let store: InMemoryStore
    private let path: ObjectPath
    private let parts = Lock<[Bytes]>([])

    init(store: InMemoryStore, path: ObjectPath) {
        self.store = store
        self.path = path
    }

    func write(_ bytes: Bytes) async throws {
        try Task.checkCancellation()
        parts.withLock { $0.append(bytes) }
    }

    func finish() async throws {
        let parts = parts.withLock { $0 }
        try await store.put(path, Bytes(parts.flatMap(\.array)), mode: .ifAbsent)
    }

    func abort() async { parts.withLock { $0 = [] } }
}
