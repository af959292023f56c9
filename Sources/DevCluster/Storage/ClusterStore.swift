import Base
import Glibc

/// The control plane's state: every object in memory, every change in a log on disk before it is seen by anyone, and synced before it is acknowledged.
///
/// `DIRECTORY/snapshot` holds the state at a revision and `DIRECTORY/changes-N` the changes after revision N. A crash at any point leaves a snapshot
/// and the segments that carry on from it; what the torn end of the last segment held was never acknowledged.
final class ClusterStore: Sendable {
    /// What must be there for a write to go ahead.
    enum Expectation: Sendable {
        case absent
        /// The object is there with this resource version.
        case version(String)
    }

    enum Content: Sendable {
        case object(JSONValue)
        case removed
    }

    enum WriteError: Error, Sendable {
        case expectationFailed(current: JSONValue?)
        case storage(StorageError)
    }

    private struct State {
        var tables: [String: ResourceTable] = [:]
        var revision: UInt64
        /// Revisions up to this are in the snapshot only.
        let recoveredRevision: UInt64
        var channels: [String: [ObjectIdentifier: WatchChannel]] = [:]
        var followers: [String: @Sendable (StoreEvent) -> Void] = [:]
        var log: WriteAheadLog
        var isCompacting = false
        var failure: StorageError?
    }

    private let state: Lock<State>
    private let syncThread = SyncThread()
    private let directory: String
    private let directoryLock: Int32
    private let compactionSize: Int

    /// - Parameter compactionSize: How large the log grows, in bytes, before a snapshot replaces it.
    init(directory: String, compactionSize: Int = 32 << 20) throws(StorageError) {
        try StateFiles.makeDirectory(directory)
        directoryLock = try Self.lock(directory)
        self.directory = directory
        self.compactionSize = compactionSize
        let snapshot = try StateSnapshot.read("\(directory)/snapshot")
        var tables: [String: ResourceTable] = [:]
        var revision = snapshot.revision
        for (key, object) in snapshot.objects { tables[key.resource, default: ResourceTable(forgottenRevision: revision)].load(key.path, object) }
        var last: (start: UInt64, validSize: Int)?
        for start in Self.segments(in: directory) {
            let path = Self.segmentPath(directory, start)
            let (changes, validSize) = try WriteAheadLog.read(path)
            for change in changes where change.revision > revision {
                _ = tables[change.key.resource, default: ResourceTable(forgottenRevision: snapshot.revision)].apply(change)
                revision = change.revision
            }
            last = (start, validSize)
        }
        let segment = last ?? (revision, 0)
        let log = try WriteAheadLog(path: Self.segmentPath(directory, segment.start), validSize: segment.validSize)
        state = Lock(State(tables: tables, revision: max(revision, 1), recoveredRevision: snapshot.revision, log: log))
    }

    deinit {
        syncThread.stop()
        close(directoryLock)
    }

