/// Why a cron line cannot be used.
public enum CronError: Error, Sendable, Equatable, CustomStringConvertible {
    case wrongFieldCount(line: String, found: Int)
    case wrongField(line: String, field: String, text: String, reason: String)
    /// The line names only days that no year has, as `0 0 30 2 *`.
    case neverRuns(line: String)

    public var description: String {
        switch self {
        case let .wrongFieldCount(line, found):
            "`\(line)` is no cron schedule: it has \(found) fields, not five (minute hour day-of-month month day-of-week)"
        case let .wrongField(line, field, text, reason): "`\(line)` is no cron schedule: its \(field) `\(text)` \(reason)"
        case let .neverRuns(line): "the cron schedule `\(line)` never comes: no month that it names has that day"
        }
    }
}

/// Five-field cron in a time zone, as Kubernetes' CronJobs read it.
///
/// Minute, hour, day of month, month, day of week; `*`, `?`, lists, ranges, steps (`5/15` is 5 to the end in steps of 15), names (`MON`, `jan`),
/// 7 for Sunday, and `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`. Where both days are restricted, either will do.
///
/// Around clock changes: a time of day that is skipped runs once, right after the gap; one that comes twice runs the first time. A schedule
/// whose hour is `*` or `*/n` goes by the clock's readings as they come: it neither makes up for skipped ones nor leaves out repeated ones.
public struct CronSchedule: Sendable, Hashable {
    /// The text that it was read from.
    public let line: String
    private let minutes: Field
    private let hours: Field
    private let daysOfMonth: Field
    private let months: Field
    private let daysOfWeek: Field
    public let timeZone: TimeZoneRules

    /// Days that are searched for a match before giving up: February 29 comes at least every eight years.
    private static let horizonInDays: Int64 = 12 * 366

    private struct Field: Sendable, Hashable {
        /// Bit n is set where the value n matches.
        var bits: UInt64
        /// Whether it was written `*` or `?`: then the other day field decides alone.
        var isWildcard: Bool
        /// Whether it was written so, or as `*/n`.
        var hasStar: Bool

        func contains(_ value: Int) -> Bool { bits >> UInt64(value) & 1 == 1 }
    }

