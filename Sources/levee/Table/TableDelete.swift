import Base
import DeltaEngine

/// `levee table delete`.
enum TableDelete {
    private static let condition = Option.text("where", "EXPR", "delete the rows for which this holds (Spark SQL); without it, all rows")
    private static let dryRun = Option.flag("dry-run", "say how many rows would go, change nothing")

    static let command = Command(
        name: "delete", summary: "delete rows",
        discussion: """
            Rows of which the condition is true go, those of which it is false or NULL stay. Files that lose all rows are removed, often by what the log says
            of them alone. In others the rows are marked by deletion vectors where the table has delta.enableDeletionVectors; where it has not, the rows that
            stay are written into new files. Older versions still have the rows until a vacuum has taken their files. Where another writer changes the same
            files meanwhile, all is done anew from the table as it is then.
            """,
        positionals: [TableAccess.location], options: [condition, dryRun, ConditionOptions.verifyRows] + ConditionOptions.options + TableAccess.options,
        examples: [
            "levee table delete /data/orders --where \"customer_id = 4711\"", "levee table delete /data/orders --where \"day < '2024-01-01'\" --dry-run",
        ]
    ) { arguments, console in
        let table = try TableAccess.table(arguments)
        let options = DeleteOptions(
            condition: arguments[condition], dryRun: arguments[dryRun], conditions: try ConditionOptions.conditions(arguments))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await DeleteOperation(table: table, options: options).run(progress: line.reporter)
        line.end()
        try print(result, dryRun: options.dryRun, console)
    }

    private static func print(_ result: DeleteResult, dryRun: Bool, _ console: Console) throws {
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "alreadyApplied": .bool(result.alreadyApplied), "dryRun": .bool(dryRun),
                "tries": .integer(Int64(result.tries)), "metrics": try JSON.value(of: metrics), "verification": try JSON.value(of: result.verification),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if result.alreadyApplied { return try console.print("Nothing to do: the table has this run already.\n") }
        if metrics.numDeletedRows == 0 { return try console.print("Nothing to do: the condition holds of no row.\n") }
        let rows = metrics.numDeletedRows.map { "\($0) rows" } ?? "all rows of files that do not say how many they have"
        if dryRun { return try console.print("Would delete \(rows).\n") }
        var parts = ["\(metrics.numRemovedFiles) files removed"]
        if metrics.numDeletionVectorsAdded > 0 { parts.append("\(metrics.numDeletionVectorsAdded) marked") }
        if metrics.numAddedFiles > 0 { parts.append("\(metrics.numAddedFiles) written") }
        try console.print("Deleted \(rows) (\(parts.joined(separator: ", "))); version \(result.version ?? -1).\n")
    }
}
