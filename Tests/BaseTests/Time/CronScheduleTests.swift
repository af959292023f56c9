import Base
import Testing

private func moment(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

@Suite struct CronScheduleTests {
    @Test(arguments: [
        // Fields.
        ("0 2 * * *", "Etc/UTC", "2026-11-21T01:00:00Z", "2026-11-21T02:00:00Z"),
        ("0 2 * * *", "Etc/UTC", "2026-11-21T02:00:00Z", "2026-11-22T02:00:00Z"),
        ("*/15 * * * *", "Etc/UTC", "2026-11-21T10:46:12Z", "2026-11-21T11:00:00Z"),
        ("5/20 9-11 * * *", "Etc/UTC", "2026-11-21T09:26:00Z", "2026-11-21T09:45:00Z"),
        ("0 4 * * 0", "Etc/UTC", "2026-11-21T00:00:00Z", "2026-11-22T04:00:00Z"),
        ("0 4 * * 7", "Etc/UTC", "2026-11-21T00:00:00Z", "2026-11-22T04:00:00Z"),
        ("0 0 * * mon-fri", "Etc/UTC", "2026-11-21T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("30 1 1,15 * *", "Etc/UTC", "2026-11-21T00:00:00Z", "2026-12-01T01:30:00Z"),
        ("0 0 13 * FRI", "Etc/UTC", "2026-11-21T00:00:00Z", "2026-11-27T00:00:00Z"),
        ("0 0 */2 * MON", "Etc/UTC", "2026-11-21T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("0 0 29 2 *", "Etc/UTC", "2026-11-21T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 29 2 *", "Etc/UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
        ("@weekly", "Etc/UTC", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("0 0 1 JAN ?", "Etc/UTC", "2026-11-21T00:00:00Z", "2027-01-01T00:00:00Z"),
        // Zones.
        ("0 2 * * *", "Asia/Kolkata", "2026-11-21T00:00:00Z", "2026-11-21T20:30:00Z"),
        ("0 0 * * *", "America/New_York", "2026-11-21T00:00:00Z", "2026-11-21T05:00:00Z"),
        // Berlin skips 02:00 to 03:00 on 2026-03-29: what was due runs at the gap's end, once.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"),
        // Berlin shows 02:00 to 03:00 twice on 2026-10-25: the first time counts.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        // Hours that are not fixed go by the readings: both.
        ("30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"),
        // New York's gap, and Lord Howe's of half an hour.
        ("15 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:00:00Z"),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"),
        // A year that only the zone's rule reaches.
        ("30 2 * * *", "Europe/Berlin", "2060-03-27T12:00:00Z", "2060-03-28T01:00:00Z"),
    ])
    func nextComes(line: String, zone: String, after: String, expected: String) throws {
        let schedule = try CronSchedule(line, timeZone: try TimeZoneRules(named: zone))
        #expect(schedule.next(after: try moment(after))?.rfc3339 == expected)
    }

    @Test(arguments: [
        ("0 2 * * *", "2026-11-21T02:00:00Z", "2026-11-21T02:00:00Z"), ("0 2 * * *", "2026-11-21T01:59:59Z", "2026-11-20T02:00:00Z"),
        ("* * * * *", "2026-11-21T01:59:59Z", "2026-11-21T01:59:00Z"), ("0 0 29 2 *", "2026-11-21T00:00:00Z", "2024-02-29T00:00:00Z"),
    ])
    func previousWas(line: String, at: String, expected: String) throws {
        #expect(try CronSchedule(line).previous(atOrBefore: try moment(at))?.rfc3339 == expected)
    }

    @Test(arguments: [
        ("0 2 * *", "has 4 fields"), ("60 2 * * *", "its minute `60` has 60, which is not within 0 to 59"), ("0 2 30 2 *", "never comes"),
        ("0 2 31 4,6 *", "never comes"), ("a 2 * * *", "has `a`, which is no number"), ("0 5-2 * * *", "ends before it begins"),
        ("*/0 * * * *", "the step `0`"), ("1,,2 * * * *", "empty part"), ("@often", "has 1 fields"), ("0 0 0 * *", "not within 1 to 31"), ("", "has 0 fields"),
        ("-1 * * * *", "has ``, which is no number"), ("99999999999999999999 * * * *", "which is no number"),
    ])
    func refusesWhatIsNoSchedule(line: String, reason: String) {
        do throws(CronError) {
            _ = try CronSchedule(line)
            Issue.record("accepted \(line)")
        } catch {
            #expect(error.description.contains(reason), "\(error)")
        }
    }

    @Test func aDayThatNoMonthHasIsFineWhereAWeekdayMayDo() throws {
        #expect(try CronSchedule("0 0 30 2 MON").next(after: try moment("2026-11-21T00:00:00Z"))?.rfc3339 == "2027-02-01T00:00:00Z")
    }
}
