import Base

/// A store that fails where a test's plan says so, in front of a real one.
public final class FaultInjectingStore: ObjectStore {
    public enum Operation: String, Sendable, Hashable, CaseIterable {
        case head, get, put, write, append, finish, list, delete
    }

    /// One call, as the plan sees it.
    public struct Call: Sendable {
        public let operation: Operation
        /// The object's path, the prefix of a listing, or the first of the paths to delete.
        public let path: String
        /// How many calls, of any operation, there were before.
        public let index: Int
    }

    public enum Fault: Sendable {
        /// The call fails and changes nothing.
        case fails(ObjectStoreError)
        /// The call does what it should, but its answer is lost: the caller sees the error.
        case answerLost(ObjectStoreError)
        /// The call takes that much longer.
        case delayed(Duration)
    }

    private let store: any ObjectStore
    private let plan: @Sendable (Call) -> Fault?
    private let count = Lock(0)

    /// - Parameter plan: asked before each call; may be called concurrently.
    public init(wrapping store: any ObjectStore, plan: @escaping @Sendable (Call) -> Fault?) {
        self.store = store
        self.plan = plan
    }

    public var rootDescription: String { store.rootDescription }
    public var winsPathsInParts: Bool { store.winsPathsInParts }

    /// How many calls there were.
    public var callCount: Int { count.withLock { $0 } }

    fileprivate func perform<Result>(_ operation: Operation, _ path: String, _ body: () async throws -> Result) async throws -> Result {
        let index = count.withLock { count -> Int in
            count += 1
            return count - 1
        }
        switch plan(Call(operation: operation, path: path, index: index)) {
        case nil:
            return try await body()
        case let .fails(error):
            throw error
        case let .answerLost(error):
            _ = try await body()
            throw error
        case let .delayed(duration):
            try await Task.sleep(for: duration)
            return try await body()
        }
    }

    public func head(_ path: ObjectPath) async throws -> ObjectInfo {
        try await perform(.head, path.string) { try await store.head(path) }
    }

    public func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes {
        try await perform(.get, path.string) { try await store.get(path, range: range) }
    }

    public func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] {
        try await perform(.get, path.string) { try await store.get(path, ranges: ranges) }
    }

    public func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws {
        try await perform(.put, path.string) { try await store.put(path, bytes, mode: mode) }
    }

    public func write(_ path: ObjectPath) async throws -> any ObjectWriter {
        let writer = try await perform(.write, path.string) { try await store.write(path) }
        return FaultInjectingWriter(writer: writer, path: path.string, store: self)
    }

    public func list(prefix: String, startAfter: String?) -> any ObjectListing {
        FaultInjectingListing(listing: store.list(prefix: prefix, startAfter: startAfter), prefix: prefix, store: self)
    }

    public func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] {
        try await perform(.delete, paths.first?.string ?? "") { try await store.delete(paths) }
    }

    public func unfinishedUploads(begunBefore time: Timestamp) async throws -> [UnfinishedUpload] {
        try await perform(.list, "") { try await store.unfinishedUploads(begunBefore: time) }
    }

    public func giveUp(_ uploads: [UnfinishedUpload]) async throws -> Int {
        try await perform(.delete, uploads.first?.path.string ?? "") { try await store.giveUp(uploads) }
    }
}

private final class FaultInjectingWriter: ObjectWriter {
    private let writer: any ObjectWriter
    private let path: String
    private let store: FaultInjectingStore

    init(writer: any ObjectWriter, path: String, store: FaultInjectingStore) {
        self.writer = writer
        self.path = path
        self.store = store
    }

    func write(_ bytes: Bytes) async throws { try await store.perform(.append, path) { try await writer.write(bytes) } }
    func finish() async throws { try await store.perform(.finish, path) { try await writer.finish() } }
    func abort() async { await writer.abort() }
}

private final class FaultInjectingListing: ObjectListing {
    private let listing: any ObjectListing
    private let prefix: String
    private let store: FaultInjectingStore

    init(listing: any ObjectListing, prefix: String, store: FaultInjectingStore) {
        self.listing = listing
        self.prefix = prefix
        self.store = store
    }

    func next() async throws -> [ObjectInfo]? { try await store.perform(.list, prefix) { try await listing.next() } }
}
