import Base
import Columnar
import DeltaEngine

/// `levee table describe`.
enum TableDescribe {
    static let command = Command(
        name: "describe", summary: "show what the table is: schema, partitioning, properties, size", positionals: [TableAccess.location],
        options: VersionChoice.options + TableAccess.options
    ) { arguments, console in
        let table = try TableAccess.table(arguments)
        let snapshot = try await VersionChoice.snapshot(of: table, arguments)
        switch console.format {
        case .json: try console.print(JSON.encode(json(table, snapshot)) + "\n")
        case .text: try console.print(text(table, snapshot))
        }
    }

    private static func json(_ table: DeltaTable, _ snapshot: Snapshot) -> JSONValue {
        let metadata = snapshot.metadata
        return [
            "location": .string(table.location), "id": .string(metadata.id), "name": metadata.name.map(JSONValue.string) ?? .null,
            "description": metadata.description.map(JSONValue.string) ?? .null, "version": .integer(snapshot.version),
            "createdAt": metadata.createdTime.map { .string(Timestamp(milliseconds: $0).rfc3339Milliseconds) } ?? .null,
            "lastCommitAt": snapshot.timestamp.map { .string($0.rfc3339Milliseconds) } ?? .null, "numFiles": .integer(Int64(snapshot.numFiles)),
            "sizeInBytes": .integer(snapshot.sizeInBytes), "numRecords": snapshot.files.numRecords.map(JSONValue.integer) ?? .null,
            "partitionColumns": .array(metadata.partitionColumns.map(JSONValue.string)),
            "properties": .object(JSONObject(metadata.configuration.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) })),
            "minReaderVersion": .integer(Int64(snapshot.protocol.minReaderVersion)), "minWriterVersion": .integer(Int64(snapshot.protocol.minWriterVersion)),
            "readerFeatures": .array((snapshot.protocol.readerFeatures ?? []).map(JSONValue.string)),
            "writerFeatures": .array((snapshot.protocol.writerFeatures ?? []).map(JSONValue.string)),
            "schema": SchemaJSON.json(of: snapshot.schema),
        ]
    }

    private static func text(_ table: DeltaTable, _ snapshot: Snapshot) -> String {
        let metadata = snapshot.metadata
        var facts: [(String, String)] = [("Location", table.location), ("Id", metadata.id)]
        if let name = metadata.name { facts.append(("Name", name)) }
        if let description = metadata.description { facts.append(("Description", description)) }
        facts.append(("Version", String(snapshot.version)))
        if let time = snapshot.timestamp { facts.append(("Last commit", time.rfc3339Seconds)) }
        let average = snapshot.numFiles > 0 ? ", \((snapshot.sizeInBytes / Int64(snapshot.numFiles)).formattedBytes) on average" : ""
        facts.append(("Files", "\(snapshot.numFiles) (\(snapshot.sizeInBytes.formattedBytes)\(average))"))
        facts.append(("Rows", snapshot.files.numRecords.map(String.init) ?? "unknown: not all files have statistics"))
        if !metadata.partitionColumns.isEmpty { facts.append(("Partitioned by", metadata.partitionColumns.joined(separator: ", "))) }
        facts.append(("Protocol", protocolText(snapshot.protocol)))
        for (key, value) in metadata.configuration.sorted(by: { $0.key < $1.key }) { facts.append(("Property", "\(key) = \(value)")) }

        var columns = TextTable([.init("COLUMN"), .init("TYPE"), .init("NULLABLE"), .init("COMMENT")])
        for field in snapshot.schema.fields {
            columns.add([field.name, field.type.description, field.nullable ? "yes" : "no", field.metadata["comment"]?.stringValue ?? ""])
        }
        let width = facts.map(\.0.count).max() ?? 0
        return facts.map { "\(($0 + ":").padded(to: width + 1))  \($1.withoutControlCharacters)\n" }.joined() + "\n" + columns.render()
    }

    private static func protocolText(_ action: ProtocolAction) -> String {
        let features = Set((action.readerFeatures ?? []) + (action.writerFeatures ?? [])).sorted()
        let versions = "reader \(action.minReaderVersion), writer \(action.minWriterVersion)"
        return features.isEmpty ? versions : versions + "; " + features.joined(separator: ", ")
    }
}
