import Base
import DeltaEngine

/// `levee table changes`.
enum TableChanges {
    private static let from = Option.integer("from", "V", atLeast: 0, "the first version whose changes to show")
    private static let to = Option.integer("to", "V", atLeast: 0, "the last version whose changes to show (default: the latest)")
    private static let fromTimestamp = Option.text("from-timestamp", "TIME", "start with the first version of this time or later")
    private static let toTimestamp = Option.text("to-timestamp", "TIME", "end with the last version of this time or earlier")
    private static let toFile = Option.text("to-file", "FILE", "write to a file instead of standard output")

    static let command = Command(
        name: "changes", summary: "print what versions did to the table's rows (change data feed)",
        discussion: """
            Every row has its _change_type (insert, delete, update_preimage, update_postimage), _commit_version and _commit_timestamp beside the table's
            columns. delta.enableChangeDataFeed must have been on at every version of the range, and the schema of the last one must extend the others'.
            """,
        positionals: [TableAccess.location], options: [from, to, fromTimestamp, toTimestamp] + RowOutput.options + [toFile] + TableAccess.options,
        examples: ["levee table changes /data/orders --from 40 --to 42 --where \"_change_type = 'delete'\""]
    ) { arguments, console in
        guard let start = try bound(arguments, from, fromTimestamp) else {
            throw UsageError(command: "levee table changes", message: "--from or --from-timestamp is missing")
        }
        let range = ChangeRange(from: start, to: try bound(arguments, to, toTimestamp))
        let output = RowOutput(arguments, to: toFile, console)
        try await output.print(try await ChangesReader.open(try TableAccess.table(arguments), range, options: output.readOptions))
    }

    private static func bound(_ arguments: Arguments, _ version: Option<Int64>, _ time: Option<String>) throws -> ChangeRange.Bound? {
        switch (arguments[version], arguments[time]) {
        case (nil, nil): nil
        case let (version?, nil): .version(version)
        case let (nil, text?): .timestamp(try VersionChoice.time(text, option: time.name))
        default: throw DeltaError.invalidRequest(reason: "ask for a version or a time, not both: --\(version.name) or --\(time.name)")
        }
    }
}
