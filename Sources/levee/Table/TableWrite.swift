import Base
import DeltaEngine

/// `levee table write`.
enum TableWrite {
    private static let from = Option.text("from", "FILE", "the rows: a .parquet file, or .json with one object on each line")
    private static let codec = Option<WriteOptions.Codec>.choice("codec", "how files are compressed (default zstd)")

    static let command = Command(
        name: "write", summary: "append rows to a table",
        discussion: "The rows must fit the table's columns and types: nothing is converted that could lose something, and nothing is left out.",
        positionals: [TableAccess.location], options: [from, codec] + ConditionOptions.options + TableAccess.options,
        examples: ["levee table write /data/orders --from orders.json"]
    ) { arguments, console in
        guard let path = arguments[from] else { throw UsageError(command: "levee table write", message: "--from is missing") }
        let file = try TableAccess.file(path)
        let table = try TableAccess.table(arguments)
        let options = WriteOptions(codec: arguments[codec] ?? .zstd, conditions: try ConditionOptions.conditions(arguments))
        let line = ProgressLine()
        defer { line.end() }
        let input = WriteInput(store: file.store, path: file.path, format: try format(of: path))
        let result = try await WriteOperation(table: table, input: input, options: options).run(progress: line.reporter)
        line.end()
        switch console.format {
        case .json:
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "alreadyApplied": .bool(result.alreadyApplied),
                "metrics": try JSON.value(of: result.metrics), "verification": try JSON.value(of: result.verification),
            ]
            try console.print(JSON.encode(value) + "\n")
        case .text:
            if result.alreadyApplied { return try console.print("Nothing to do: the table has these rows already.\n") }
            guard let version = result.version else { return try console.print("Nothing to do: \(path) has no rows.\n") }
            try console.print("Added \(result.metrics.numOutputRows) rows in \(result.metrics.numFiles) file(s); version \(version).\n")
        }
    }

    private static func format(of path: String) throws -> WriteInput.Format {
        let name = path.lowercased()
        if name.hasSuffix(".parquet") { return .parquet }
        if name.hasSuffix(".json") || name.hasSuffix(".jsonl") || name.hasSuffix(".ndjson") { return .jsonLines }
        throw DeltaError.invalidRequest(reason: "\(path): the name must end with .parquet, .json, .jsonl or .ndjson, which says what is in it")
    }
}
