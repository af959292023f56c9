import Base
import DeltaEngine

/// Removes what has expired of the log.
public struct LogCleanupWork: TaskWork {
    public static let name = "logCleanup"

    public init() {}

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = LogCleanupOptions(dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await LogCleanupOperation(table: run.table, options: options).run(progress: run.progress)
        let metrics = result.metrics
        let readable = "versions \(result.readable.lowerBound) to \(result.readable.upperBound) can be read"
        let files = "\(metrics.numRemovedFiles) files of the log (\(metrics.numRemovedBytes.formattedBytes))"
        let removed = run.task.dryRun ? "would remove \(files); then \(readable)" : "removed \(files); \(readable)"
        let nothing = result.obstacle.map { "nothing is removed: \($0)" } ?? "nothing to remove: no file of the log has expired; \(readable)"
        var counters = metrics.counters
        counters["firstVersion"] = result.readable.lowerBound
        return TaskResult(outcome: .succeeded, message: metrics.numRemovedFiles == 0 ? nothing : removed, metrics: counters)
    }
}
