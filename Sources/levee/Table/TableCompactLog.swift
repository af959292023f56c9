import Base
import DeltaEngine

/// `levee table compact-log`.
enum TableCompactLog {
    private static let from = Option.integer("from", "N", atLeast: 0, "the first commit of the one file to write")
    private static let to = Option.integer("to", "N", atLeast: 1, "the last commit of the one file to write")
    private static let commits = Option.integer(
        "commits-per-file", "N", atLeast: 2, "how many commits a file stands for, without --from and --to (default \(CompactLogOptions.defaultCommitsPerFile))")
    private static let dryRun = Option.flag("dry-run", "say what would be written, write nothing")

    static let command = Command(
        name: "compact-log", summary: "write compacted commits, by which readers open the table with fewer requests",
        discussion: """
            A file x.y.compacted.json stands for the commits from x to y for readers that know such files; the commits stay. Without --from and --to all commits
            since the last checkpoint are compacted, in ranges that begin at multiples of --commits-per-file. Each file is read back and held against its
            commits before it counts.
            """,
        positionals: [TableAccess.location], options: [from, to, commits, dryRun, ConditionOptions.expectedVersion] + TableAccess.options,
        examples: ["levee table compact-log /data/orders", "levee table compact-log /data/orders --from 400 --to 411"]
    ) { arguments, console in
        let options = CompactLogOptions(
            from: arguments[from], to: arguments[to], commitsPerFile: arguments[commits] ?? CompactLogOptions.defaultCommitsPerFile,
            dryRun: arguments[dryRun], conditions: CommitConditions(expectedVersion: arguments[ConditionOptions.expectedVersion]))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await CompactLogOperation(table: try TableAccess.table(arguments), options: options).run(progress: line.reporter)
        line.end()
        try print(result, dryRun: options.dryRun, console)
    }

    private static func print(_ result: CompactLogResult, dryRun: Bool, _ console: Console) throws {
        if console.format == .json {
            let ranges = result.ranges.map { JSONValue.array([.integer($0.lowerBound), .integer($0.upperBound)]) }
            let value: JSONValue = [
                "version": .integer(result.version), "dryRun": .bool(dryRun), "ranges": .array(ranges), "metrics": try JSON.value(of: result.metrics),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        guard !result.ranges.isEmpty else { return try console.print("Nothing to do: no two commits wait to be compacted.\n") }
        let ranges = result.ranges.map { "\($0.lowerBound)–\($0.upperBound)" }.joined(separator: ", ")
        let commits = "\(result.metrics.numCommitsCompacted) commits (\(result.metrics.numBytesOfCommits.formattedBytes))"
        if dryRun { return try console.print("Would compact \(commits): \(ranges).\n") }
        try console.print("Compacted \(commits) into \(result.metrics.numBytesWritten.formattedBytes): \(ranges).\n")
    }
}
