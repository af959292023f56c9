import Base
import Columnar
import Testing

@testable import DeltaEngine

private let cases: [(DataType, DataType, Scalar, Scalar)] = [
    (.byte, .long, .integer(-5), .integer(-5)), (.short, .integer, .integer(-500), .integer(-500)), (.integer, .long, .integer(1), .integer(1)),
    (.float, .double, .float(1.5), .double(1.5)), (.timestampNTZ, .timestamp, .timestampNTZ(7), .timestamp(7)),
    (.binary, .string, .binary(Bytes("x")), .string("x")),
    (.decimal(precision: 9, scale: 2), .decimal(precision: 30, scale: 2), .decimal(-123, scale: 2), .decimal(-123, scale: 2)),
    (.list(element: Field("item", .integer)), .list(element: Field("element", .long)), .list([.integer(1), nil]), .list([.integer(1), nil])),
    (
        .structure([Field("b", .integer), Field("a", .string)]), .structure([Field("a", .string), Field("new", .date), Field("b", .long)]),
        .structure([.integer(1), .string("x")]), .structure([.string("x"), nil, .integer(1)])
    ),
    (
        .map(key: Field("k", .string, nullable: false), value: Field("v", .byte)),
        .map(key: Field("key", .string, nullable: false), value: Field("value", .long)),
        .map([.init(key: .string("a"), value: .integer(1))]), .map([.init(key: .string("a"), value: .integer(1))])
    ),
]

@Test(arguments: cases)
func aFilesColumnBecomesTheTables(stored: DataType, wanted: DataType, value: Scalar, expected: Scalar) throws {
    #expect(ColumnAdapter.canAdapt(stored, to: wanted))
    let builder = ColumnBuilder(type: stored)
    for entry in [value, nil, value] { try builder.append(entry) }
    let column = try ColumnAdapter.adapt(builder.finish(), to: wanted)
    #expect(column.type == wanted)
    #expect((0..<3).map { column.value(at: $0) } == [expected, nil, expected])
}

@Test(arguments: [
    (DataType.long, DataType.integer), (.string, .long), (.double, .float), (.decimal(precision: 9, scale: 2), .decimal(precision: 9, scale: 3)),
    (.decimal(precision: 10, scale: 2), .decimal(precision: 9, scale: 2)), (.date, .timestamp), (.list(element: Field("e", .long)), .long),
    (.structure([Field("a", .long)]), .structure([Field("b", .long, nullable: false)])),
])
func whatWouldLoseSomethingIsNotAdapted(stored: DataType, wanted: DataType) {
    #expect(!ColumnAdapter.canAdapt(stored, to: wanted))
}
