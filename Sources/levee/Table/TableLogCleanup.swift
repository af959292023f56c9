import Base
import DeltaEngine

/// `levee table log-cleanup`.
enum TableLogCleanup {
    private static let dryRun = Option.flag("dry-run", "say what would go, remove nothing")

    static let command = Command(
        name: "log-cleanup", summary: "remove files of the log that delta.logRetentionDuration no longer keeps",
        discussion: """
            What expired goes behind every checkpoint anyway; this is for tables that are seldom written to, and to see what would go. Commits, checkpoints with
            their sidecars, checksums and compacted commits go as far as a checkpoint stands for them; versions before that can no longer be read.
            """,
        positionals: [TableAccess.location], options: [dryRun, ConditionOptions.expectedVersion] + TableAccess.options,
        examples: ["levee table log-cleanup /data/orders --dry-run"]
    ) { arguments, console in
        let options = LogCleanupOptions(dryRun: arguments[dryRun], conditions: CommitConditions(expectedVersion: arguments[ConditionOptions.expectedVersion]))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await LogCleanupOperation(table: try TableAccess.table(arguments), options: options).run(progress: line.reporter)
        line.end()
        try print(result, dryRun: options.dryRun, console)
    }

    private static func print(_ result: LogCleanupResult, dryRun: Bool, _ console: Console) throws {
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = [
                "dryRun": .bool(dryRun), "firstVersion": .integer(result.readable.lowerBound), "lastVersion": .integer(result.readable.upperBound),
                "obstacle": result.obstacle.map(JSONValue.string) ?? .null, "metrics": try JSON.value(of: metrics),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if let obstacle = result.obstacle { try console.print("Versions from \(result.readable.lowerBound) on are kept: \(obstacle).\n") }
        let readable = "versions \(result.readable.lowerBound) to \(result.readable.upperBound) can be read"
        guard metrics.numRemovedFiles > 0 else { return try console.print("Nothing to do: no file of the log has expired; \(readable).\n") }
        let files = "\(metrics.numRemovedFiles) files of the log (\(metrics.numRemovedBytes.formattedBytes))"
        try console.print(dryRun ? "Would remove \(files); then \(readable).\n" : "Removed \(files); \(readable).\n")
    }
}
