import Base
import DeltaEngine

/// `levee table clone`.
enum TableClone {
    private static let source = Positional(name: "SOURCE", help: "the table to clone: a path, or a file://, s3://, abfss://, az:// or gs:// URL")
    private static let target = Positional(name: "TARGET", help: "where the clone is to be: an empty place, or a clone of the same table")
    private static let mode = Option<CloneOptions.Mode>.choice("mode", "shallow: refer to the source's files; deep: copy them")
    private static let replace = Option.flag("replace", "make TARGET a clone although it is another table, or was changed since it was cloned")
    private static let dryRun = Option.flag("dry-run", "say what would be copied, change nothing")
    private static let verifyRows = Option.flag(
        "verify-rows",
        "before the commit read all rows of copies and of what they were copied from, and compare them; of a shallow clone's files, read all rows")

    static let command = Command(
        name: "clone", summary: "make a table the same as another one",
        discussion: """
            A shallow clone is made at once: its log refers to the source's files, which it needs from then on. A deep clone has copies of its own; repeated, it copies only files that it lacks, and drops those that the source
            has no more, in one commit. A target that was changed meanwhile is left alone without --replace.
            """,
        positionals: [source, target], options: [mode, replace, dryRun, verifyRows] + VersionChoice.options + ConditionOptions.options + TableAccess.options,
        examples: [
            "levee table clone /data/orders /data/sandbox/orders --mode shallow",
            "levee table clone s3://lake/orders s3://copy/orders --mode deep --version 42",
        ]
    ) { arguments, console in
        guard let mode = arguments[mode] else { throw UsageError(command: "levee table clone", message: "--mode is missing: shallow or deep") }
        let options = CloneOptions(
            mode: mode, version: try version(arguments), replace: arguments[replace], dryRun: arguments[dryRun],
            conditions: try ConditionOptions.conditions(arguments))
        let access = try TableAccess(arguments)
        let line = ProgressLine()
        defer { line.end() }
        let result = try await CloneOperation(
            source: try access.table(at: arguments[source]), target: try access.table(at: arguments[target]), options: options
        ).run(progress: line.reporter)
        line.end()
        try print(result, options, console)
    }

    private static func version(_ arguments: Arguments) throws -> CloneOptions.Version {
        switch (arguments[VersionChoice.version], arguments[VersionChoice.timestamp]) {
        case (nil, nil): .latest
        case let (version?, nil): .version(version)
        case let (nil, text?): .timestamp(try VersionChoice.time(text, option: VersionChoice.timestamp.name))
        default: throw DeltaError.invalidRequest(reason: "ask for a version or a time, not both")
        }
    }

    private static func print(_ result: CloneResult, _ options: CloneOptions, _ console: Console) throws {
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "sourceVersion": .integer(result.sourceVersion),
                "alreadyApplied": .bool(result.alreadyApplied), "dryRun": .bool(options.dryRun), "tries": .integer(Int64(result.tries)),
                "metrics": try JSON.value(of: metrics), "verification": try JSON.value(of: result.verification),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if result.alreadyApplied { return try console.print("Nothing to do: the table has this run already.\n") }
        if result.version == nil, !options.dryRun {
            return try console.print("Nothing to do: the clone is as version \(result.sourceVersion) of the source is.\n")
        }
        var parts = ["\(metrics.sourceNumOfFiles) files (\(metrics.sourceTableSize.formattedBytes))"]
        if options.mode == .deep { parts.append("\(metrics.numCopiedFiles) of them (\(metrics.copiedFilesSize.formattedBytes)) copied") }
        if metrics.numRemovedFiles > 0 { parts.append("\(metrics.numRemovedFiles) files (\(metrics.removedFilesSize.formattedBytes)) gone") }
        let text = parts.joined(separator: ", ")
        if options.dryRun { return try console.print("Would clone version \(result.sourceVersion): \(text).\n") }
        try console.print("Cloned version \(result.sourceVersion): \(text); version \(result.version ?? -1).\n")
    }
}
