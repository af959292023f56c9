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
        let vectors = snapshot.files.deletionVectors
        func list(_ names: [String]?) -> JSONValue { .array((names ?? []).map(JSONValue.string)) }
        func time(_ time: Timestamp?) -> JSONValue { time.map { .string($0.rfc3339Milliseconds) } ?? .null }
        // First what Spark's DESCRIBE DETAIL shows, by its names and in its order.
        return [
            "format": "delta", "id": .string(metadata.id), "name": metadata.name.map(JSONValue.string) ?? .null,
            "description": metadata.description.map(JSONValue.string) ?? .null, "location": .string(table.location),
            "createdAt": time(metadata.createdTime.map(Timestamp.init(milliseconds:))), "lastModified": time(snapshot.segment.lastCommit?.modified),
            "partitionColumns": list(metadata.partitionColumns), "clusteringColumns": list(snapshot.clusteringColumns.map(\.name)),
            "numFiles": .integer(Int64(snapshot.numFiles)), "sizeInBytes": .integer(snapshot.sizeInBytes),
            "properties": .object(JSONObject(metadata.configuration.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) })),
            "minReaderVersion": .integer(Int64(snapshot.protocol.minReaderVersion)), "minWriterVersion": .integer(Int64(snapshot.protocol.minWriterVersion)),
            "tableFeatures": list(snapshot.tableFeatures),
            "statistics": ["numRowsDeletedByDeletionVectors": .integer(vectors.rows), "numDeletionVectors": .integer(vectors.count)],
            "version": .integer(snapshot.version), "lastCommitAt": time(snapshot.timestamp),
            "numRecords": snapshot.files.numRecords.map(JSONValue.integer) ?? .null, "readerFeatures": list(snapshot.protocol.readerFeatures),
            "writerFeatures": list(snapshot.protocol.writerFeatures), "schema": SchemaJSON.json(of: snapshot.schema),
        ]
    }

    private static func text(_ table: DeltaTable, _ snapshot: Snapshot) -> String {
        let metadata = snapshot.metadata
        var facts: [(String, String)] = [("Location", table.location), ("Format", "delta"), ("Id", metadata.id)]
        if let name = metadata.name { facts.append(("Name", name)) }
        if let description = metadata.description { facts.append(("Description", description)) }
        facts.append(("Version", String(snapshot.version)))
        if let time = metadata.createdTime { facts.append(("Created", Timestamp(milliseconds: time).rfc3339Seconds)) }
        if let time = snapshot.timestamp { facts.append(("Last commit", time.rfc3339Seconds)) }
        if let time = snapshot.segment.lastCommit?.modified, snapshot.hasInCommitTimestamps { facts.append(("Last modified", time.rfc3339Seconds)) }
        let average = snapshot.numFiles > 0 ? ", \((snapshot.sizeInBytes / Int64(snapshot.numFiles)).formattedBytes) on average" : ""
        facts.append(("Files", "\(snapshot.numFiles) (\(snapshot.sizeInBytes.formattedBytes)\(average))"))
        facts.append(("Rows", snapshot.files.numRecords.map(String.init) ?? "unknown: not all files have statistics"))
        let vectors = snapshot.files.deletionVectors
        if vectors.count > 0 { facts.append(("Deleted rows", "\(vectors.rows), marked in the deletion vectors of \(vectors.count) file(s)")) }
        if !metadata.partitionColumns.isEmpty { facts.append(("Partitioned by", metadata.partitionColumns.joined(separator: ", "))) }
        let clustering = snapshot.clusteringColumns
        if !clustering.isEmpty { facts.append(("Clustered by", clustering.map(\.name).joined(separator: ", "))) }
        facts.append(("Protocol", "reader \(snapshot.protocol.minReaderVersion), writer \(snapshot.protocol.minWriterVersion)"))
        if !snapshot.tableFeatures.isEmpty { facts.append(("Features", snapshot.tableFeatures.joined(separator: ", "))) }
        for (key, value) in metadata.configuration.sorted(by: { $0.key < $1.key }) { facts.append(("Property", "\(key) = \(value)")) }

        var columns = TextTable([.init("COLUMN"), .init("TYPE"), .init("NULLABLE"), .init("COMMENT")])
        for field in snapshot.schema.fields {
            columns.add([field.name, field.type.tableDescription, field.nullable ? "yes" : "no", field.metadata["comment"]?.stringValue ?? ""])
        }
        let width = facts.map(\.0.count).max() ?? 0
        return facts.map { "\(($0 + ":").padded(to: width + 1))  \($1.withoutControlCharacters)\n" }.joined() + "\n" + columns.render()
    }
}
