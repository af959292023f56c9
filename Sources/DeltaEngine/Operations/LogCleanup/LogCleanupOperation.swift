import Base
import ObjectStore

/// What a cleanup of the log is asked to do.
public struct LogCleanupOptions: Sendable, Hashable {
    /// Say what would go, remove nothing.
    public var dryRun: Bool
    /// Only the expected version counts: nothing is committed, and what has gone cannot go again.
    public var conditions: CommitConditions

    public init(dryRun: Bool = false, conditions: CommitConditions = CommitConditions()) {
        self.dryRun = dryRun
        self.conditions = conditions
    }
}

/// What a cleanup of the log removed, or would.
public struct LogCleanupMetrics: Sendable, Hashable, Encodable {
    public var numRemovedCommits: Int64 = 0
    /// Files of checkpoints, of which one may have several.
    public var numRemovedCheckpointFiles: Int64 = 0
    public var numRemovedSidecars: Int64 = 0
    public var numRemovedChecksums: Int64 = 0
    public var numRemovedCompactedFiles: Int64 = 0
    public var numRemovedBytes: Int64 = 0

    /// All of them.
    public var numRemovedFiles: Int64 {
        numRemovedCommits + numRemovedCheckpointFiles + numRemovedSidecars + numRemovedChecksums + numRemovedCompactedFiles
    }

    /// For a status.
    public var counters: [String: Int64] {
        [
            "numRemovedCommits": numRemovedCommits, "numRemovedCheckpointFiles": numRemovedCheckpointFiles, "numRemovedSidecars": numRemovedSidecars,
            "numRemovedChecksums": numRemovedChecksums, "numRemovedCompactedFiles": numRemovedCompactedFiles, "numRemovedBytes": numRemovedBytes,
        ]
    }
}

/// How a cleanup of the log ended.
public struct LogCleanupResult: Sendable, Hashable {
    /// The versions that can be read now; after a dry run, those that could be read after a real one.
    public var readable: ClosedRange<Int64>
    public var metrics: LogCleanupMetrics
    /// Why nothing went although it is old enough; nil where that is not so.
    public var obstacle: String?
}

/// Removes the log's expired files, as every checkpoint does behind itself: for tables that are seldom written to, and to see what would go.
public struct LogCleanupOperation: Sendable {
    public let table: DeltaTable
    public let options: LogCleanupOptions

    public init(table: DeltaTable, options: LogCleanupOptions = LogCleanupOptions()) {
        self.table = table
        self.options = options
    }

    /// On an error some files have gone and all versions that the retention keeps can be read; the next run goes on.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> LogCleanupResult {
        progress(OperationProgress(phase: .planning))
        let snapshot = try await table.snapshot()
        try snapshot.require(.checkpoint)
        _ = try options.conditions.versionApplied(in: snapshot)
        let cleanup = LogCleanup(table: table, snapshot: snapshot)
        return try await DeltaError.wrapping {
            let plan = try await cleanup.plan()
            let result = LogCleanupResult(readable: plan.readable, metrics: metrics(plan), obstacle: plan.obstacle)
            if options.dryRun { return result }
            let total = Int64(plan.paths.count)
            try await cleanup.remove(plan) { done in progress(OperationProgress(phase: .deleting, filesDone: Int64(done), filesTotal: total)) }
            return result
        }
    }

    private func metrics(_ plan: LogCleanup.Plan) -> LogCleanupMetrics {
        var metrics = LogCleanupMetrics()
        metrics.numRemovedCommits = Int64(plan.commits.count)
        metrics.numRemovedCheckpointFiles = Int64(plan.checkpoints.count)
        metrics.numRemovedSidecars = Int64(plan.sidecars.count)
        metrics.numRemovedChecksums = Int64(plan.checksums.count)
        metrics.numRemovedCompactedFiles = Int64(plan.compactions.count)
        metrics.numRemovedBytes = plan.sizeInBytes
        return metrics
    }
}
