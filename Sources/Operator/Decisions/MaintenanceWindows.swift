import Base

/// The times of the week at which operations may start, in one time zone.
///
/// A window belongs to the local day that it opens on and may close on the next. Where the clocks change, a time that does not exist is the moment
/// of the change, and of a time that comes twice the first opens and the last closes: a window is never missed and never cut short.
struct MaintenanceWindows: Sendable {
    struct Window: Hashable, Sendable {
        /// 0 is Sunday.
        var weekdays: Set<Int>
        /// Minutes after local midnight.
        var start: Int
        /// Minutes after local midnight of the opening day; more than 1440 where it closes on the next day.
        var end: Int
    }

    let windows: [Window]
    let timeZone: TimeZoneRules

    /// Whether operations may start at `time`: inside a window, or always where there are none.
    func isOpen(at time: Timestamp) -> Bool {
        if windows.isEmpty { return true }
        let today = timeZone.localTime(of: time).date.daysSinceEpoch
        return windows.contains { window in
            (today - 1...today).contains { day in
                span(of: window, onDay: day).map { $0.contains(time) } ?? false
            }
        }
    }

    /// When a window opens next, strictly after `time`; nil where there are no windows.
    func nextOpening(after time: Timestamp) -> Timestamp? {
        let today = timeZone.localTime(of: time).date.daysSinceEpoch
        for day in today...today + 8 {
            let openings = windows.compactMap { span(of: $0, onDay: day)?.lowerBound }.filter { $0 > time }
            if let first = openings.min() { return first }
        }
        return nil
    }

    private func span(of window: Window, onDay day: Int64) -> Range<Timestamp>? {
        // 1970-01-01 was a Thursday.
        let weekday = Int((day + 4) - (day + 4).flooredQuotient(7) * 7)
        guard window.weekdays.contains(weekday) else { return nil }
        let opens = instants(day: day, minute: window.start)
        let closes = instants(day: day + Int64(window.end / 1440), minute: window.end % 1440)
        return opens.first < closes.last ? opens.first..<closes.last : nil
    }

    /// The first and the last moment of a local time; both are the moment of the change where the clocks jump over it.
    private func instants(day: Int64, minute: Int) -> (first: Timestamp, last: Timestamp) {
        let local = LocalDateTime(date: CivilDate(daysSinceEpoch: day), hour: minute / 60, minute: minute % 60, second: 0)
        let candidates = timeZone.timestamps(of: local)
        let first = timeZone.firstTimestamp(reaching: local)
        return (first, candidates.last ?? first)
    }
}

extension MaintenanceWindows {
    /// From the policy's `windows`, whose times have the schema's form.
    init(_ windows: [MaintenancePolicySpec.Window], timeZone: TimeZoneRules) throws(InvalidSpec) {
        var parsed: [Window] = []
        for (index, window) in windows.enumerated() {
            guard let start = Self.minutes(window.start), start < 1440 else {
                throw InvalidSpec(field: "windows[\(index)].start", message: "`\(window.start)` is not a time of day like 22:00")
            }
            guard var end = Self.minutes(window.end) else {
                throw InvalidSpec(field: "windows[\(index)].end", message: "`\(window.end)` is not a time of day like 05:00, or 24:00 for the day's end")
            }
            if start == end {
                throw InvalidSpec(
                    field: "windows[\(index)]", message: "start and end are both \(window.start); for the whole day write start 00:00 and end 24:00")
            }
            if end < start { end += 1440 }
            let days = (window.days ?? MaintenancePolicySpec.Window.Weekday.allCases).map(\.number)
            parsed.append(Window(weekdays: Set(days), start: start, end: end))
        }
        self.init(windows: parsed, timeZone: timeZone)
    }

    private static func minutes(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let hour = Int(parts[0]), let minute = Int(parts[1]) else { return nil }
        guard (0...23).contains(hour) && (0...59).contains(minute) || (hour, minute) == (24, 0) else { return nil }
        return hour * 60 + minute
    }
}

extension MaintenancePolicySpec.Window.Weekday {
    /// 0 is Sunday, as in cron.
    fileprivate var number: Int {
        switch self {
        case .sun: 0
        case .mon: 1
        case .tue: 2
        case .wed: 3
        case .thu: 4
        case .fri: 5
        case .sat: 6
        }
    }
}
