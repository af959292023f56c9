import Base
import DeltaEngine

/// Rewrites files with deletion vectors, without the rows that these take away.
public struct ReorgWork: TaskWork {
    public static let name = "reorg"

    /// A Spark SQL condition on partition columns.
    public var condition: String?
    /// The most bytes of files to rewrite.
    public var maximumBytes: Int64?

    public init(condition: String? = nil, maximumBytes: Int64? = nil) {
        self.condition = condition
        self.maximumBytes = maximumBytes
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = OptimizeOptions(
            selection: .deletionVectors, condition: condition, maximumBytes: maximumBytes, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await OptimizeOperation(table: run.table, options: options).run(progress: run.progress)
        if result.alreadyApplied { return try await run.alreadyApplied() }
        let metrics = result.metrics
        let message =
            metrics.numFilesRemoved == 0
            ? "nothing to rewrite: none of the \(metrics.totalConsideredFiles) files has a deletion vector"
            : "\(run.task.dryRun ? "would rewrite" : "rewrote") \(metrics.rewrittenFiles)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters, verification: result.verification)
    }
}
