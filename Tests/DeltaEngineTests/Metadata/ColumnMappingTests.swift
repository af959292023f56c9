import Base
import Columnar
import Parquet
import Testing

@testable import DeltaEngine

/// Tables whose files call the columns by other names (protocol, "Column Mapping").
@Suite struct ColumnMappingTests {
    /// `id`, `s{x}`, the list `l` of structs, and the partition column `p`, by whatever names they have now.
    private static func schema(_ names: [String: String] = [:]) -> String {
        func name(_ column: String) -> String { names[column] ?? column }
        func field(_ column: String, _ id: Int, _ type: String) -> String {
            #"{"name":"\#(name(column))","type":\#(type),"nullable":true,"metadata":{"delta.columnMapping.id":\#(id),"delta.columnMapping.physicalName":"col-\#(column)"}}"#
        }
        func structure(_ fields: String) -> String { #"{"type":"struct","fields":[\#(fields)]}"# }
        let list = #"{"type":"array","containsNull":true,"elementType":\#(structure(field("y", 6, #""string""#)))}"#
        return structure(
            [
                field("id", 1, #""long""#), field("s", 2, structure(field("x", 3, #""integer""#))), field("p", 4, #""string""#), field("l", 5, list),
            ].joined(separator: ","))
    }

    private static let renamed = ["id": "key", "s": "struct of", "x": "inner, x", "p": "part", "l": "id", "y": "s"]

    private func table(_ mode: String) async throws -> SchemaFixture {
        try await SchemaFixture(
            protocol: #"{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}"#, schema: Self.schema(),
            configuration: ["delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": "6"], partitionColumns: ["p"])
    }

    private static func row(_ id: Int64, _ x: Int64?, _ p: String?, _ y: [String]) -> [Scalar?] {
        [.integer(id), .structure([x.map { .integer($0) }]), p.map { .string($0) }, .list(y.map { .structure([.string($0)]) })]
    }

    @Test(arguments: ["name", "id"]) func newFilesHaveThePhysicalNamesAndAreReadByThem(mode: String) async throws {
        let data = try await table(mode)
        try await data.append(#"{"id":1,"s":{"x":10},"p":"a","l":[{"y":"one"}]}"#, #"{"id":2,"s":{"x":null},"p":"b","l":[]}"#)
        try await data.append(#"{"id":3,"s":{"x":30},"p":"a","l":[{"y":"three"},{"y":"drei"}]}"#)
        let expected = [Self.row(1, 10, "a", ["one"]), Self.row(2, nil, "b", []), Self.row(3, 30, "a", ["three", "drei"])]
        #expect(try await data.rows() == expected)

        // What the log and the files say is physical.
        let snapshot = try await data.table.snapshot()
        for file in snapshot.files {
            #expect(file.add.partitionValues.entries.map(\.column) == ["col-p"])
            let stats = try JSON.parse(try #require(file.stats))
            #expect(stats["minValues"]?["col-id"] != nil)
            #expect(stats["nullCount"]?["col-s"]?["col-x"] != nil)
            let roots = try await data.open(file).metadata.schema.roots
            #expect(roots.map(\.name) == ["col-id", "col-s", "col-l"])
            #expect(roots.map(\.fieldID) == [1, 2, 5])
        }

        // Other names change nothing of that, and a rewrite keeps to it.
        try await data.change(
            schema: Self.schema(Self.renamed), configuration: ["delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": "6"],
            partitionColumns: ["part"])
        #expect(try await data.rows() == expected)
        #expect(try await data.rows(ReadOptions(columns: ["id", "key"], condition: "part = 'b' and key > 1")) == [[.list([]), .integer(2)]])
        let result = try await OptimizeOperation(table: data.table).run()
        #expect(result.metrics.numFilesRemoved == 2)
        #expect(try await data.rows() == expected)
        for file in try await data.table.snapshot().files {
            #expect(try await data.open(file).metadata.schema.roots.map(\.name) == ["col-id", "col-s", "col-l"])
        }
    }

    private static func field(_ name: String, _ type: DataType, id: Int64?) -> Field {
        Field(name, type, metadata: id.map { ["parquet.field.id": .integer($0)] } ?? [:])
    }

    @Test func byIdTheNamesInFilesDoNotMatter() async throws {
        let data = try await table("id")
        let inner = DataType.structure([Self.field("whatever", .integer, id: 3)])
        try await data.append(
            file: "col-p=a/other.parquet", [Self.field("col-s", .long, id: 1), Self.field("id", inner, id: 2), Self.field("col-id", .long, id: 77)],
            [[.integer(5), .structure([.integer(50)]), .integer(0)]], partition: ["col-p": "a"])
        #expect(try await data.rows() == [[.integer(5), .structure([.integer(50)]), .string("a"), nil]])
        try await data.append(file: "col-p=a/none.parquet", [Self.field("col-id", .long, id: nil)], [[.integer(6)]], partition: ["col-p": "a"])
        await #expect(
            throws: DeltaError.corruptDataFile(
                path: "col-p=a/none.parquet", reason: "its columns have no field ids, by which the table maps them")
        ) { try await data.rows() }
    }

    @Test func byNameIdsDoNotMatterAndWhatAFileLacksIsNull() async throws {
        let data = try await table("name")
        try await data.append(file: "f.parquet", [Self.field("col-id", .long, id: 99), Self.field("id", .long, id: 1)], [[.integer(5), .integer(0)]])
        #expect(try await data.rows() == [[.integer(5), nil, nil, nil]])
    }

    @Test func withoutTheFeatureThePropertyMeansNothing() async throws {
        let data = try await SchemaFixture(
            protocol: #"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#, schema: Self.schema(),
            configuration: ["delta.columnMapping.mode": "name"])
        try await data.append(file: "f.parquet", [Field("id", .long), Field("col-id", .long)], [[.integer(5), .integer(0)]])
        #expect(try await data.rows() == [[.integer(5), nil, nil, nil]])
        #expect(try await data.table.snapshot().metadata.partitionKeys == [])
    }

    @Test func anUnknownModeIsRefused() async throws {
        let data = try await table("by ear")
        await #expect(throws: DeltaError.self) { try await data.table.snapshot() }
    }
}
