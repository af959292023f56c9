import Base
import DeltaEngine

/// `levee table optimize`.
enum TableOptimize {
    private static let zOrderBy = Option.names("z-order-by", "A,B.C", "sort the rows by these columns, so that few files have those of near values")
    private static let curve = Option<SpaceFillingCurve>.choice(
        "curve", "the curve along which rows are sorted (default zorder, for a clustered table hilbert)")
    private static let full = Option.flag("full", "sort files anew that are sorted already")
    private static let minimumFiles = Option.integer(
        "min-files", "N", atLeast: 1, "leave files alone that would not become at least N fewer; with sorting, where fewer than N are new")
    private static let maximumCommitBytes = Option.byteCount("max-commit-bytes", "commit whenever this much has been rewritten (default once, at the end)")
    private static let targetFileSize = Option.byteCount(
        "target-file-size", "how large new files become (default: the table's delta.targetFileSize, else 256Mi)")
    private static let condition = Option.text("where", "EXPR", "look only at files of partitions for which this holds (Spark SQL on partition columns)")
    private static let codec = Option<OptimizeOptions.Codec>.choice("codec", "how new files are compressed (default keep: as the old ones)")
    private static let reencode = Option.flag("reencode", "decode and encode all rows, also where row groups or pages could be copied")
    private static let maximumBytes = Option.byteCount("max-bytes", "rewrite at most this much")
    private static let dryRun = Option.flag("dry-run", "say what would be rewritten, change nothing")

    static let command = Command(
        name: "optimize", summary: "compact small files into large ones, or sort their rows",
        discussion: """
            Files smaller than the target are put together partition by partition, their rows in the order of the files. The commit changes no data:
            readers and change feeds see the same rows before and after, and appends that run meanwhile are not disturbed.

            With --z-order-by, or on a table that was created with --cluster-by, rows are sorted along a curve through the columns' values; files of
            former runs are left alone where the new ones do not overlap them.
            """,
        positionals: [TableAccess.location],
        options: [
            zOrderBy, curve, full, targetFileSize, minimumFiles, condition, codec, reencode, maximumBytes, maximumCommitBytes, dryRun,
            ConditionOptions.verifyRows,
        ] + ConditionOptions.options + TableAccess.options,
        examples: [
            "levee table optimize /data/orders --z-order-by customer_id,created_at",
            "levee table optimize /data/orders --where \"order_date >= current_date() - INTERVAL 7 DAYS\" --codec zstd",
        ]
    ) { arguments, console in
        let options = OptimizeOptions(
            zOrderBy: arguments[zOrderBy] ?? [], curve: arguments[curve], isFull: arguments[full],
            minimumFiles: Int(clamping: arguments[minimumFiles] ?? 1), targetFileSize: arguments[targetFileSize], condition: arguments[condition],
            codec: arguments[codec] ?? .keep, reencodes: arguments[reencode], maximumBytes: arguments[maximumBytes],
            maximumCommitBytes: arguments[maximumCommitBytes], dryRun: arguments[dryRun],
            conditions: try ConditionOptions.conditions(arguments))
        try await run(options, arguments, console, nothing: options.zOrderBy.isEmpty ? "none would become fewer" : "none is new")
    }

    /// - Parameter nothing: said of the files where there is nothing to do.
    static func run(_ options: OptimizeOptions, _ arguments: Arguments, _ console: Console, nothing: String) async throws {
        let table = try TableAccess.table(arguments)
        let line = ProgressLine()
        defer { line.end() }
        let result = try await OptimizeOperation(table: table, options: options).run(progress: line.reporter)
        line.end()
        try print(result, dryRun: options.dryRun, console, nothing: nothing)
    }

    private static func print(_ result: OptimizeResult, dryRun: Bool, _ console: Console, nothing: String) throws {
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "alreadyApplied": .bool(result.alreadyApplied), "dryRun": .bool(dryRun),
                "metrics": try JSON.value(of: metrics), "verification": try JSON.value(of: result.verification),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if result.alreadyApplied { return try console.print("Nothing to do: the table has this run already.\n") }
        guard metrics.numFilesRemoved > 0 else {
            return try console.print("Nothing to do: of \(metrics.totalConsideredFiles) files \(nothing).\n")
        }
        let before = "\(metrics.numFilesRemoved) files (\(metrics.filesRemoved.totalSize.formattedBytes))"
        if dryRun {
            return try console.print("Would rewrite \(before) into \(metrics.numFilesAdded) in \(metrics.partitionsOptimized) partition(s).\n")
        }
        let after = "\(metrics.numFilesAdded) (\(metrics.filesAdded.totalSize.formattedBytes))"
        try console.print("Rewrote \(before) into \(after) in \(metrics.partitionsOptimized) partition(s); version \(result.version ?? -1).\n")
    }
}
