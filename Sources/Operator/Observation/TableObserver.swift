import Base
import DeltaEngine
import Glibc
import Jobs
import ObjectStore

/// Reads tables with the engine, in this process: logs only, a bounded number at a time, and of a table that was read before only what is new.
final class TableObserver: TableObserving {
    private let stores: ProfileStores
    private let environment: EngineEnvironment
    private let limiter: Limiter
    private let snapshots: SnapshotCache

    private static let historyLength = 10
    /// How far back a lost result is looked for.
    private static let searchedCommits = 200

    /// - Parameters:
    ///   - concurrency: how many tables are read at once.
    ///   - cacheBytes: about how much the snapshots that are kept may take.
    init(stores: ProfileStores, environment: EngineEnvironment, concurrency: Int = 8, cacheBytes: Int64 = 128 << 20) {
        self.stores = stores
        self.environment = environment
        limiter = Limiter(limit: concurrency)
        snapshots = SnapshotCache(limit: cacheBytes)
    }

    func observe(_ place: TablePlace, _ request: ObservationRequest) async throws -> TableObservation {
        try await limiter.run { [self] in
            let (table, snapshot) = try await current(place)
            let known = snapshots[place.cacheKey]
            // The figures change with a commit, with what they are asked for, and slowly with time where a condition goes by the date.
            if let known, known.snapshot === snapshot, known.request == request, let observation = known.observation, request.condition == nil {
                return observation
            }
            let records = try await records(of: table, snapshot, known: known?.records ?? [], place)
            let history = records.prefix(Self.historyLength).map(DeltaTableStatus.Commit.init)
            var observation = TableObservation(snapshot, request: request, history: history, now: environment.clock.now())
            observation.unsafeWriter = unsafeWriter(in: records, place)
            snapshots[place.cacheKey] = SnapshotCache.Entry(snapshot: snapshot, records: records, request: request, observation: observation)
            return observation
        }
    }

    func version(_ place: TablePlace) async throws -> Int64 {
        try await limiter.run { [self] in try await current(place).snapshot.version }
    }

    func transactionVersion(_ place: TablePlace, appId: String) async throws -> Int64? {
        try await limiter.run { [self] in try await current(place).snapshot.transactionVersion(appId) }
    }

    func commit(_ place: TablePlace, ofOperation uid: String) async throws -> OperationCommit? {
        try await limiter.run { [self] in
            let records = try await open(place).history(limit: Self.searchedCommits)
            // A vacuum announces itself before it begins; only its end is the result.
            let record = records.first { $0.commitInfo?.levee?["operationUid"]?.stringValue == uid && $0.operation != "VACUUM START" }
            return record.map { record in
                var metrics = record.metrics.compactMapValues { Int64($0) }
                metrics[CloneWork.sourceVersionMetric] = record.commitInfo?.levee?[CloneWork.sourceVersionMetric]?.intValue
                return OperationCommit(version: record.version, metrics: metrics)
            }
        }
    }

    func unsafeWriter(_ place: TablePlace) async throws -> DeltaTableStatus.UnsafeWriter? {
        try await limiter.run { [self] in
            let (table, snapshot) = try await current(place)
            return unsafeWriter(in: try await records(of: table, snapshot, known: snapshots[place.cacheKey]?.records ?? [], place), place)
        }
    }

    /// The table's latest commits, newest first; of those that are known none is read again.
    private func records(of table: DeltaEngine.DeltaTable, _ snapshot: Snapshot, known: [CommitRecord], _ place: TablePlace) async throws -> [CommitRecord] {
        let wanted = place.location.scheme == .s3 ? CommittingEngine.searchedCommits : Self.historyLength
        if let latest = known.first?.version, (0..<Int64(wanted)).contains(snapshot.version - latest) {
            if latest == snapshot.version { return known }
            let new = try await table.history(limit: Int(snapshot.version - latest), from: snapshot.version)
            if new.last?.version == latest + 1 { return Array((new + known).prefix(wanted)) }
        }
        return try await table.history(limit: wanted, from: snapshot.version)
    }

    private func unsafeWriter(in records: [CommitRecord], _ place: TablePlace) -> DeltaTableStatus.UnsafeWriter? {
        guard place.location.scheme == .s3, let commit = CommittingEngine.unsafeCommit(in: records, now: environment.clock.now()) else { return nil }
        return .init(engine: commit.commitInfo?.engineInfo, version: commit.version, timestamp: commit.timestamp.wholeSeconds)
    }

