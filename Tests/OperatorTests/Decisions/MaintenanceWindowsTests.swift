import Base
import Testing

@testable import Operator

@Suite struct MaintenanceWindowsTests {
    typealias Window = MaintenancePolicySpec.Window

    static func windows(_ windows: [Window], in zone: String) throws -> MaintenanceWindows {
        try MaintenanceWindows(windows, timeZone: TimeZoneRules(named: zone))
    }

    static func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

    /// Weeknights from 22:00 to 05:00.
    static let nights = [Window(days: [.mon, .tue, .wed, .thu, .fri], start: "22:00", end: "05:00")]

    @Test(arguments: [
        ("2026-04-13T22:00:00+02:00", true),  // Monday
        ("2026-04-13T21:59:59+02:00", false),
        ("2026-04-14T04:59:59+02:00", true),
        ("2026-04-14T05:00:00+02:00", false),
        ("2026-04-18T04:00:00+02:00", true),  // Saturday morning belongs to Friday's window
        ("2026-04-18T23:00:00+02:00", false),
        ("2026-04-13T04:00:00+02:00", false),  // Monday morning belongs to Sunday
    ])
    func weeknightsBelongToTheirOpeningDay(time: String, open: Bool) throws {
        #expect(try Self.windows(Self.nights, in: "Europe/Berlin").isOpen(at: Self.time(time)) == open)
    }

    @Test(arguments: [
        ("2026-04-13T12:00:00+02:00", "2026-04-13T22:00:00+02:00"),
        ("2026-04-13T22:00:00+02:00", "2026-04-14T22:00:00+02:00"),  // strictly after
        ("2026-04-18T06:00:00+02:00", "2026-04-20T22:00:00+02:00"),
    ])
    func theNextOpeningIsFound(after: String, opens: String) throws {
        #expect(try Self.windows(Self.nights, in: "Europe/Berlin").nextOpening(after: Self.time(after)) == Self.time(opens))
    }

    /// Berlin goes from 02:00 to 03:00 on 2026-03-29 and from 03:00 back to 02:00 on 2026-10-25; Lord Howe by half an hour; Havana at midnight.
    @Test(arguments: [
        // A window that begins in the gap opens at its end.
        ("Europe/Berlin", "02:30", "04:00", "2026-03-29T02:59:59+02:00", false),
        ("Europe/Berlin", "02:30", "04:00", "2026-03-29T03:00:00+02:00", true),
        // One that ends in the gap closes at the change.
        ("Europe/Berlin", "01:00", "02:30", "2026-03-29T01:59:59+01:00", true),
        ("Europe/Berlin", "01:00", "02:30", "2026-03-29T03:00:00+02:00", false),
        // An hour that comes twice is open both times.
        ("Europe/Berlin", "02:00", "03:00", "2026-10-25T02:30:00+02:00", true),
        ("Europe/Berlin", "02:00", "03:00", "2026-10-25T02:30:00+01:00", true),
        ("Europe/Berlin", "02:00", "03:00", "2026-10-25T03:00:00+01:00", false),
        ("Australia/Lord_Howe", "02:15", "03:00", "2026-10-04T02:30:00+11:00", true),
        ("America/Havana", "00:00", "02:00", "2026-03-08T01:00:00-04:00", true),
    ])
    func clockChangesNeitherMissNorCutAWindow(zone: String, start: String, end: String, time: String, open: Bool) throws {
        #expect(try Self.windows([Window(start: start, end: end)], in: zone).isOpen(at: Self.time(time)) == open)
    }

    @Test func aWindowLostInAGapIsFoundTheNextDay() throws {
        let windows = try Self.windows([Window(start: "02:10", end: "02:50")], in: "Europe/Berlin")
        #expect(try windows.nextOpening(after: Self.time("2026-03-28T12:00:00+01:00")) == Self.time("2026-03-30T02:10:00+02:00"))
    }

    @Test func noWindowsMeanAlways() throws {
        let always = try Self.windows([], in: "Etc/UTC")
        #expect(try always.isOpen(at: Self.time("2026-01-01T00:00:00Z")))
        #expect(try always.nextOpening(after: Self.time("2026-01-01T00:00:00Z")) == nil)
    }

    @Test func aWholeDayEndsAtTwentyFour() throws {
        let sunday = try Self.windows([Window(days: [.sun], start: "00:00", end: "24:00")], in: "Etc/UTC")
        #expect(try sunday.isOpen(at: Self.time("2026-04-12T23:59:59Z")))
        #expect(try !sunday.isOpen(at: Self.time("2026-04-13T00:00:00Z")))
    }

    @Test(arguments: ["24:00", "7:00", "07:60", "noon", "", "07:0", "-1:00", "07:00:00"])
    func timesThatAreNoneAreRefused(time: String) {
        #expect(throws: InvalidSpec.self) { try Self.windows([Window(start: time, end: "05:00")], in: "Etc/UTC") }
    }

    @Test func aWindowOfNoLengthIsRefused() {
        #expect(throws: InvalidSpec.self) { try Self.windows([Window(start: "05:00", end: "05:00")], in: "Etc/UTC") }
    }
}
