import Base
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.000001Z"), (1_500_000, "1970-01-01T00:00:01.500Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00Z"), (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        (-62_167_219_200_000_000, "0000-01-01T00:00:00Z"),
    ])
    func writesAndReadsRFC3339(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).rfc3339 == text)
        #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        ("2026-04-11T02:00:00+02:00", "2026-04-11T00:00:00Z"), ("2026-04-11t02:00:00z", "2026-04-11T02:00:00Z"),
        ("2026-04-11 02:00:00.5-01:30", "2026-04-11T03:30:00.500Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"), ("2026-04-11T02:00:00.123456789Z", "2026-04-11T02:00:00.123456Z"),
    ])
    func readsOffsetsAndFractions(text: String, expected: String) {
        #expect(Timestamp(rfc3339: text)?.rfc3339 == expected)
    }

    @Test(arguments: [
        "", "2026-04-11", "2026-04-11T02:00:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-04-11T24:00:00Z", "2026-04-11T02:60:00Z",
        "2026-04-11T02:00:00.Z",
        "2026-04-11T02:00:00Zx", "2026-04-11T02:00:00+25:00", "26-04-11T02:00:00Z", "２026-04-11T02:00:00Z",
    ])
    func refuses(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func extremesDoNotTrap() {
        #expect(Timestamp(microseconds: .max).rfc3339.hasPrefix("+294247-01-10"))
        #expect(Timestamp(microseconds: .min).rfc3339.hasPrefix("-290308-12-21"))
        #expect(Timestamp(milliseconds: .max).microseconds == .max)
        #expect(Timestamp(microseconds: .max) + .seconds(1) == Timestamp(microseconds: .max))
        #expect(Timestamp(microseconds: 1_999_999).rfc3339Seconds == "1970-01-01T00:00:01Z")
        #expect(Timestamp(microseconds: 1_999_999).rfc3339Milliseconds == "1970-01-01T00:00:01.999Z")
        #expect(Timestamp(microseconds: 1).rfc3339Microseconds == "1970-01-01T00:00:00.000001Z")
    }

    @Test func everyDayOfEightHundredYearsRoundTrips() {
        var expected = CivilDate(daysSinceEpoch: -146_097).daysSinceEpoch
        for day in Int64(-146_097)...146_097 {
            let date = CivilDate(daysSinceEpoch: day)
            if date.daysSinceEpoch != expected || date.weekday != Int(((day + 4) % 7 + 7) % 7) { Issue.record("day \(day) became \(date)") }
            expected += 1
        }
        #expect(CivilDate("2024-02-29")?.daysSinceEpoch == 19_782)
        #expect(CivilDate("2023-02-29") == nil)
        #expect(CivilDate(daysSinceEpoch: .max).daysSinceEpoch > 0)
    }
}
