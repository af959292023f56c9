import Base
import ObjectStore

/// Writes compacted commits (`x.y.compacted.json`), by which readers open the table with fewer requests between checkpoints. The table, its versions and its
/// history stay as they are.
///
/// A file counts only once it has been read back and replays to the very state that the commits replay to; one that does not is removed again.
public struct CompactLogOperation: Sendable {
    public let table: DeltaTable
    public let options: CompactLogOptions

    public init(table: DeltaTable, options: CompactLogOptions = CompactLogOptions()) {
        self.table = table
        self.options = options
    }

    /// The part of the memory budget that the text of a range's commits may have: both states it is checked by are held beside it.
    private static let budgetShare: Int64 = 8

    /// Throws ``DeltaError/missingCommit(version:)`` for a range with a gap, ``DeltaError/corruptLog(version:reason:)`` for a compacted file, of whomever,
    /// that does not say what its commits say.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> CompactLogResult {
        try await DeltaError.wrapping { try await compact(progress) }
    }

    private func compact(_ progress: @escaping ProgressReporter) async throws -> CompactLogResult {
        progress(OperationProgress(phase: .planning))
        let snapshot = try await table.snapshot()
        try snapshot.require(.checkpoint)
        _ = try options.conditions.versionApplied(in: snapshot)
        let listing = try await LogListing.load(table.store, from: options.from ?? snapshot.segment.commits.first?.version ?? snapshot.version)
        let plan = try CompactLogPlan(listing, snapshot.segment, options, mostBytes: max(1, table.environment.memoryBudget / Self.budgetShare))
        var result = CompactLogResult(
            version: snapshot.version, ranges: plan.ranges.filter { !$0.isPresent }.map(\.versions), metrics: CompactLogMetrics())
        for range in plan.ranges {
            if range.isPresent { result.metrics.numFilesPresent += 1 } else { count(range, in: &result.metrics) }
        }
        if options.dryRun { return result }
        FaultPoint.hit("compactLog.planned")

        result.metrics.numFilesWritten = 0
        result.metrics.numBytesWritten = 0
        for (done, range) in plan.ranges.enumerated() {
            progress(OperationProgress(phase: .writing, filesDone: Int64(done), filesTotal: Int64(plan.ranges.count)))
            try await write(range, &result.metrics)
        }
        return result
    }

    private func count(_ range: CompactLogPlan.Range, in metrics: inout CompactLogMetrics) {
        metrics.numFilesWritten += 1
        metrics.numCommitsCompacted += Int64(range.commits.count)
        metrics.numBytesOfCommits = metrics.numBytesOfCommits.saturatingAdding(range.sizeInBytes)
    }

    private func write(_ range: CompactLogPlan.Range, _ metrics: inout CompactLogMetrics) async throws {
        let path = try ObjectPath(LogFileName.compactedPath(range.versions))
        if range.isPresent { return try await verify(path, range, isOurs: false) }
        var compactor = CommitCompactor(store: table.store)
        do {
            try await compactor.write(range.commits, to: path) { _ in }
        } catch ObjectStoreError.alreadyExists {
            // Another writer's, or our own of which the answer was lost.
            return try await verify(path, range, isOurs: false)
        }
        FaultPoint.hit("compactLog.written")
        try await verify(path, range, isOurs: true)
        FaultPoint.hit("compactLog.verified")
        metrics.numFilesWritten += 1
        metrics.numBytesWritten += compactor.sizeInBytes
        metrics.numActions += compactor.actions
    }

    /// Reads the file as every reader does, and its commits, and holds one against the other.
    private func verify(_ path: ObjectPath, _ range: CompactLogPlan.Range, isOurs: Bool) async throws {
        let loader = SnapshotLoader(store: table.store, environment: table.environment)
        guard let file = LogFile(try await table.store.head(path)) else { return }
        let expected = ReplayedState(try await loader.readCommits(range.commits))
        var found: ReplayedState?
        do { found = ReplayedState(try await loader.readCommits([file])) } catch let error as DeltaError {
            guard case .corruptCommit = error else { throw error }
        }
        guard found != expected else { return }
        if isOurs { _ = try await table.store.delete([path]) }
        let wayOut =
            isOurs
            ? "; it has been removed, run the operation again"
            : ": readers that go by it see another table; remove it, the commits have all that it should"
        throw DeltaError.corruptLog(
            version: range.versions.upperBound,
            reason: "\(path) does not say what commits \(range.versions.lowerBound) to \(range.versions.upperBound) say" + wayOut)
    }
}
