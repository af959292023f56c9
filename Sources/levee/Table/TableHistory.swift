import Base
import DeltaEngine

/// `levee table history`.
enum TableHistory {
    private static let limit = Option.integer("limit", "N", atLeast: 1, "how many commits to show, newest first (default 20)")

    static let command = Command(
        name: "history", summary: "show who changed the table, when and how", positionals: [TableAccess.location], options: [limit] + TableAccess.options
    ) { arguments, console in
        let records = try await TableAccess.table(arguments).history(limit: Int(clamping: arguments[limit] ?? 20))
        if console.format == .json { return try console.print(JSON.encode(.array(records.map(json))) + "\n") }
        var table = TextTable([.init("VERSION", .right), .init("TIME"), .init("OPERATION"), .init("ENGINE"), .init("METRICS")])
        for record in records {
            let metrics = record.commitInfo?.operationMetrics.map {
                $0.map { "\($0.key)=\($0.value.stringValue ?? JSON.encode($0.value))" }.joined(separator: " ")
            }
            table.add([
                String(record.version), record.timestamp.rfc3339Seconds, record.operation ?? "", record.commitInfo?.engineInfo ?? "", metrics ?? "",
            ])
        }
        try console.print(table)
    }

    /// The commit's own provenance with its version and time, whatever else the writer put there.
    private static func json(_ record: CommitRecord) -> JSONValue {
        var members: JSONObject = ["version": .integer(record.version), "timestamp": .string(record.timestamp.rfc3339Milliseconds)]
        for (key, value) in record.commitInfo?.members ?? [:] where members[key] == nil { members[key] = value }
        return .object(members)
    }
}
