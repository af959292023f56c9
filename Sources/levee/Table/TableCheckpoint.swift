import Base
import DeltaEngine

/// `levee table checkpoint`.
enum TableCheckpoint {
    private static let dryRun = Option.flag("dry-run", "say which version's checkpoint would be written, write nothing")

    static let command = Command(
        name: "checkpoint", summary: "write a checkpoint of the latest version, so that opening the table is fast", positionals: [TableAccess.location],
        options: [dryRun, ConditionOptions.expectedVersion] + TableAccess.options
    ) { arguments, console in
        let options = CheckpointOptions(dryRun: arguments[dryRun], conditions: CommitConditions(expectedVersion: arguments[ConditionOptions.expectedVersion]))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await CheckpointOperation(table: try TableAccess.table(arguments), options: options).run(progress: line.reporter)
        line.end()
        if console.format == .json {
            let value: JSONValue = [
                "version": .integer(result.version), "written": .bool(result.written && !options.dryRun), "dryRun": .bool(options.dryRun),
                "metrics": try JSON.value(of: result.counters),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        guard result.written else { return try console.print("Nothing to do: version \(result.version) has a checkpoint.\n") }
        if options.dryRun { return try console.print("Would write the checkpoint of version \(result.version).\n") }
        let expired = result.expiredFiles > 0 ? " \(result.expiredFiles) expired files of the log are gone." : ""
        try console.print("Wrote the checkpoint of version \(result.version) (\(result.sizeInBytes.formattedBytes)).\(expired)\n")
    }
}
