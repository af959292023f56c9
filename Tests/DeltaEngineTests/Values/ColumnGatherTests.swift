import Base
import Columnar
import Testing

@testable import DeltaEngine

private let cases: [(DataType, [Scalar?])] = [
    (.boolean, [.bool(true), nil, .bool(false), .bool(true)]), (.byte, [.integer(1), .integer(2), nil, .integer(-4)]),
    (.short, [.integer(1), .integer(2), .integer(3), .integer(-4)]), (.integer, [nil, .integer(2), .integer(3), .integer(4)]),
    (.double, [.double(1), .double(2), nil, .double(4)]),
    (.decimal(precision: 30, scale: 1), [.decimal(1, scale: 1), nil, .decimal(3, scale: 1), .decimal(4, scale: 1)]),
    (.string, [.string("a"), nil, .string(""), .string("long text")]), (.null, [nil, nil, nil, nil]),
    (.list(element: Field("element", .long)), [.list([.integer(1), nil]), nil, .list([]), .list([.integer(4)])]),
    (.structure([Field("x", .string)]), [.structure([.string("a")]), nil, .structure([nil]), .structure([.string("d")])]),
]

@Test(arguments: cases)
func gatheredRowsAreTheRowsAskedFor(type: DataType, values: [Scalar?]) throws {
    let builder = ColumnBuilder(type: type)
    for value in values { try builder.append(value) }
    let rows: [Int32] = [3, 1, 1, 0, 2]
    let gathered = try builder.finish().gathering(rows)
    #expect(gathered.count == 5)
    #expect((0..<5).map { gathered.value(at: $0) } == rows.map { values[Int($0)] })
    #expect(gathered.nullCount == rows.filter { values[Int($0)] == nil }.count)
}
