import Base
import DeltaEngine

/// Merges small files into large ones.
public struct OptimizeWork: TaskWork {
    public static let name = "optimize"

    /// In bytes; nil: the table's own, or the engine's default.
    public var targetFileSize: Int64?
    /// A Spark SQL condition on partition columns.
    public var condition: String?
    /// The most bytes of files to rewrite.
    public var maximumBytes: Int64?

    public init(targetFileSize: Int64? = nil, condition: String? = nil, maximumBytes: Int64? = nil) {
        self.targetFileSize = targetFileSize
        self.condition = condition
        self.maximumBytes = maximumBytes
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = OptimizeOptions(
            targetFileSize: targetFileSize, condition: condition, maximumBytes: maximumBytes, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await OptimizeOperation(table: run.table, options: options).run(progress: run.progress)
        if result.alreadyApplied { return try await run.alreadyApplied() }
        let metrics = result.metrics
        let message =
            metrics.numFilesRemoved == 0
            ? "nothing to merge: none of the \(metrics.totalConsideredFiles) files is small enough to gain by it"
            : "\(run.task.dryRun ? "would merge" : "merged") \(metrics.rewrittenFiles)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters, verification: result.verification)
    }
}

extension OptimizeMetrics {
    /// For people: `300 files (12.1 MiB) into 1 (11.9 MiB)`.
    var rewrittenFiles: String {
        "\(numFilesRemoved) files (\(filesRemoved.totalSize.formattedBytes)) into \(numFilesAdded) (\(filesAdded.totalSize.formattedBytes))"
    }
}