    func forget(_ place: TablePlace) { snapshots[place.cacheKey] = nil }

    /// The table as it is now, from the kept snapshot where there is one.
    private func current(_ place: TablePlace) async throws -> (table: DeltaEngine.DeltaTable, snapshot: Snapshot) {
        let table = try await open(place)
        do {
            if let known = snapshots[place.cacheKey]?.snapshot {
                // A table that was removed, or made anew, has no newer commits either.
                if try await stillHas(known, table) { return (table, try await table.refresh(known)) }
                snapshots[place.cacheKey] = nil
            }
            let snapshot = try await table.snapshot()
            snapshots[place.cacheKey] = SnapshotCache.Entry(snapshot: snapshot)
            return (table, snapshot)
        } catch let error as DeltaError {
            snapshots[place.cacheKey] = nil
            if case .notATable = error, place.access == .host, access(place.location.path, F_OK) != 0, errno == ENOENT {
                throw Obstacle(
                    reason: .locationNotFound, message: "\(place.location) does not exist; correct the location, or create the table there")
            }
            throw error
        }
    }

    private func stillHas(_ snapshot: Snapshot, _ table: DeltaEngine.DeltaTable) async throws -> Bool {
        guard let file = snapshot.segment.lastCommit else { return false }
        do {
            let info = try await table.store.head(file.path)
            return info.sizeInBytes == file.sizeInBytes && info.modified == file.modified
        } catch ObjectStoreError.notFound {
            return false
        }
    }

    private func open(_ place: TablePlace) async throws -> DeltaEngine.DeltaTable {
        DeltaEngine.DeltaTable(store: try await stores.open(place), environment: environment)
    }
}

/// The snapshots of tables that were read last, up to about a number of bytes.
private final class SnapshotCache: Sendable {
    struct Entry: Sendable {
        var snapshot: Snapshot
        /// The latest commits, newest first.
        var records: [CommitRecord] = []
        var request: ObservationRequest?
        var observation: TableObservation?

        /// Roughly what a snapshot takes: its rows are compact.
        var cost: Int64 { 4096 + 160 * Int64(snapshot.files.count + snapshot.tombstones.count) }
    }

    private struct State {
        var entries: [String: (entry: Entry, used: UInt64)] = [:]
        var cost: Int64 = 0
        var uses: UInt64 = 0
    }

    private let limit: Int64
    private let state = Lock(State())

    init(limit: Int64) { self.limit = limit }

    subscript(key: String) -> Entry? {
        get {
            state.withLock { state in
                state.uses += 1
                state.entries[key]?.used = state.uses
                return state.entries[key]?.entry
            }
        }
        set {
            state.withLock { state in
                state.cost -= state.entries[key]?.entry.cost ?? 0
                state.entries[key] = nil
                guard let newValue else { return }
                state.uses += 1
                state.entries[key] = (newValue, state.uses)
                state.cost += newValue.cost
                while state.cost > limit, state.entries.count > 1, let oldest = state.entries.min(by: { $0.value.used < $1.value.used }) {
                    state.cost -= oldest.value.entry.cost
                    state.entries[oldest.key] = nil
                }
            }
        }
    }
}

/// Lets only so many bodies run at once; the others wait in line.
final class Limiter: Sendable {
    private struct State {
        var free: Int
        var waiting: [(id: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
        var nextId: UInt64 = 0
    }

    private let state: Lock<State>

    /// How many more may enter now.
    var free: Int { state.withLock { $0.free } }

    init(limit: Int) { state = Lock(State(free: max(1, limit))) }

    func run<Result: Sendable>(_ body: @Sendable () async throws -> Result) async throws -> Result {
        guard await enter() else { throw CancellationError() }
        defer { leave() }
        return try await body()
    }

    /// False where the task was cancelled in line.
    private func enter() async -> Bool {
        let id = state.withLock { state in
            state.nextId += 1
            return state.nextId
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((id, continuation))
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
                guard let place = state.waiting.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiting.remove(at: place).continuation
            }
            continuation?.resume(returning: false)
        }
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: true)
    }
}
