import Base
import Columnar
import ObjectStore
import Testing

@testable import DeltaEngine

@Test(arguments: [
    (
        #"[{"name":"id","type":"bigint","nullable":false,"comment":"key"},{"name":"tags","type":"array<struct<a:int, b: map<string,decimal(5,2)>>>"}]"#,
        "id:long tags:array<struct<a:integer,b:map<string,decimal(5,2)>>>"
    ),
    (#"{"type":"struct","fields":[{"name":"x","type":"timestamp_ntz","nullable":true,"metadata":{}}]}"#, "x:timestamp_ntz"),
])
func schemaFilesAreRead(text: String, expected: String) throws {
    let schema = try SchemaFile.parse(Bytes(text), name: "s.json")
    #expect(schema.fields.map { "\($0.name):\($0.type)" }.joined(separator: " ") == expected)
}

@Test func commentsAndNullabilityOfASchemaFileAreKept() throws {
    let schema = try SchemaFile.parse(Bytes(#"[{"name":"id","type":"long","nullable":false,"comment":"key"}]"#), name: "s.json")
    #expect(schema.fields[0].nullable == false)
    #expect(schema.fields[0].metadata["comment"] == "key")
}

@Test(arguments: [
    ("[", "not JSON"), (#"[{"name":"a"}]"#, "needs a name and a type"), (#"[{"name":"a","type":"text"}]"#, "column a has the type text"),
    (#"[{"name":"a","type":"long","nulable":true}]"#, "nulable"), (#"[{"name":"a","type":"long"},{"name":"A","type":"long"}]"#, "two columns"),
    (#"[{"name":"a","type":"array<"}]"#, "array<"),
])
func whatIsNoSchemaIsNamed(text: String, expected: String) {
    let error = #expect(throws: DeltaError.self) { try SchemaFile.parse(Bytes(text), name: "s.json") }
    let text = error.map(\.description) ?? ""
    #expect(text.contains(expected), "\(text)")
}

private func create(_ fields: [Field], partitionBy: [String] = [], properties: [String: String] = [:]) async throws -> Snapshot {
    let table = DeltaTable(store: InMemoryStore())
    _ = try await CreateOperation(table: table, options: CreateOptions(schema: Schema(fields), partitionColumns: partitionBy, properties: properties)).run()
    return try await table.snapshot()
}

@Test(
    arguments: [
        ([Field("a", .long)], [:], 1, 2, []), ([Field("a", .timestampNTZ)], [:], 3, 7, ["timestampNtz"]),
        ([Field("a", .list(element: Field("element", .timestampNTZ)))], [:], 3, 7, ["timestampNtz"]),
        ([Field("a", .long)], ["delta.enableChangeDataFeed": "true"], 1, 4, []),
        ([Field("a", .long)], ["delta.enableDeletionVectors": "true"], 3, 7, ["deletionVectors"]),
    ] as [([Field], [String: String], Int, Int, [String])])
func aNewTableAsksForNoMoreThanItNeeds(fields: [Field], properties: [String: String], reader: Int, writer: Int, features: [String]) async throws {
    let snapshot = try await create(fields, properties: properties)
    #expect(snapshot.protocol.minReaderVersion == reader)
    #expect(snapshot.protocol.minWriterVersion == writer)
    #expect((snapshot.protocol.readerFeatures ?? []) == features)
    #expect(snapshot.version == 0)
    #expect(snapshot.commitInfo?.operation == "CREATE TABLE")
}

@Test(
    arguments: [
        ([Field("a", .long)], ["b"], [:], "partition column b"), ([Field("a", .long)], ["a"], [:], "all columns are partition columns"),
        ([], [], [:], "needs a column"),
        ([Field("a b", .long)], [], [:], "column mapping"), ([Field("a", .long)], [], ["delta.deletedFileRetentionDuration": "soon"], "interval 7 days"),
        ([Field("a", .list(element: Field("element", .long))), Field("b", .long)], ["a"], [:], "nested type"),
        ([Field("a", .long)], [], ["delta.columnMapping.mode": "name"], "columnMapping"),
    ] as [([Field], [String], [String: String], String)])
func tablesThatDeltaForbidsAreRefused(fields: [Field], partitionBy: [String], properties: [String: String], expected: String) async throws {
    let error = await #expect(throws: DeltaError.self) { try await create(fields, partitionBy: partitionBy, properties: properties) }
    let text = error.map(\.description) ?? ""
    #expect(text.contains(expected), "\(text)")
}

@Test func creatingTwiceIsRefused() async throws {
    let table = DeltaTable(store: InMemoryStore())
    let operation = CreateOperation(table: table, options: CreateOptions(schema: Schema([Field("a", .long)])))
    _ = try await operation.run()
    await #expect(throws: DeltaError.tableExists(location: table.location)) { try await operation.run() }
}
