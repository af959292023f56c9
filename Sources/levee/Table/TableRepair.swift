import Base
import DeltaEngine

/// `levee table repair`.
enum TableRepair {
    private static let apply = Option.flag("apply", "commit the repair; without it, what is wrong is only told")
    private static let lostVectors = Option<RepairOptions.LostVectors>.choice(
        "lost-vectors", "what becomes of files whose deletion vector is gone (default keep: they stay, and cannot be read)")
    private static let allowMany = Option.flag("allow-many-missing", "go on where more than half of the files are gone")

    static let command = Command(
        name: "repair", summary: "hold the table against its storage, and take files that are gone out of the log",
        discussion: """
            Every file of the table is looked for, with its size, and so is its deletion vector. With --apply those that are gone leave the table, with the
            rows that they had: bring them back from a copy first if there is one, or see whether a restore to an older version does. Objects that the log
            knows nothing of are counted; a vacuum takes them once they are old enough.
            """,
        positionals: [TableAccess.location], options: [apply, lostVectors, allowMany] + ConditionOptions.options + TableAccess.options,
        examples: ["levee table repair /data/orders", "levee table repair /data/orders --apply --expected-version 412"]
    ) { arguments, console in
        let options = RepairOptions(
            lostVectors: arguments[lostVectors] ?? .keep, allowManyMissing: arguments[allowMany], dryRun: !arguments[apply],
            conditions: try ConditionOptions.conditions(arguments))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await RepairOperation(table: try TableAccess.table(arguments), options: options).run(progress: line.reporter)
        line.end()
        try print(result, dryRun: options.dryRun, console)
    }

    private static func print(_ result: RepairResult, dryRun: Bool, _ console: Console) throws {
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "alreadyApplied": .bool(result.alreadyApplied), "dryRun": .bool(dryRun),
                "tries": .integer(Int64(result.tries)), "metrics": try JSON.value(of: metrics), "verification": try JSON.value(of: result.verification),
                "missing": .array(result.missing.map(JSONValue.string)),
                "lostVectors": .array(result.lostVectors.map(JSONValue.string)), "unknown": .array(result.unknown.map(JSONValue.string)),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if result.alreadyApplied { return try console.print("Nothing to do: the table has this run already.\n") }
        for path in result.missing { try console.print("gone: \(path)\n") }
        for path in result.lostVectors { try console.print("without its deletion vector: \(path)\n") }
        let unknown = "\(metrics.numUnknownFiles) objects (\(metrics.unknownFilesSize.formattedBytes)) that the log knows nothing of"
        try console.print(
            "\(metrics.numMissingFiles) of \(metrics.numFilesChecked) files are gone, \(metrics.numLostDeletionVectors) have lost their deletion vector; \(unknown).\n"
        )
        if let version = result.version {
            try console.print("Took \(metrics.numRemovedFiles) files out of the table; version \(version).\n")
        } else if metrics.numRemovedFiles + metrics.numFilesWithRestoredRows > 0 {
            try console.print("With --apply \(metrics.numRemovedFiles) files would leave the table.\n")
        }
    }
}
