import Base
import Columnar
import Testing

@testable import DeltaEngine

@Suite struct ChangeSchemaTests {
    private static func table(_ fields: [Field], mapping: String? = nil, partitionColumns: [String] = []) -> TableMetadata {
        TableMetadata(
            id: "t", schema: Schema(fields), partitionColumns: partitionColumns,
            configuration: mapping.map { ["delta.columnMapping.mode": $0] } ?? [:])
    }

    private static func mapped(_ name: String, _ physical: String, _ type: DataType = .long) -> Field {
        Field(name, type, metadata: ["delta.columnMapping.physicalName": .string(physical)])
    }

    private static let a = Field("a", .long)
    private static let nested = Field("s", .structure([a]))

    @Test(
        arguments: [
            (table([a]), table([a]), nil), (table([a]), table([Field("b", .date), a]), nil),
            (table([a]), table([Field("b", .long)]), "column a was dropped"), (table([a]), table([Field("A", .long)]), "column a was renamed to A"),
            (table([a]), table([Field("a", .long, nullable: false)]), "column a could be null and cannot any more"),
            (table([Field("a", .long, nullable: false)]), table([a]), nil),
            (table([Field("a", .integer)]), table([a]), "the type of column a was changed from integer to long"),
            (table([Field("a", .null)]), table([a]), nil), (table([nested]), table([Field("s", .structure([a, Field("b", .date)]))]), nil),
            (table([nested]), table([Field("s", .structure([Field("b", .date)]))]), "column s.a was dropped"),
            (
                table([Field("l", .list(element: Field("element", .structure([a]))))]), table([Field("l", .list(element: Field("element", .structure([]))))]),
                "column l.element.a was dropped"
            ),
            (
                table([Field("l", .list(element: Field("element", .long)))]), table([Field("l", .list(element: Field("element", .long, nullable: false)))]),
                "column l.element could be null and cannot any more"
            ),
            (table([a, nested], partitionColumns: ["a"]), table([a, nested]), "the partition columns were changed"),
            (table([a]), table([mapped("a", "a")], mapping: "name"), nil),
            (table([a]), table([mapped("b", "a")], mapping: "name"), "column a was renamed to b"),
            (table([mapped("a", "x")], mapping: "name"), table([mapped("b", "x")], mapping: "name"), "column a was renamed to b"),
            (
                table([mapped("a", "x")], mapping: "name"), table([mapped("a", "y")], mapping: "name"),
                "column a was dropped, and another added with its name"
            ),
            (table([mapped("a", "x")], mapping: "name"), table([mapped("c", "z"), mapped("a", "x")], mapping: "name"), nil),
            (table([mapped("a", "x")], mapping: "name"), table([a]), "column mapping was changed from name to none"),
            (table([mapped("a", "x")], mapping: "name"), table([mapped("a", "x")], mapping: "id"), "column mapping was changed from name to id"),
        ] as [(TableMetadata, TableMetadata, String?)])
    func columnsMayBeAddedAndNothingElse(old: TableMetadata, read: TableMetadata, reason: String?) {
        #expect(ChangeSchema.incompatibility(of: old, with: read) == reason)
    }
}
