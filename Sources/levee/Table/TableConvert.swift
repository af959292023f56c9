import Base
import Columnar
import DeltaEngine

/// `levee table convert`.
enum TableConvert {
    private static let partitionBy = Option.text(
        "partition-by", "\"COLUMN TYPE, …\"", "the partition columns in the directories' names, with their types (default: by the names and values found)")
    private static let noStatistics = Option.flag("no-statistics", "take no statistics from the files' footers")
    private static let nameMapping = Option.flag("name-mapping", "map columns by name, so that they may have names that Delta forbids otherwise")
    private static let dryRun = Option.flag("dry-run", "read all that is to be read, commit nothing")
    private static let verifyRows = Option.flag(
        "verify-rows", "before the commit read all rows of all files; else their footers alone")

    static let command = Command(
        name: "convert", summary: "make a Delta table of a directory of Parquet files, where it is",
        discussion: """
            The files stay as they are, a log comes beside them. Directories named COLUMN=VALUE are partition columns; where their types are not given, they are
            integer, long or date if all values are written so, else string. Files and directories that begin with _ or . are passed over; everything else must be
            Parquet. A directory that is a Delta table already is left alone.
            """,
        positionals: [TableAccess.location],
        options: [partitionBy, noStatistics, nameMapping, dryRun, verifyRows] + ConditionOptions.options + TableAccess.options,
        examples: ["levee table convert /data/events --partition-by \"day date, region string\"", "levee table convert s3://lake/events --dry-run"]
    ) { arguments, console in
        let options = ConvertOptions(
            partitionBy: try arguments[partitionBy].map { text throws(DeltaError) in try ConvertOptions.partitionColumns(text) },
            collectsStatistics: !arguments[noStatistics], mapsNames: arguments[nameMapping], dryRun: arguments[dryRun],
            conditions: try ConditionOptions.conditions(arguments))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await ConvertOperation(table: try TableAccess.table(arguments), options: options).run(progress: line.reporter)
        line.end()
        try print(result, dryRun: options.dryRun, console)
    }

    private static func print(_ result: ConvertResult, dryRun: Bool, _ console: Console) throws {
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "wasTable": .bool(result.wasTable), "dryRun": .bool(dryRun),
                "schema": SchemaJSON.json(of: result.schema), "partitionColumns": .array(result.partitionColumns.map(JSONValue.string)),
                "metrics": try JSON.value(of: metrics), "verification": try JSON.value(of: result.verification),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if result.wasTable { return try console.print("Nothing to do: it is a Delta table already.\n") }
        let what = "\(metrics.numConvertedFiles) files (\(metrics.convertedFilesSize.formattedBytes)) with \(metrics.numRecords) rows"
        let columns = result.schema.fields.map { "\($0.name) \($0.type)" }.joined(separator: ", ").withoutControlCharacters
        let partitions = result.partitionColumns.isEmpty ? "" : ", partitioned by \(result.partitionColumns.joined(separator: ", ").withoutControlCharacters)"
        try console.print("\(dryRun ? "Would make a table of" : "Made a table of") \(what): \(columns)\(partitions).\n")
    }
}
