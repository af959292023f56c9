import Base
import DeltaEngine

/// Merges small files into large ones, or sorts their rows.
public struct OptimizeWork: TaskWork {
    public static let name = "optimize"

    /// In bytes; nil: the table's own, or the engine's default.
    public var targetFileSize: Int64?
    /// A Spark SQL condition on partition columns.
    public var condition: String?
    /// The most bytes of files to rewrite.
    public var maximumBytes: Int64?

    /// Commit whenever so many bytes of files have been rewritten; nil: once, at the end.
    public var maximumCommitBytes: Int64?
    /// Files that there must be fewer of; nil: one.
    public var minimumFiles: Int?
    /// Columns to sort by.
    public var zOrderBy: [String]?
    /// `zorder` or `hilbert`; nil: as the engine does by itself.
    public var curve: String?
    /// Sort files anew that are sorted already.
    public var isFull: Bool?

    public init(
        targetFileSize: Int64? = nil, condition: String? = nil, maximumBytes: Int64? = nil, maximumCommitBytes: Int64? = nil, minimumFiles: Int? = nil,
        zOrderBy: [String]? = nil, curve: String? = nil, isFull: Bool? = nil
    ) {
        self.targetFileSize = targetFileSize
        self.condition = condition
        self.maximumBytes = maximumBytes
        self.maximumCommitBytes = maximumCommitBytes
        self.minimumFiles = minimumFiles
        self.zOrderBy = zOrderBy
        self.curve = curve
        self.isFull = isFull
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let space = try curve.map { name throws(WorkerError) in
            guard let curve = SpaceFillingCurve(rawValue: name) else { throw .badTask(reason: "optimize.curve is \(name); it must be zorder or hilbert") }
            return curve
        }
        let options = OptimizeOptions(
            zOrderBy: zOrderBy ?? [], curve: space, isFull: isFull ?? false, minimumFiles: minimumFiles ?? 1, targetFileSize: targetFileSize,
            condition: condition, maximumBytes: maximumBytes, maximumCommitBytes: maximumCommitBytes, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await OptimizeOperation(table: run.table, options: options).run(progress: run.progress)
        if result.alreadyApplied { return try await run.alreadyApplied() }
        let metrics = result.metrics
        let message =
            metrics.numFilesRemoved == 0
            ? metrics.isSorting
                ? "nothing to sort: none of the \(metrics.totalConsideredFiles) files is new"
                : "nothing to merge: none of the \(metrics.totalConsideredFiles) files is small enough to gain by it"
            : "\(run.task.dryRun ? "would \(metrics.isSorting ? "sort" : "merge")" : metrics.isSorting ? "sorted" : "merged") \(metrics.rewrittenFiles)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters, verification: result.verification)
    }
}

extension OptimizeMetrics {
    /// Whether rows were to lie along a curve.
    fileprivate var isSorting: Bool { zOrderStats != nil || clusteringStats != nil }

    /// For people: `300 files (12.1 MiB) into 1 (11.9 MiB)`.
    var rewrittenFiles: String {
        "\(numFilesRemoved) files (\(filesRemoved.totalSize.formattedBytes)) into \(numFilesAdded) (\(filesAdded.totalSize.formattedBytes))"
    }
}
