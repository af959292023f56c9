import Base
import DeltaEngine

/// `levee table compute-statistics`.
enum TableComputeStatistics {
    private static let condition = Option.text("where", "EXPR", "look only at files of partitions for which this holds (Spark SQL on partition columns)")
    private static let missingOnly = Option.flag("missing-only", "leave files alone whose statistics have all that they should")
    private static let dryRun = Option.flag("dry-run", "read the files and say how many would get other statistics, commit nothing")

    static let command = Command(
        name: "compute-statistics", summary: "find the statistics of files anew, by which readers leave files out",
        discussion: """
            For tables that were written without statistics, or on other columns than delta.dataSkippingStatsColumns, delta.dataSkippingNumIndexedCols and the
            table's clustering now ask for. Footers are gone by where they are exact; of other columns the rows are read. Rows and files stay as they are: a file
            is added once more, with its new statistics.
            """,
        positionals: [TableAccess.location], options: [condition, missingOnly, dryRun] + ConditionOptions.options + TableAccess.options,
        examples: ["levee table compute-statistics /data/orders --missing-only"]
    ) { arguments, console in
        let options = ComputeStatisticsOptions(
            condition: arguments[condition], missingOnly: arguments[missingOnly], dryRun: arguments[dryRun],
            conditions: try ConditionOptions.conditions(arguments))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await ComputeStatisticsOperation(table: try TableAccess.table(arguments), options: options).run(progress: line.reporter)
        line.end()
        try print(result, dryRun: options.dryRun, console)
    }

    private static func print(_ result: ComputeStatisticsResult, dryRun: Bool, _ console: Console) throws {
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "alreadyApplied": .bool(result.alreadyApplied), "dryRun": .bool(dryRun),
                "tries": .integer(Int64(result.tries)), "metrics": try JSON.value(of: metrics),
                "verification": try JSON.value(of: result.verification),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if result.alreadyApplied { return try console.print("Nothing to do: the table has this run already.\n") }
        if metrics.numUpdatedFiles == 0 {
            return try console.print("Nothing to do: the statistics of \(metrics.numFilesConsidered) files are as they should be.\n")
        }
        let files = "\(metrics.numUpdatedFiles) of \(metrics.numFilesConsidered) files"
        try console.print(dryRun ? "Would give \(files) other statistics.\n" : "Gave \(files) other statistics; version \(result.version ?? -1).\n")
    }
}
