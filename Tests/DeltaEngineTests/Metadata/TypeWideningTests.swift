import Base
import Columnar
import Parquet
import Testing

@testable import DeltaEngine

/// Files from before a column's type was widened (protocol, "Type Widening").
@Suite struct TypeWideningTests {
    /// From, to, and a value before and after.
    private static let changes: [(DataType, DataType, Scalar, Scalar)] = [
        (.byte, .short, .integer(-7), .integer(-7)), (.short, .long, .integer(300), .integer(300)), (.integer, .long, .integer(-70_000), .integer(-70_000)),
        (.float, .double, .float(1.5), .double(1.5)), (.integer, .double, .integer(-3), .double(-3)), (.byte, .double, .integer(5), .double(5)),
        (.date, .timestampNTZ, .date(-1), .timestampNTZ(-86_400_000_000)),
        (.decimal(precision: 4, scale: 1), .decimal(precision: 9, scale: 3), .decimal(-123, scale: 1), .decimal(-12300, scale: 3)),
        (.decimal(precision: 18, scale: 2), .decimal(precision: 30, scale: 4), .decimal(7, scale: 2), .decimal(700, scale: 4)),
        (.decimal(precision: 20, scale: 0), .decimal(precision: 25, scale: 5), .decimal(-7, scale: 0), .decimal(-700_000, scale: 5)),
        (.short, .decimal(precision: 12, scale: 2), .integer(-5), .decimal(-500, scale: 2)),
        (.long, .decimal(precision: 22, scale: 1), .integer(.max), .decimal(Int128(Int64.max) * 10, scale: 1)),
    ]

    private static func schema(_ type: DataType, from before: DataType?) -> String {
        let changes = before.map { ["delta.typeChanges": JSONValue.array([["fromType": .string($0.description), "toType": .string(type.description)]])] }
        return SchemaJSON.encode(Schema([Field("id", .long), Field("v", type, metadata: changes ?? [:])]))
    }

    @Test(arguments: changes) func olderFilesAreConverted(from: DataType, to: DataType, before: Scalar, after: Scalar) async throws {
        let data = try await SchemaFixture(
            protocol: SchemaFixture.protocolLine(["typeWidening", "timestampNtz"]), schema: Self.schema(from, from: nil))
        try await data.append(file: "old.parquet", [Field("id", .long), Field("v", from)], [[.integer(1), before], [.integer(2), nil]])
        try await data.change(schema: Self.schema(to, from: from), configuration: ["delta.enableTypeWidening": "true"])
        try await data.append(file: "new.parquet", [Field("id", .long), Field("v", to)], [[.integer(3), after]])
        let expected: [[Scalar?]] = [[.integer(1), after], [.integer(2), nil], [.integer(3), after]]
        #expect(try await data.rows() == expected)
        _ = try await OptimizeOperation(table: data.table).run()
        let files = try await data.table.snapshot().files
        #expect(files.count == 1)
        #expect(try await data.open(files[0]).schema.fields.map(\.type) == [.long, to])
        #expect(try await data.rows() == expected)
    }

    @Test func aChangeThatTheProtocolDoesNotKnowIsRefused() async throws {
        let data = try await SchemaFixture(
            protocol: SchemaFixture.protocolLine(["typeWidening"]), schema: Self.schema(.integer, from: .long))
        await #expect(throws: DeltaError.self) { try await data.rows() }
    }
}
