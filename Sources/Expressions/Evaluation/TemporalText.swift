import Base

/// Dates and times as Spark reads and prints them, in UTC.
enum TemporalText {
    /// `yyyy`, `yyyy-[m]m`, `yyyy-[m]m-[d]d`, and the last followed by a space or `T` and anything. Days since 1970-01-01.
    static func parseDate(_ text: String) -> Int32? {
        var cursor = Cursor(text)
        guard let date = cursor.date() else { return nil }
        guard cursor.isAtEnd || cursor.take(" ") || cursor.take("T") else { return nil }
        return Int32(exactly: date.daysSinceEpoch)
    }

    /// A date, and behind a space or `T` a time `[h]h[:[m]m[:[s]s[.f…]]]` with a zone (`Z`, `UTC`, `+hh:mm`). Microseconds since the epoch.
    static func parseTimestamp(_ text: String, allowsZone: Bool) -> Int64? {
        var cursor = Cursor(text)
        guard let date = cursor.date() else { return nil }
        let (midnight, overflow) = date.daysSinceEpoch.multipliedReportingOverflow(by: 86_400_000_000)
        if overflow { return nil }
        if cursor.isAtEnd { return midnight }
        guard cursor.take(" ") || cursor.take("T"), let time = cursor.timeOfDay() else { return nil }
        var offset: Int64 = 0
        if !cursor.isAtEnd {
            guard let zone = cursor.zoneOffset() else { return nil }
            // A clock reading has no zone: Spark drops one that the text has.
            offset = allowsZone ? zone : 0
        }
        guard cursor.isAtEnd else { return nil }
        let (local, overflowed) = midnight.addingReportingOverflow(time)
        let (instant, overflows) = local.subtractingReportingOverflow(offset)
        return overflowed || overflows ? nil : instant
    }

    /// `2024-02-29 12:30:00.5`: Spark's form of a timestamp as text, fractions without trailing zeros.
    static func format(microseconds: Int64) -> String {
        let day = microseconds.flooredQuotient(86_400_000_000)
        let inDay = microseconds - day * 86_400_000_000
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = "\(value)"
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        var text = "\(CivilDate(daysSinceEpoch: day)) \(padded(inDay / 3_600_000_000, 2)):\(padded(inDay / 60_000_000 % 60, 2))"
        text += ":\(padded(inDay / 1_000_000 % 60, 2))"
        if inDay % 1_000_000 != 0 {
            var fraction = padded(inDay % 1_000_000, 6)
            while fraction.hasSuffix("0") { fraction.removeLast() }
            text += ".\(fraction)"
        }
        return text
    }

    private struct Cursor {
        private var rest: Substring.UTF8View

        init(_ text: String) { rest = Substring(text).utf8 }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func take(_ character: Character) -> Bool {
            guard let byte = rest.first, byte == character.asciiValue else { return false }
            rest.removeFirst()
            return true
        }

        /// A run of `width` digits; nil where there are fewer or more.
        mutating func number(_ width: ClosedRange<Int>) -> Int64? {
            var value: Int64 = 0
            var digits = 0
            while let byte = rest.first, (48...57).contains(byte) {
                guard digits < width.upperBound else { return nil }
                value = value * 10 + Int64(byte - 48)
                digits += 1
                rest.removeFirst()
            }
            return digits >= width.lowerBound ? value : nil
        }

        mutating func date() -> CivilDate? {
            let negative = take("-")
            guard let magnitude = number(4...7) else { return nil }
            let year = negative ? -magnitude : magnitude
            guard take("-") else { return isAtEnd ? CivilDate(year: year, month: 1, day: 1) : nil }
            guard let month = number(1...2) else { return nil }
            guard take("-") else { return isAtEnd ? CivilDate(year: year, month: Int(month), day: 1) : nil }
            guard let day = number(1...2) else { return nil }
            return CivilDate(year: year, month: Int(month), day: Int(day))
        }

        mutating func timeOfDay() -> Int64? {
            guard let hour = number(1...2), hour < 24 else { return nil }
            var result = hour * 3_600_000_000
            guard take(":") else { return result }
            guard let minute = number(1...2), minute < 60 else { return nil }
            result += minute * 60_000_000
            guard take(":") else { return result }
            guard let second = number(1...2), second < 60 else { return nil }
            result += second * 1_000_000
            guard take(".") else { return result }
            // Digits beyond microseconds are cut off.
            var unit: Int64 = 100_000
            while let byte = rest.first, (48...57).contains(byte) {
                result += Int64(byte - 48) * unit
                unit /= 10
                rest.removeFirst()
            }
            return result
        }

        mutating func zoneOffset() -> Int64? {
            while take(" ") {}
            if take("Z") || take("z") { return 0 }
            if rest.starts(with: "UTC".utf8) || rest.starts(with: "GMT".utf8) {
                rest.removeFirst(3)
                if isAtEnd { return 0 }
            }
            let negative = take("-")
            guard negative || take("+"), let hours = number(1...2), hours <= 18 else { return nil }
            var minutes: Int64 = 0
            if take(":") {
                guard let value = number(2...2), value < 60 else { return nil }
                minutes = value
            }
            let offset = (hours * 60 + minutes) * 60_000_000
            return negative ? -offset : offset
        }
    }
}
