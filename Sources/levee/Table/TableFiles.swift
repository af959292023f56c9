import Base
import DeltaEngine

/// `levee table files`.
enum TableFiles {
    private static let limit = Option.integer("limit", "N", atLeast: 1, "how many files to show (default all)")

    static let command = Command(
        name: "files", summary: "list the data files of the table", positionals: [TableAccess.location],
        options: [limit] + VersionChoice.options + TableAccess.options
    ) { arguments, console in
        let snapshot = try await VersionChoice.snapshot(of: try TableAccess.table(arguments), arguments)
        let files = snapshot.files.prefix(Int(clamping: arguments[limit] ?? .max))
        switch console.format {
        case .json: try printJSON(files, snapshot, console)
        case .text: try printText(files, console)
        }
    }

    private static func printText(_ files: FileTable.SubSequence, _ console: Console) throws {
        var table = TextTable([.init("SIZE", .right), .init("ROWS", .right), .init("MODIFIED"), .init("PATH")])
        for file in files {
            table.add([
                file.size.formattedBytes, file.numRecords.map(String.init) ?? "?", Timestamp(milliseconds: file.modificationTime).rfc3339Seconds,
                file.path.decoded,
            ])
        }
        try console.print(table)
    }

    /// Piece by piece: a table may have millions of files.
    private static func printJSON(_ files: FileTable.SubSequence, _ snapshot: Snapshot, _ console: Console) throws {
        var text = "["
        for (index, file) in files.enumerated() {
            if index > 0 { text += ",\n" }
            text += JSON.encode(json(file, snapshot))
            if text.utf8.count > 1 << 20 {
                try console.print(text)
                text = ""
            }
        }
        try console.print(text + "]\n")
    }

    private static func json(_ file: FileView, _ snapshot: Snapshot) -> JSONValue {
        let partitions = zip(snapshot.metadata.partitionColumns, file.partitionValues).map { (key: $0, value: $1.map(JSONValue.string) ?? .null) }
        var members: JSONObject = [
            "path": .string(file.path.decoded), "size": .integer(file.size), "modificationTime": .integer(file.modificationTime),
            "partitionValues": .object(JSONObject(partitions)), "numRecords": file.numRecords.map(JSONValue.integer) ?? .null,
        ]
        if let stats = file.stats { members["stats"] = (try? JSON.parse(stats)) ?? .string(stats.text) }
        if let vector = file.deletionVector { members["deletedRows"] = .integer(vector.cardinality) }
        return .object(members)
    }
}
