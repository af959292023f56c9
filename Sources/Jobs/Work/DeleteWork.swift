import DeltaEngine

/// Deletes rows.
public struct DeleteWork: TaskWork {
    public static let name = "delete"

    /// A Spark SQL condition: the rows that it is true of go.
    public var condition: String

    public init(condition: String) { self.condition = condition }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = DeleteOptions(condition: condition, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await DeleteOperation(table: run.table, options: options).run(progress: run.progress)
        if result.alreadyApplied { return try await run.alreadyApplied() }
        let metrics = result.metrics
        let rows = metrics.numDeletedRows.map { "\($0) rows" } ?? "all rows of \(metrics.numRemovedFiles) files"
        let message =
            metrics.numDeletedRows == 0 ? "nothing to delete: the condition holds of no row" : run.task.dryRun ? "would delete \(rows)" : "deleted \(rows)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters, verification: result.verification)
    }
}
