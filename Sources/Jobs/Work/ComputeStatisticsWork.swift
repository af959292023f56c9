import DeltaEngine

/// Finds the statistics of files anew.
public struct ComputeStatisticsWork: TaskWork {
    public static let name = "computeStatistics"

    /// A Spark SQL condition on partition columns.
    public var condition: String?
    public var missingOnly: Bool

    public init(condition: String? = nil, missingOnly: Bool = false) {
        self.condition = condition
        self.missingOnly = missingOnly
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = ComputeStatisticsOptions(condition: condition, missingOnly: missingOnly, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await ComputeStatisticsOperation(table: run.table, options: options).run(progress: run.progress)
        if result.alreadyApplied { return try await run.alreadyApplied() }
        let metrics = result.metrics
        let files = "\(metrics.numUpdatedFiles) of \(metrics.numFilesConsidered) files"
        let message =
            metrics.numUpdatedFiles == 0
            ? "nothing to do: the statistics of \(metrics.numFilesConsidered) files are as they should be"
            : run.task.dryRun ? "would give \(files) other statistics" : "gave \(files) other statistics"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters, verification: result.verification)
    }
}
