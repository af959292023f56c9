import Base
import DeltaEngine
import ObjectStore

/// `levee table vacuum`.
enum TableVacuum {
    private enum Mode: String, Sendable, CaseIterable {
        case full, lite
    }

    private static let retention = Option.duration(
        "retention", "remove what left the table longer ago (default: the table's delta.deletedFileRetentionDuration, else 168h)")
    private static let allowShort = Option.flag("allow-short-retention", "accept a retention below the table's; safe only while nobody reads or writes")
    private static let mode = Option<Mode>.choice(
        "mode", "full: list the table; lite: go by what the log says was removed since the last vacuum, list nothing (default full)")
    private static let inventory = Option.text(
        "inventory", "FILE", "take the objects from a Parquet file (path, length, isDir, modificationTime in ms) instead of a listing")
    private static let rate = Option.integer("max-deletes-per-second", "N", atLeast: 1, "delete at most this many files in a second")
    private static let keepFor = Option.text("keep-for", "URI", repeatable: true, "keep what this shallow clone needs, which another engine has made")
    private static let forgetClone = Option.text("forget-clone", "URI", repeatable: true, "do not ask this clone any more: what it needs may go")
    private static let dryRun = Option.flag("dry-run", "say what would be removed, change nothing")

    static let command = Command(
        name: "vacuum", summary: "remove files that no version in the retention needs",
        discussion: """
            A file goes when the table does not have it any more (or never had it), and its own age is beyond the retention too. Deletion vectors and
            change data are the table's files; the log and everything hidden is left alone. Older versions can no longer be read afterwards.
            What shallow clones refer to stays: those that Levee has made are known by a note below _levee/clones, others are named by --keep-for.
            With --mode lite what failed writers left is not found; run a full vacuum now and then.
            """,
        positionals: [TableAccess.location],
        options: [retention, allowShort, mode, inventory, rate, keepFor, forgetClone, dryRun] + ConditionOptions.options + TableAccess.options,
        examples: ["levee table vacuum /data/orders --dry-run", "levee table vacuum /data/orders --retention 240h"]
    ) { arguments, console in
        let table = try TableAccess.table(arguments)
        let options = VacuumOptions(
            retention: arguments[retention], allowShortRetention: arguments[allowShort], source: try source(arguments),
            maximumDeletesPerSecond: arguments[rate].map { Int(clamping: $0) }, keepFor: try arguments.all(keepFor).map(absolute),
            forgottenClones: try arguments.all(forgetClone).map(absolute), dryRun: arguments[dryRun],
            conditions: try ConditionOptions.conditions(arguments))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await VacuumOperation(table: table, options: options).run(progress: line.reporter)
        line.end()
        try print(result, dryRun: options.dryRun, console)
    }

    /// Clones are known by whole locations.
    private static func absolute(_ location: String) throws -> String {
        try TableLocation(location, relativeTo: TableAccess.workingDirectory()).description
    }

    private static func source(_ arguments: Arguments) throws -> VacuumOptions.Source {
        guard let file = arguments[inventory] else { return arguments[mode] == .lite ? .log : .listing }
        if arguments[mode] == .lite {
            throw UsageError(command: "levee table vacuum", message: "--mode lite lists nothing, and needs no --inventory: leave one of them out")
        }
        let (store, path) = try TableAccess.file(file)
        return .inventory(store: store, path: path)
    }

    private static func print(_ result: VacuumResult, dryRun: Bool, _ console: Console) throws {
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "alreadyApplied": .bool(result.alreadyApplied), "dryRun": .bool(dryRun),
                "retention": .string(result.retention.formatted), "metrics": try JSON.value(of: metrics),
                "verification": try JSON.value(of: result.verification),
                "files": .array(result.sample.map(JSONValue.string)),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if result.alreadyApplied { return try console.print("Nothing to do: the table has this run already.\n") }
        guard metrics.numFilesToDelete > 0 else {
            return try console.print("Nothing to do: none of \(metrics.numFilesListed) files can go.\n")
        }
        let what = "\(metrics.numFilesToDelete) of \(metrics.numFilesListed) files (\(metrics.sizeOfDataToDelete.formattedBytes))"
        guard dryRun else { return try console.print("Removed \(what); version \(result.version ?? -1).\n") }
        try console.print("Would remove \(what):\n" + result.sample.map { "  \($0.withoutControlCharacters)\n" }.joined())
        let more = metrics.numFilesToDelete - Int64(result.sample.count)
        if more > 0 { try console.print("  and \(more) more\n") }
    }
}
