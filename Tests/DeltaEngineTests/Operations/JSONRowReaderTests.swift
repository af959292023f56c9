import Base
import Columnar
import Testing

@testable import DeltaEngine

private let fields = [
    Field("id", .long, nullable: false), Field("name", .string), Field("price", .decimal(precision: 6, scale: 2)), Field("day", .date), Field("at", .timestamp),
    Field("wall", .timestampNTZ), Field("flag", .boolean), Field("small", .byte), Field("real", .double), Field("raw", .binary),
    Field("tags", .list(element: Field("element", .string, nullable: false))),
    Field("s", .structure([Field("x", .integer, nullable: false), Field("y", .string)])),
    Field("m", .map(key: Field("key", .string, nullable: false), value: Field("value", .long))),
]

private func read(_ lines: String...) throws -> [[Scalar?]] {
    let reader = JSONRowReader(fields: fields)
    var rows = 0
    for line in lines where try reader.read(line: Bytes(line)) { rows += 1 }
    let columns = reader.finish()
    return (0..<rows).map { row in columns.map { $0.value(at: row) } }
}

@Test func rowsBecomeTypedColumns() throws {
    let rows = try read(
        #"{"id":1,"name":"a\"é","price":1.5,"day":"2024-01-31","at":"2024-01-31T00:00:00+01:00","wall":"2024-01-31 00:00:00","flag":true,"small":-128,"real":1,"raw":"AQI=","tags":["a","b"],"s":{"y":"z","x":1},"m":{"k":null,"l":2}}"#,
        "  ", #"{ "price": "-99.90", "id": 2, "real": "NaN" }"#)
    #expect(rows.count == 2)
    #expect(
        rows[0] == [
            .integer(1), .string("a\"é"), .decimal(150, scale: 2), .date(19753), .timestamp(1_706_655_600_000_000), .timestampNTZ(1_706_659_200_000_000),
            .bool(true),
            .integer(-128), .double(1), .binary(Bytes([1, 2])), .list([.string("a"), .string("b")]), .structure([.integer(1), .string("z")]),
            .map([.init(key: .string("k"), value: nil), .init(key: .string("l"), value: .integer(2))]),
        ])
    #expect(rows[1].prefix(3) == [.integer(2), nil, .decimal(-9990, scale: 2)])
    #expect(rows[1][8] == .double(.nan))
}

@Test(arguments: [
    (#"{"id":1,"nam":"x"}"#, "column nam is not in the table"), (#"{"name":"x"}"#, "column id must have a value"),
    (#"{"id":null}"#, "column id must have a value"),
    (#"{"id":"1"}"#, #"column id is of type long and the value is the text "1""#), (#"{"id":1.5}"#, "column id is of type long and the value is 1.5"),
    (#"{"id":1,"name":5}"#, "column name is of type string and the value is 5"),
    (#"{"id":1,"small":128}"#, "column small is of type byte and the value is 128"),
    (#"{"id":1,"price":1.234}"#, "column price is of type decimal(6,2) and the value is 1.234"), (#"{"id":1,"price":12345.6}"#, "12345.6"),
    (#"{"id":1,"day":"2024-02-30"}"#, "2024-02-30"), (#"{"id":1,"wall":"2024-01-01T00:00:00Z"}"#, "column wall"), (#"{"id":1,"id":2}"#, "given twice"),
    (#"{"id":1,"tags":["a",null]}"#, "column tags.element must have a value"), (#"{"id":1,"s":{}}"#, "column s.x must have a value"),
    (#"{"id":1,"s":{"x":1,"q":2}}"#, "column s.q is not in the table"), (#"{"id":1,"raw":"*"}"#, "not base64"), (#"{"id":1"#, "not a JSON object"),
    (#"[1]"#, "not a JSON object"), (#"{"id":1} x"#, "not a JSON object"), (#"{"id":1,"flag":[true]}"#, "the value is [true]"),
    (#"{"id":99999999999999999999}"#, "column id is of type long"),
])
func whatDoesNotFitIsNamed(line: String, expected: String) {
    let error = #expect(throws: (any Error).self) { try read(line) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(expected), "\(String(describing: error))")
}

@Test(arguments: [([], ""), ([0], "AA=="), ([1, 2], "AQI="), ([255, 254, 253], "//79"), ([1, 2, 3, 4], "AQIDBA==")] as [([UInt8], String)])
func base64GoesBothWays(bytes: [UInt8], text: String) {
    #expect(Base64.encode(Bytes(bytes)) == text)
    #expect(Base64.decode(text) == Bytes(bytes))
}