    public static func == (left: CronSchedule, right: CronSchedule) -> Bool { left.line == right.line && left.timeZone.name == right.timeZone.name }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(line)
        hasher.combine(timeZone.name)
    }

    public init(_ line: String, timeZone: TimeZoneRules = .utc) throws(CronError) {
        self.line = line
        self.timeZone = timeZone
        let macros = [
            "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
            "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
        ]
        let fields = (macros[line.lowercased()] ?? line).split { $0 == " " || $0 == "\t" }.map(String.init)
        guard fields.count == 5 else { throw .wrongFieldCount(line: line, found: fields.count) }
        minutes = try Self.field(fields[0], "minute", 0...59, [], line)
        hours = try Self.field(fields[1], "hour", 0...23, [], line)
        daysOfMonth = try Self.field(fields[2], "day of month", 1...31, [], line)
        months = try Self.field(fields[3], "month", 1...12, ["", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], line)
        var week = try Self.field(fields[4], "day of week", 0...7, ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], line)
        if week.contains(7) { week.bits |= 1 }
        daysOfWeek = week
        // A leap year has every day that there is.
        let comes = (1...12).contains { month in
            months.contains(month)
                && ((!daysOfWeek.isWildcard && !daysOfMonth.isWildcard) || (1...CivilDate.daysInMonth(month, year: 2024)).contains { daysOfMonth.contains($0) })
        }
        if !comes { throw .neverRuns(line: line) }
    }

    /// The first time after `moment`; nil where none comes within twelve years.
    public func next(after moment: Timestamp) -> Timestamp? {
        hours.hasStar ? nextByReadings(after: moment) : nextByDays(after: moment)
    }

    /// The last time at or before `moment`; nil where none came within twelve years.
    public func previous(atOrBefore moment: Timestamp) -> Timestamp? {
        var lookback: Int64 = 3600
        while lookback <= Self.horizonInDays * 86_400 {
            if var last = next(after: moment - .seconds(lookback)), last <= moment {
                while let later = next(after: last), later <= moment { last = later }
                return last
            }
            lookback *= 4
        }
        return nil
    }

    private func matches(_ date: CivilDate) -> Bool {
        guard months.contains(date.month) else { return false }
        let month = daysOfMonth.contains(date.day)
        let week = daysOfWeek.contains(date.weekday)
        return daysOfMonth.isWildcard || daysOfWeek.isWildcard ? month && week : month || week
    }

    private func nextByDays(after moment: Timestamp) -> Timestamp? {
        let today = timeZone.localTime(of: moment).date.daysSinceEpoch
        // From yesterday on: clocks that go back over midnight show it again.
        for day in (today - 1)...(today + Self.horizonInDays) {
            let date = CivilDate(daysSinceEpoch: day)
            guard matches(date) else { continue }
            for hour in 0..<24 where hours.contains(hour) {
                for minute in 0..<60 where minutes.contains(minute) {
                    let candidate = timeZone.firstTimestamp(reaching: LocalDateTime(date: date, hour: hour, minute: minute))
                    if candidate > moment { return candidate }
                }
            }
        }
        return nil
    }

    private func nextByReadings(after moment: Timestamp) -> Timestamp? {
        var seconds = (moment.seconds.flooredQuotient(60) + 1) * 60
        let limit = seconds + Self.horizonInDays * 86_400
        while seconds < limit {
            let candidate = Timestamp(milliseconds: seconds * 1000)
            let local = timeZone.localTime(of: candidate)
            if !matches(local.date) {
                // To the next midnight, or short of it where clocks change on the way: quarter hours are what offsets are made of.
                let left = Int64((23 - local.hour) * 60 + 60 - local.minute)
                seconds += max(1, left > 180 ? left - 120 : min(left, 15 - Int64(local.minute % 15))) * 60
            } else if !hours.contains(local.hour) {
                seconds += Int64(15 - local.minute % 15) * 60
            } else if !minutes.contains(local.minute) {
                seconds += 60
            } else {
                return candidate
            }
        }
        return nil
    }

    // MARK: Reading

    private static func field(_ text: String, _ name: String, _ range: ClosedRange<Int>, _ names: [String], _ line: String) throws(CronError) -> Field {
        func failure(_ reason: String) -> CronError { .wrongField(line: line, field: name, text: text, reason: reason) }
        func value(_ text: Substring) throws(CronError) -> Int {
            if let index = names.firstIndex(of: text.uppercased()), !text.isEmpty { return index }
            guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else { throw failure("has `\(text)`, which is no number") }
            guard range.contains(number) else { throw failure("has \(number), which is not within \(range.lowerBound) to \(range.upperBound)") }
            return number
        }
        var bits: UInt64 = 0
        var isWildcard = false
        var hasStar = false
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
            guard let span = pieces.first, !span.isEmpty, pieces.count <= 2 else { throw failure("has an empty part") }
            var bounds = range
            if span == "*" || span == "?" {
                hasStar = true
                isWildcard = isWildcard || pieces.count == 1
            } else if case let ends = span.split(separator: "-", omittingEmptySubsequences: false), ends.count == 2 {
                let (low, high) = (try value(ends[0]), try value(ends[1]))
                guard low <= high else { throw failure("has the range \(span), which ends before it begins") }
                bounds = low...high
            } else {
                let single = try value(span)
                bounds = single...(pieces.count == 2 ? range.upperBound : single)
            }
            var step = 1
            if pieces.count == 2 {
                guard let number = Int(pieces[1]), (1...range.upperBound).contains(number) else {
                    throw failure("has the step `\(pieces[1])`, which is not within 1 to \(range.upperBound)")
                }
                step = number
            }
            for number in stride(from: bounds.lowerBound, through: bounds.upperBound, by: step) { bits |= 1 << UInt64(number) }
        }
        return Field(bits: bits, isWildcard: isWildcard, hasStar: hasStar)
    }
}
