/// A day of the proleptic Gregorian calendar, any year that 64 bits of days can reach.
public struct CivilDate: Sendable, Hashable {
    /// Astronomical: the year before 1 is 0.
    public let year: Int64
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
    public let day: Int

    /// Nil where the calendar has no such day.
    public init?(year: Int64, month: Int, day: Int) {
        guard (1...12).contains(month), day >= 1, day <= Self.daysInMonth(month, year: year) else { return nil }
        self.init(unchecked: year, month, day)
    }

    private init(unchecked year: Int64, _ month: Int, _ day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day that is that many days after 1970-01-01.
    ///
    /// Howard Hinnant's `civil_from_days` (https://howardhinnant.github.io/date_algorithms.html): eras of 400 years, years that begin in March.
    /// Days that are more than 10¹⁸ away are clamped: nothing that has a calendar is there.
    public init(daysSinceEpoch: Int64) {
        let days = min(max(daysSinceEpoch, -1_000_000_000_000_000_000), 1_000_000_000_000_000_000) + 719_468
        let era = days.flooredQuotient(146_097)
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        self.init(unchecked: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), Int(month), Int(day))
    }

    /// Days since 1970-01-01, negative before; saturating.
    public var daysSinceEpoch: Int64 {
        let year = min(max(self.year, -2_000_000_000_000_000), 2_000_000_000_000_000) - (month <= 2 ? 1 : 0)
        let era = year.flooredQuotient(400)
        let yearOfEra = year - era * 400
        let monthFromMarch = Int64(month > 2 ? month - 3 : month + 9)
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + Int64(day) - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// 0 is Sunday, as cron counts.
    public var weekday: Int {
        let days = daysSinceEpoch + 4
        return Int(days - days.flooredQuotient(7) * 7)
    }

    public static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    public static func daysInMonth(_ month: Int, year: Int64) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension CivilDate: Comparable {
    public static func < (left: CivilDate, right: CivilDate) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }
}

extension CivilDate: CustomStringConvertible {
    /// `2024-02-29`; years outside 0 to 9999 with a sign, as ISO 8601 has it.
    public var description: String {
        let digits = String(year.magnitude)
        let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        let sign = year < 0 ? "-" : year > 9999 ? "+" : ""
        return "\(sign)\(padded)-\(month.twoDigits)-\(day.twoDigits)"
    }

    /// Reads `2024-02-29`.
    public init?(_ text: String) {
        var reader = DigitReader(text)
        guard let year = reader.number(digits: 4), reader.take("-"), let month = reader.number(digits: 2), reader.take("-"),
            let day = reader.number(digits: 2), reader.isAtEnd
        else { return nil }
        self.init(year: Int64(year), month: month, day: day)
    }
}

extension Int {
    var twoDigits: String { self < 10 ? "0\(self)" : "\(self)" }

    /// With leading zeros up to `width`.
    func padded(to width: Int) -> String {
        let digits = String(self)
        return String(repeating: "0", count: Swift.max(0, width - digits.utf8.count)) + digits
    }
}

/// Reads fixed-width numbers and separators off a text.
struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number(digits: Int) -> Int? {
        var value = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    mutating func digit() -> Int? {
        guard let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        rest.removeFirst()
        return Int(byte - UInt8(ascii: "0"))
    }

    /// Consumes the next character if it is one of those.
    mutating func take(_ characters: String) -> Bool { taken(characters) != nil }

    mutating func taken(_ characters: String) -> UInt8? {
        guard let byte = rest.first, characters.utf8.contains(byte) else { return nil }
        rest.removeFirst()
        return byte
    }
}
