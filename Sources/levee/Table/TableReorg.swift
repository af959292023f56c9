import Base
import DeltaEngine

/// `levee table reorg`.
enum TableReorg {
    private static let condition = Option.text("where", "EXPR", "look only at files of partitions for which this holds (Spark SQL on partition columns)")
    private static let maximumBytes = Option.byteCount("max-bytes", "rewrite at most this much")
    private static let dryRun = Option.flag("dry-run", "say what would be rewritten, change nothing")

    static let command = Command(
        name: "reorg", summary: "rewrite files that have deletion vectors, so that deleted rows are in none",
        discussion: """
            As Spark's REORG TABLE … APPLY (PURGE). The table's rows stay what they are; the old files are still in the store until a vacuum has taken them,
            which erases deleted rows for good.
            """,
        positionals: [TableAccess.location],
        options: [condition, maximumBytes, dryRun, ConditionOptions.verifyRows] + ConditionOptions.options + TableAccess.options,
        examples: ["levee table reorg /data/orders --where \"order_date < '2024-01-01'\""]
    ) { arguments, console in
        let options = OptimizeOptions(
            selection: .deletionVectors, condition: arguments[condition], maximumBytes: arguments[maximumBytes], dryRun: arguments[dryRun],
            conditions: try ConditionOptions.conditions(arguments))
        try await TableOptimize.run(options, arguments, console, nothing: "no file has a deletion vector")
    }
}
