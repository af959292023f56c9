/// The rule for the years that a compiled zone does not list, as `CET-1CEST,M3.5.0,M10.5.0/3` (RFC 8536, section 3.3; POSIX's TZ variable).
struct POSIXTimeZone: Sendable, Hashable {
    /// Seconds east of UTC.
    let standardOffset: Int
    let daylight: Daylight?

    struct Daylight: Sendable, Hashable {
        let offset: Int
        let start: Change
        let end: Change
    }

    /// A moment of every year, on the clock that runs until then.
    struct Change: Sendable, Hashable {
        let day: Day
        /// Seconds from midnight; may be negative or beyond a day.
        let time: Int
    }

    enum Day: Sendable, Hashable {
        /// 1 to 365; February 29 is never counted.
        case julian(Int)
        /// 0 to 365; February 29 is counted.
        case ordinal(Int)
        /// The `week`th (5: the last) `weekday` (0: Sunday) of a month.
        case weekday(month: Int, week: Int, weekday: Int)
    }

    func offset(at seconds: Int64) -> Int {
        guard let daylight else { return standardOffset }
        let year = CivilDate(daysSinceEpoch: (seconds &+ Int64(standardOffset)).flooredQuotient(86_400)).year
        let start = Self.moment(daylight.start, year: year) - Int64(standardOffset)
        let end = Self.moment(daylight.end, year: year) - Int64(daylight.offset)
        let isDaylight = start < end ? (start..<end).contains(seconds) : !(end..<start).contains(seconds)
        return isDaylight ? daylight.offset : standardOffset
    }

    /// Seconds since the epoch on the local clock.
    private static func moment(_ change: Change, year: Int64) -> Int64 {
        let newYear = CivilDate(year: year, month: 1, day: 1)?.daysSinceEpoch ?? 0
        let day: Int64
        switch change.day {
        case let .julian(number): day = newYear + Int64(number - 1) + (number >= 60 && CivilDate.isLeap(year) ? 1 : 0)
        case let .ordinal(number): day = newYear + Int64(number)
        case let .weekday(month, week, weekday):
            guard let first = CivilDate(year: year, month: month, day: 1) else { return 0 }
            var dayOfMonth = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
            while dayOfMonth > CivilDate.daysInMonth(month, year: year) { dayOfMonth -= 7 }
            day = first.daysSinceEpoch + Int64(dayOfMonth - 1)
        }
        return day &* 86_400 &+ Int64(change.time)
    }

    /// Nil for text that is no rule.
    init?(_ text: String) {
        var cursor = Cursor(text: Array(text.utf8))
        guard cursor.name(), let standard = cursor.time(maximumHours: 24) else { return nil }
        standardOffset = -standard
        if cursor.isAtEnd {
            daylight = nil
            return
        }
        guard cursor.name() else { return nil }
        var offset = standardOffset + 3600
        if cursor.peek != UInt8(ascii: ",") {
            guard let own = cursor.time(maximumHours: 24) else { return nil }
            offset = -own
        }
        guard cursor.take(","), let start = cursor.change(), cursor.take(","), let end = cursor.change(), cursor.isAtEnd else { return nil }
        daylight = Daylight(offset: offset, start: start, end: end)
    }

    private struct Cursor {
        let text: [UInt8]
        var position = 0

        init(text: [UInt8]) { self.text = text }

        var isAtEnd: Bool { position >= text.count }
        var peek: UInt8? { position < text.count ? text[position] : nil }

        mutating func take(_ character: Character) -> Bool {
            guard let byte = peek, byte == character.asciiValue else { return false }
            position += 1
            return true
        }

        /// `CET`, or anything in angle brackets.
        mutating func name() -> Bool {
            let start = position
            if take("<") {
                while let byte = peek, byte != UInt8(ascii: ">") { position += 1 }
                return take(">")
            }
            while let byte = peek, (65...90).contains(byte & 0xdf) { position += 1 }
            return position - start >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            var value = 0
            let start = position
            while let byte = peek, (48...57).contains(byte), position - start < 4 {
                value = value * 10 + Int(byte - 48)
                position += 1
            }
            return position > start && range.contains(value) ? value : nil
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time(maximumHours: Int) -> Int? {
            let negative = take("-")
            if !negative { _ = take("+") }
            guard let hours = number(0...maximumHours) else { return nil }
            var result = hours * 3600
            for unit in [60, 1] where take(":") {
                guard let value = number(0...59) else { return nil }
                result += value * unit
            }
            return negative ? -result : result
        }

        mutating func change() -> Change? {
            let day: Day
            if take("M") {
                guard let month = number(1...12), take("."), let week = number(1...5), take("."), let weekday = number(0...6) else { return nil }
                day = .weekday(month: month, week: week, weekday: weekday)
            } else if take("J") {
                guard let number = number(1...365) else { return nil }
                day = .julian(number)
            } else {
                guard let number = number(0...365) else { return nil }
                day = .ordinal(number)
            }
            // RFC 8536 lets the hours of a change go from -167 to 167.
            guard take("/") else { return Change(day: day, time: 7200) }
            return time(maximumHours: 167).map { Change(day: day, time: $0) }
        }
    }
}
