import Base
import Columnar
import Testing

@Suite struct ColumnBuilderTests {
    static let samples: [(DataType, [Scalar?])] = [
        (.boolean, [.bool(true), nil, .bool(false), .bool(true), .bool(true), nil, .bool(true), .bool(false), .bool(true), nil]),
        (.byte, [.integer(-128), nil, .integer(127)]),
        (.short, [.integer(-32768), .integer(5), nil]),
        (.integer, [nil, .integer(Int64(Int32.max))]),
        (.long, [.integer(.min), .integer(.max)]),
        (.float, [.float(1.5), nil, .float(-0.0)]),
        (.double, [.double(.infinity), .double(2)]),
        (.decimal(precision: 5, scale: 2), [.decimal(-99999, scale: 2), nil]),
        (.decimal(precision: 38, scale: 0), [.decimal(Int128("99999999999999999999999999999999999999") ?? 0, scale: 0), nil]),
        (.string, [.string("a"), .string(""), nil, .string("łódź")]),
        (.binary, [.binary(Bytes([0, 255])), nil]),
        (.date, [.date(-1), nil]),
        (.timestamp, [.timestamp(-1), nil]),
        (.timestampNTZ, [.timestampNTZ(1), nil]),
        (.null, [nil, nil]),
        (.list(element: Field("element", .string)), [.list([.string("x"), nil]), nil, .list([])]),
        (
            .map(key: Field("key", .string, nullable: false), value: Field("value", .long)),
            [.map([.init(key: .string("k"), value: nil)]), nil, .map([])]
        ),
        (
            .structure([Field("a", .long), Field("b", .list(element: Field("element", .long)))]),
            [.structure([.integer(1), .list([.integer(2)])]), nil, .structure([nil, nil])]
        ),
    ]

    @Test(arguments: samples)
    func returnsWhatWasAppended(type: DataType, values: [Scalar?]) throws {
        let builder = ColumnBuilder(type: type)
        for value in values { try builder.append(value) }
        let column = builder.finish()
        let read = (0..<column.count).map { column.value(at: $0) }
        let nulls = values.count { $0 == nil }
        #expect(read == values)
        #expect(column.nullCount == nulls)
        #expect(builder.finish().count == 0)
    }

    @Test(arguments: samples)
    func slicesAndConcatenates(type: DataType, values: [Scalar?]) throws {
        let builder = ColumnBuilder(type: type)
        for _ in 0..<5 { for value in values { try builder.append(value) } }
        let column = builder.finish()
        let expected = (0..<5).flatMap { _ in values }
        for start in 0...min(9, column.count) {
            let slice = column.slice(start..<column.count)
            let read = (0..<slice.count).map { slice.value(at: $0) }
            #expect(read == Array(expected[start...]))
            let joined = try Column.concatenate([column.slice(0..<start), slice, column], type: type)
            let all = (0..<joined.count).map { joined.value(at: $0) }
            #expect(all == expected + expected)
            #expect(joined.nullCount == 2 * column.nullCount)
        }
    }

    @Test func refusesValuesThatDoNotFit() {
        let byte = ColumnBuilder(type: .byte)
        #expect(throws: ColumnarError.outOfRange(type: "byte", value: "128")) { try byte.append(Int64(128)) }
        let decimal = ColumnBuilder(type: .decimal(precision: 3, scale: 1))
        #expect(throws: ColumnarError.outOfRange(type: "decimal(3,1)", value: "1000")) { try decimal.append(Int64(1000)) }
        #expect(throws: ColumnarError.self) { try decimal.append(Scalar.string("x")) }
        #expect(byte.finish().count == 0)
    }
}
