import Base
import Columnar
import DeltaEngine

/// Makes a table of the Parquet files that lie at the task's location.
public struct ConvertWork: TaskWork {
    public static let name = "convert"

    /// `day date`, `region string`; nil to go by the directories' names and values.
    public var partitionBy: [String]?
    public var collectsStatistics: Bool
    public var mapsNames: Bool

    public init(partitionBy: [String]? = nil, collectsStatistics: Bool = true, mapsNames: Bool = false) {
        self.partitionBy = partitionBy
        self.collectsStatistics = collectsStatistics
        self.mapsNames = mapsNames
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let columns = try partitionBy.map { columns throws(DeltaError) in try ConvertOptions.partitionColumns(columns.joined(separator: ", ")) }
        let options = ConvertOptions(
            partitionBy: columns, collectsStatistics: collectsStatistics, mapsNames: mapsNames, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await ConvertOperation(table: run.table, options: options).run(progress: run.progress)
        if result.wasTable { return TaskResult(outcome: .succeeded, message: "nothing to do: \(run.table.location) is a Delta table already") }
        let metrics = result.metrics
        let counts = "\(metrics.numConvertedFiles) files (\(metrics.convertedFilesSize.formattedBytes)) with \(metrics.numRecords) rows"
        return TaskResult(
            outcome: .succeeded, message: run.task.dryRun ? "would make a table of \(counts)" : "made a table of \(counts)", version: result.version,
            metrics: metrics.counters, verification: result.verification)
    }
}
