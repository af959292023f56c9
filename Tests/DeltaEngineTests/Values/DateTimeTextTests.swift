import Testing

@testable import DeltaEngine

@Test(arguments: [
    (0, "1970-01-01"), (-1, "1969-12-31"), (19753, "2024-01-31"), (11016, "2000-02-29"), (-719_162, "0001-01-01"), (-719_528, "0000-01-01"),
    (2_932_896, "9999-12-31"), (2_932_897, "+10000-01-01"), (-719_529, "-0001-12-31"),
])
func datesGoBothWays(days: Int64, text: String) {
    #expect(DateTimeText.date(days) == text)
    #expect(DateTimeText.parseDate(text).map { Int64($0) } == days)
}

@Test(arguments: ["", "2024", "2024-13-01", "2024-02-30", "2023-02-29", "2024-1-1x", "24-01-01", "99999999-01-01", "2024-01-31T"])
func whatIsNoDateIsRefused(text: String) {
    #expect(DateTimeText.parseDate(text) == nil)
}

@Test(arguments: [
    ("2024-01-31 23:59:59.123456", 1_706_745_599_123_456), ("2024-01-31T23:59:59.123456Z", 1_706_745_599_123_456), ("2024-01-31", 1_706_659_200_000_000),
    ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31 23:59:59.999999", -1), ("1970-01-01 00:00:00.1234567", 123_456), ("1970-01-01T00:00:00-0030", 1_800_000_000),
    ("1970-01-01 00:00", 0),
])
func timestampsAreRead(text: String, micros: Int64) {
    #expect(DateTimeText.parseTimestamp(text)?.microseconds == micros)
}

@Test(arguments: ["1970-01-01 24:00:00", "1970-01-01 00:60", "1970-01-01x00:00", "1970-01-01 00:00:00.", "1970-01-01 00:00:00 Z", "1970-01-01T00:00:00+99:00"])
func whatIsNoTimestampIsRefused(text: String) {
    #expect(DateTimeText.parseTimestamp(text) == nil)
}

@Test func timestampsAreWrittenWithTheFractionAskedFor() {
    #expect(DateTimeText.timestamp(-1, fraction: .microseconds) == "1969-12-31T23:59:59.999999")
    #expect(DateTimeText.timestamp(1_500_000, fraction: .milliseconds) == "1970-01-01T00:00:01.500")
    #expect(DateTimeText.timestamp(1_500_000, separator: " ", fraction: .shortest) == "1970-01-01 00:00:01.5")
    #expect(DateTimeText.timestamp(1_000_000, fraction: .shortest) == "1970-01-01T00:00:01")
    #expect(DateTimeText.timestamp(.min, fraction: .shortest) == "-290308-12-21T19:59:05.224192")
}
