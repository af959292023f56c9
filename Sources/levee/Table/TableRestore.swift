import Base
import DeltaEngine

/// `levee table restore`.
enum TableRestore {
    private static let version = Option.integer("version", "N", atLeast: 0, "back to this version")
    private static let timestamp = Option.text("timestamp", "TIME", "back to what the table was at this time (2024-01-31T12:00:00Z, or a date)")
    private static let allowMissing = Option.flag("allow-missing", "leave out files that are gone, with their rows")
    private static let dryRun = Option.flag("dry-run", "say what would change, change nothing")

    static let command = Command(
        name: "restore", summary: "put the table back to an older version",
        discussion: """
            A new commit brings back the files, the schema and the properties of the older version; the versions between stay in the history, and can be
            restored in their turn. No data is copied, so all files of the older version must still be there: where a vacuum has taken some, they are listed
            and nothing is done. What must only grow does not go back: the protocol, row ids, identity values, column ids.
            """,
        positionals: [TableAccess.location], options: [version, timestamp, allowMissing, dryRun] + ConditionOptions.options + TableAccess.options,
        examples: ["levee table restore /data/orders --version 411", "levee table restore /data/orders --timestamp 2026-03-01T06:00:00Z --dry-run"]
    ) { arguments, console in
        let options = RestoreOptions(
            target: try target(arguments), allowMissing: arguments[allowMissing], dryRun: arguments[dryRun],
            conditions: try ConditionOptions.conditions(arguments))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await RestoreOperation(table: try TableAccess.table(arguments), options: options).run(progress: line.reporter)
        line.end()
        try print(result, dryRun: options.dryRun, console)
    }

    private static func target(_ arguments: Arguments) throws -> RestoreOptions.Target {
        switch (arguments[version], arguments[timestamp]) {
        case let (version?, nil): return .version(version)
        case let (nil, text?): return .timestamp(try VersionChoice.time(text, option: timestamp.name))
        default: throw DeltaError.invalidRequest(reason: "say what to restore: --version N, or --timestamp TIME")
        }
    }

    private static func print(_ result: RestoreResult, dryRun: Bool, _ console: Console) throws {
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "restoredVersion": .integer(result.restoredVersion),
                "alreadyApplied": .bool(result.alreadyApplied), "dryRun": .bool(dryRun), "tries": .integer(Int64(result.tries)),
                "metrics": try JSON.value(of: metrics), "verification": try JSON.value(of: result.verification),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if result.alreadyApplied { return try console.print("Nothing to do: the table has this run already.\n") }
        if result.version == nil, !dryRun { return try console.print("Nothing to do: the table is as version \(result.restoredVersion) was.\n") }
        var parts = [
            "\(metrics.numRestoredFiles) files (\(metrics.restoredFilesSize.formattedBytes)) come back",
            "\(metrics.numRemovedFiles) files (\(metrics.removedFilesSize.formattedBytes)) go",
        ]
        if metrics.numMissingFiles > 0 { parts.append("\(metrics.numMissingFiles) files are gone for good") }
        let text = parts.joined(separator: ", ")
        if dryRun { return try console.print("Would restore version \(result.restoredVersion): \(text).\n") }
        try console.print("Restored version \(result.restoredVersion): \(text); version \(result.version ?? -1).\n")
    }
}
