import Base
import Columnar
import Testing

@testable import DeltaEngine

private func batch(_ columns: (String, DataType, [Scalar?])...) throws -> ColumnBatch {
    let built = try columns.map { _, type, values in
        let builder = ColumnBuilder(type: type)
        for value in values { try builder.append(value) }
        return builder.finish()
    }
    return try ColumnBatch(schema: Schema(columns.map { Field($0.0, $0.1) }), columns: built, rowCount: columns[0].2.count)
}

@Test func csvTellsNullFromEmptyAndQuotes() throws {
    let rows = try batch(("a,b", .string, [.string("x\"y"), nil, .string("")]), ("n", .double, [.double(1.5), .double(.nan), nil]))
    #expect(CSVFormat().header(rows.schema).text == "\"a,b\",n\n")
    #expect(CSVFormat().rows(rows).text == "\"x\"\"y\",1.5\n,NaN\n\"\",\n")
}

@Test func jsonLinesSpellEveryType() throws {
    let rows = try batch(
        ("s", .string, [.string("é\n")]), ("d", .decimal(precision: 38, scale: 2), [.decimal(12_345_678_901_234_567_890, scale: 2)]),
        ("t", .timestamp, [.timestamp(1_500_000)]),
        ("w", .timestampNTZ, [.timestampNTZ(0)]), ("y", .date, [.date(0)]), ("b", .binary, [.binary(Bytes([1]))]), ("f", .float, [.float(0.1)]),
        ("i", .double, [.double(-.infinity)]),
        ("m", .map(key: Field("key", .integer, nullable: false), value: Field("value", .boolean)), [.map([.init(key: .integer(1), value: .bool(true))])]),
        ("l", .list(element: Field("element", .structure([Field("x", .long)]))), [.list([.structure([.integer(1)]), nil])]))
    #expect(
        JSONLinesFormat().rows(rows).text
            == #"{"s":"é\n","d":123456789012345678.90,"t":"1970-01-01T00:00:01.5Z","w":"1970-01-01T00:00:00","y":"1970-01-01","b":"AQ==","f":0.1,"i":"-Infinity","m":{"1":true},"l":[{"x":1},null]}"#
            + "\n")
    #expect(ValueText.plain(.list([nil, .integer(2)]), type: .list(element: Field("element", .long))) == "[null,2]")
}