    /// Two processes on one state would each lose the other's writes.
    private static func lock(_ directory: String) throws(StorageError) -> Int32 {
        let path = "\(directory)/lock"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system(operation: "open", path: path, errno: errno) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(file)
            throw code == EWOULDBLOCK ? .inUse(directory: directory) : .system(operation: "lock", path: path, errno: code)
        }
        return file
    }

    private static func segmentPath(_ directory: String, _ start: UInt64) -> String { "\(directory)/changes-\(start)" }

    private static func segments(in directory: String) -> [UInt64] {
        StateFiles.list(directory).compactMap { $0.hasPrefix("changes-") ? UInt64($0.dropFirst(8)) : nil }.sorted()
    }

    // MARK: Reading

    var revision: UInt64 { state.withLock { $0.revision } }

    func get(_ key: StoredKey) -> JSONValue? { state.withLock { $0.tables[key.resource]?.objects[key.path] } }

    /// All objects of a resource, in the order of their keys, and the revision they are at.
    func list(_ resource: String) -> (table: ResourceTable, revision: UInt64) {
        state.withLock { state in (state.tables[resource] ?? ResourceTable(forgottenRevision: state.recoveredRevision), state.revision) }
    }

    func objects(_ resource: String, namespace: String? = nil) -> [JSONValue] {
        let table = list(resource).table
        return table.paths.compactMap { path in
            if let namespace, !path.hasPrefix("\(namespace)/") { return nil }
            return table.objects[path]
        }
    }

    /// Resources that have objects.
    var resources: [String] { state.withLock { $0.tables.filter { !$0.value.objects.isEmpty }.map(\.key).sorted() } }

    // MARK: Watching

    /// Stands for all resources in ``watchAll()``.
    private static let everything = "*"

    /// Changes of all resources from now on, for the control plane's own controllers.
    func watchAll() -> (channel: WatchChannel, objects: [(key: StoredKey, object: JSONValue)]) {
        let channel = WatchChannel(limit: .max)
        return state.withLock { state in
            state.channels[Self.everything, default: [:]][ObjectIdentifier(channel)] = channel
            let objects = state.tables.flatMap { resource, table in table.objects.map { (StoredKey(resource: resource, path: $0.key), $0.value) } }
            return (channel, objects)
        }
    }

    /// Hands every change of a resource to something that must never lag behind it. It runs in the store's lock and must not call the store.
    ///
    /// One follower for a resource; a second replaces it.
    func follow(_ resource: String, _ follower: @escaping @Sendable (StoreEvent) -> Void) {
        state.withLock { $0.followers[resource] = follower }
    }

    struct Watch: Sendable {
        let channel: WatchChannel
        /// The revision that the watch starts after: all changes up to it are not delivered by the channel.
        let revision: UInt64
        let initial: [JSONValue]
    }

    enum WatchStart: Sendable {
        /// Everything that is there, then changes.
        case current
        /// Changes after a revision.
        case after(UInt64)
    }

    func unwatchAll(_ channel: WatchChannel) { unwatch(Self.everything, channel) }

    /// Nil where the revision is older than what is remembered.
    func watch(_ resource: String, from start: WatchStart) -> Watch? {
        let channel = WatchChannel()
        return state.withLock { state -> Watch? in
            let table = state.tables[resource] ?? ResourceTable(forgottenRevision: state.recoveredRevision)
            var initial: [JSONValue] = []
            var revision = state.revision
            switch start {
            case .current: initial = table.paths.compactMap { table.objects[$0] }
            case let .after(wanted):
                guard let events = table.events(after: wanted) else { return nil }
                for event in events { channel.push(event) }
                revision = wanted
            }
            state.channels[resource, default: [:]][ObjectIdentifier(channel)] = channel
            return Watch(channel: channel, revision: revision, initial: initial)
        }
    }

    /// The current revision, if the channel has handed out everything up to it: where a bookmark may stand.
    func settledRevision(_ channel: WatchChannel) -> UInt64? { state.withLock { channel.isDrained ? $0.revision : nil } }

    func unwatch(_ resource: String, _ channel: WatchChannel) {
        state.withLock { state in _ = state.channels[resource]?.removeValue(forKey: ObjectIdentifier(channel)) }
        channel.end()
    }

    /// Ends every watch: the server stops, or a resource is gone.
    func endWatches(_ resource: String? = nil) {
        let ended = state.withLock { state -> [WatchChannel] in
            if let resource { return Array((state.channels.removeValue(forKey: resource) ?? [:]).values) }
            defer { state.channels = [:] }
            return state.channels.values.flatMap(\.values)
        }
        for channel in ended { channel.end() }
    }

    // MARK: Writing

    /// Writes or removes an object, if the expectation holds, and returns it with its new resource version (removed: the last content).
    ///
    /// When it returns, the change is on disk.
    func write(_ key: StoredKey, _ content: Content, expecting expectation: Expectation) async throws(WriteError) -> JSONValue {
        let (result, file, mustCompact) = try state.withLock { state throws(WriteError) in
            if let failure = state.failure { throw .storage(failure) }
            let current = state.tables[key.resource]?.objects[key.path]
            switch expectation {
            case .absent: if current != nil { throw .expectationFailed(current: current) }
            case let .version(version): if current?.resourceVersion != version { throw .expectationFailed(current: current) }
            }
            let revision = state.revision + 1
            var change = StateChange(revision: revision, key: key, object: Optional<JSONValue>.none)
            if case var .object(object) = content {
                object.setMeta("resourceVersion", .string("\(revision)"))
                change = StateChange(revision: revision, key: key, object: object)
            }
            do throws(StorageError) {
                try state.log.append(change)
            } catch {
                if case .stopped = error { state.failure = error }
                throw .storage(error)
            }
            state.revision = revision
            guard let event = state.tables[key.resource, default: ResourceTable(forgottenRevision: state.recoveredRevision)].apply(change) else {
                throw .expectationFailed(current: nil)
            }
            let mustCompact = state.log.size > compactionSize && !state.isCompacting
            if mustCompact { state.isCompacting = true }
            // In the lock, so that everyone sees the changes in their order, and watchers none that the follower has not.
            state.followers[key.resource]?(event)
            for name in [key.resource, Self.everything] {
                for channel in (state.channels[name] ?? [:]).values { channel.push(event) }
            }
            return (event.object, state.log.file, mustCompact)
        }
        do throws(StorageError) {
            try await syncThread.sync(file)
        } catch {
            state.withLock { $0.failure = error }
            throw .storage(error)
        }
        if mustCompact { compact() }
        return result
    }

    // MARK: Compaction

    /// Starts a new segment and writes everything before it to the snapshot. A failure leaves the old segments in place: more to read at the next start, nothing lost.
    private func compact() {
        guard let (snapshot, start) = rotate() else { return }
        let path = "\(directory)/snapshot"
        do {
            try snapshot.write(path)
            for old in Self.segments(in: directory) where old < start { unlink(Self.segmentPath(directory, old)) }
        } catch {
            // Tried again when the new segment is full.
        }
        state.withLock { $0.isCompacting = false }
    }

    private func rotate() -> (StateSnapshot, start: UInt64)? {
        state.withLock { state -> (StateSnapshot, start: UInt64)? in
            guard let next = try? WriteAheadLog(path: Self.segmentPath(directory, state.revision), validSize: 0) else {
                state.isCompacting = false
                return nil
            }
            state.log = next
            var snapshot = StateSnapshot(revision: state.revision)
            for (resource, table) in state.tables.sorted(by: { $0.key < $1.key }) {
                for path in table.paths {
                    if let object = table.objects[path] { snapshot.objects.append((StoredKey(resource: resource, path: path), object)) }
                }
            }
            return (snapshot, state.revision)
        }
    }
}
