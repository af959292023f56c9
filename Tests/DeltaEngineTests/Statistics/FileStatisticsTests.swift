import Columnar
import Testing

@testable import DeltaEngine

private let emoji = String(repeating: "😀", count: 40)

@Test(arguments: [
    (Scalar.integer(-5), "-5", "-5"), (.double(1.25), "1.25", "1.25"), (.double(0), "-0.0", "0.0"), (.double(-0.0), "-0.0", "0.0"),
    (.decimal(-12345, scale: 2), "-123.45", "-123.45"), (.date(0), "\"1970-01-01\"", "\"1970-01-01\""),
    (.timestamp(1_001), "\"1970-01-01T00:00:00.001Z\"", "\"1970-01-01T00:00:00.002Z\""),
    (.timestamp(-1), "\"1969-12-31T23:59:59.999Z\"", "\"1970-01-01T00:00:00.000Z\""),
    (.timestampNTZ(2_000), "\"1970-01-01T00:00:00.002\"", "\"1970-01-01T00:00:00.002\""), (.string("a\"b\n"), "\"a\\\"b\\n\"", "\"a\\\"b\\n\""),
    (.string(String(repeating: "a", count: 32)), "\"\(String(repeating: "a", count: 32))\"", "\"\(String(repeating: "a", count: 32))\""),
    (.string(String(repeating: "a", count: 33)), "\"\(String(repeating: "a", count: 32))\"", "\"\(String(repeating: "a", count: 32))\u{7F}\""),
    (.string(emoji), "\"\(emoji.prefix(32))\"", "\"\(emoji.prefix(32))\u{10FFFF}\""),
])
func boundsEncloseTheValue(value: Scalar, minimum: String, maximum: String) {
    #expect(StatisticsBound.json(value, .minimum, hasNaN: false) == minimum)
    #expect(StatisticsBound.json(value, .maximum, hasNaN: false) == maximum)
}

@Test func aMaximumOfLargestCharactersIsNotCutBelowItself() {
    let largest = String(repeating: "\u{10FFFF}", count: 40)
    #expect(StatisticsBound.json(.string(largest), .maximum, hasNaN: false) == "\"\(largest)\"")
    #expect(StatisticsBound.json(.string(String(repeating: "\u{10FFFF}", count: 100)), .maximum, hasNaN: false) == nil)
}

@Test func numbersWithoutJSONHaveNoBound() {
    #expect(StatisticsBound.json(.double(.infinity), .maximum, hasNaN: false) == nil)
    #expect(StatisticsBound.json(.double(1), .maximum, hasNaN: true) == nil)
    #expect(StatisticsBound.json(.double(1), .minimum, hasNaN: true) == "1.0")
    #expect(StatisticsBound.json(.bool(true), .minimum, hasNaN: false) == nil)
}

@Test func statisticsNestStructsAndLeaveOutWhatIsUnknown() {
    let fields = [Field("id", .long), Field("s", .structure([Field("x", .string), Field("y", .binary)])), Field("l", .list(element: Field("element", .long)))]
    let statistics = FileStatistics(
        rowCount: 3,
        leaves: [
            ["id"]: LeafStatistics(minimum: .integer(1), maximum: .integer(3), nullCount: 0),
            ["s", "x"]: LeafStatistics(minimum: .string("a"), maximum: .string("b"), nullCount: 1), ["s", "y"]: LeafStatistics(nullCount: 2),
        ])
    let all = StatisticsColumns(dataFields: fields, configuration: [:])
    #expect(
        statistics.json(fields: fields, columns: all)
            == #"{"numRecords":3,"minValues":{"id":1,"s":{"x":"a"}},"maxValues":{"id":3,"s":{"x":"b"}},"nullCount":{"id":0,"s":{"x":1,"y":2}}}"#)
    let none = StatisticsColumns(dataFields: fields, configuration: ["delta.dataSkippingNumIndexedCols": "0"])
    #expect(statistics.json(fields: fields, columns: none) == #"{"numRecords":3,"minValues":{},"maxValues":{},"nullCount":{}}"#)
}

@Test(arguments: [
    (["delta.dataSkippingNumIndexedCols": "2"], [["a"], ["s", "x"]]),
    (["delta.dataSkippingNumIndexedCols": "-1"], [["a"], ["s", "x"], ["s", "y"], ["odd,name"]]),
    (["delta.dataSkippingStatsColumns": "S, `odd,name`"], [["s", "x"], ["s", "y"], ["odd,name"]]),
    (["delta.dataSkippingStatsColumns": "s.y,a"], [["a"], ["s", "y"]]),
    (["delta.dataSkippingStatsColumns": ""], []), ([:], [["a"], ["s", "x"], ["s", "y"], ["odd,name"]]),
])
func propertiesChooseTheColumns(configuration: [String: String], expected: [[String]]) {
    let fields = [Field("a", .long), Field("s", .structure([Field("x", .string), Field("y", .long)])), Field("odd,name", .long)]
    let columns = StatisticsColumns(dataFields: fields, configuration: configuration)
    #expect([["a"], ["s", "x"], ["s", "y"], ["odd,name"]].filter { columns.includes($0) } == expected)
}
