import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport
import Testing

@testable import DeltaEngine

/// Variant columns: carried as the two binaries that files have, never damaged.
@Suite struct VariantTests {
    private static let schema =
        #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},{"name":"v","type":"variant","nullable":true,"metadata":{}},"#
        + #"{"name":"l","type":{"type":"array","elementType":"variant","containsNull":true},"nullable":true,"metadata":{}}]}"#
    private static let parts = DataType.structure([Field("value", .binary, nullable: false), Field("metadata", .binary, nullable: false)])
    private static let fields = [Field("id", .long), Field("v", parts), Field("l", .list(element: Field("element", parts)))]

    private static func variant(_ byte: UInt8) -> Scalar { .structure([.binary(Bytes([12, byte])), .binary(Bytes([1, 0, 0]))]) }

    private static func row(_ id: Int64, _ byte: UInt8?) -> [Scalar?] {
        [.integer(id), byte.map(variant), byte.map { .list([variant($0), nil]) }]
    }

    private func table(_ features: [String] = ["variantType"], schema: String = VariantTests.schema) async throws -> SchemaFixture {
        try await SchemaFixture(protocol: SchemaFixture.protocolLine(features), schema: schema)
    }

    @Test(arguments: [["variantType"], ["variantType-preview"], ["variantType", "variantShredding"]])
    func valuesAreReadAndMergedByteForByte(features: [String]) async throws {
        let table = try await table(features)
        let rows = [Self.row(1, 7), Self.row(2, nil), Self.row(3, 255)]
        // Readers find the parts by their names, whatever their order.
        let reversed = DataType.structure([Field("metadata", .binary, nullable: false), Field("value", .binary, nullable: false)])
        try await table.append(file: "a", Self.fields, Array(rows[..<2]))
        try await table.append(
            file: "b", [Field("id", .long), Field("v", reversed)], [[.integer(3), .structure([.binary(Bytes([1, 0, 0])), .binary(Bytes([12, 255]))])]])
        let expected = [rows[0], rows[1], [.integer(3), Self.variant(255), nil]]
        #expect(try await table.rows() == expected)
        _ = try await OptimizeOperation(table: table.table).run()
        let after = try await table.table.snapshot()
        #expect(after.numFiles == 1)
        #expect(try await table.rows() == expected)
        let file = try #require(after.files.first)
        let leaves = try await table.open(file).metadata.schema.leaves
        #expect(leaves.map(\.name) == ["id", "v.value", "v.metadata", "l.list.element.value", "l.list.element.metadata"])
        // A null count for the whole, no bounds, nothing for the parts (protocol, "Statistics for Variant Columns").
        let stats = try #require(file.stats).text
        #expect(stats == #"{"numRecords":3,"minValues":{"id":1},"maxValues":{"id":3},"nullCount":{"id":0,"v":1}}"#)
        #expect(after.metadata.schemaString == Self.schema)
        try await Checkpoint(table: table.table, snapshot: after).write()
        try await table.log.delete(LogFileName.commitPath(0))
        #expect(try await table.table.snapshot().metadata.schemaString == Self.schema)
        #expect(try await table.rows() == expected)
    }

    @Test func schemasKeepTheType() throws {
        let schema = try SchemaJSON.parse(Self.schema)
        #expect(SchemaJSON.encode(schema) == Self.schema)
        #expect(schema.fields.map(\.type.tableDescription) == ["long", "variant", "array<variant>"])
        #expect(!Self.parts.isVariant)
        #expect(schema.fields[1].type.isVariant)
        #expect(schema.variantColumn?.name == "v")
    }

    @Test(arguments: ["name", "id"]) func mappedVariantsAreFound(mode: String) async throws {
        let mapping = #"{"delta.columnMapping.id":4,"delta.columnMapping.physicalName":"c4"}"#
        let schema = #"{"type":"struct","fields":[{"name":"v","type":"variant","nullable":true,"metadata":\#(mapping)}]}"#
        let table = try await SchemaFixture(
            protocol: SchemaFixture.protocolLine(["variantType", "columnMapping"]), schema: schema, configuration: ["delta.columnMapping.mode": mode])
        let field = Field("c4", Self.parts, metadata: ["parquet.field.id": 4])
        for (name, byte) in [("a", 1), ("b", 2)] as [(String, UInt8)] { try await table.append(file: name, [field], [[Self.variant(byte)]]) }
        let expected: Set<[Scalar?]> = [[Self.variant(1)], [Self.variant(2)]]
        #expect(Set(try await table.rows()) == expected)
        _ = try await OptimizeOperation(table: table.table).run()
        #expect(try await table.table.snapshot().numFiles == 1)
        #expect(Set(try await table.rows()) == expected)
    }

    @Test func aShreddedFileIsRefusedByItsFeature() async throws {
        let shredded = DataType.structure([Field("metadata", .binary, nullable: false), Field("value", .binary), Field("typed_value", .long)])
        for (place, type) in [(1, shredded), (2, DataType.list(element: Field("element", shredded)))] {
            let table = try await table(["variantType", "variantShredding"])
            try await table.append(file: "a", Self.fields, [Self.row(1, 7)])
            try await table.append(file: "b", [Field("id", .long), Field(Self.fields[place].name, type)], [[.integer(2), nil]])
            #expect(try await table.rows(ReadOptions(columns: ["id"])).count == 2)
            for run in [{ _ = try await table.rows() }, { _ = try await OptimizeOperation(table: table.table).run() }] as [() async throws -> Void] {
                let error = await #expect(throws: DeltaError.self) { try await run() }
                guard case .unsupportedFeature("variantShredding", .read, _) = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
            }
            #expect(try await table.table.latestVersion() == 2)
        }
    }

    @Test func newRowsAndTablesAreRefusedByTheFeature() async throws {
        let table = try await table()
        let snapshot = try await table.table.snapshot()
        #expect(try snapshot.refusedFeature(.append) == "variantType")
        #expect(try snapshot.refusedFeature(.maintain) == nil)
        let create = CreateOperation(
            table: LogFixture().table, options: CreateOptions(schema: try SchemaJSON.parse(Self.schema)))
        let error = await #expect(throws: DeltaError.self) { try await create.run() }
        guard case .unsupportedFeature("variantType", .metadataChange, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // A variant in a table whose protocol does not speak of them.
        let other = try await self.table(["timestampNtz"])
        let unlisted = try await other.table.snapshot()
        #expect(throws: DeltaError.self) { try unlisted.require(.read) }
    }
}
