import Base

/// Dates and times as the log, statistics, partition values and results spell them (ISO 8601, proleptic Gregorian calendar).
package enum DateTimeText {
    private static let microsecondsPerDay: Int64 = 86_400_000_000

    /// `2024-01-31`. Years have at least four digits, those above 9999 a `+`.
    package static func date(_ days: Int64) -> String { CivilDate(daysSinceEpoch: days).description }

    /// How many digits of a second a timestamp is written with.
    package enum Fraction {
        case milliseconds, microseconds
        /// As many as are not zero, none for whole seconds.
        case shortest
    }

    /// `2024-01-31T23:59:59.123456` with `separator` for the `T`. Rounds down to the fraction asked for.
    package static func timestamp(_ microseconds: Int64, separator: Character = "T", fraction: Fraction) -> String {
        let days = microseconds.flooredQuotient(microsecondsPerDay)
        let rest = microseconds &- days &* microsecondsPerDay
        let seconds = rest / 1_000_000
        let time = "\(padded((seconds / 3600).magnitude, 2)):\(padded((seconds / 60 % 60).magnitude, 2)):\(padded((seconds % 60).magnitude, 2))"
        let micros = (rest % 1_000_000).magnitude
        let tail: String
        switch fraction {
        case .milliseconds: tail = "." + padded(micros / 1000, 3)
        case .microseconds: tail = "." + padded(micros, 6)
        case .shortest:
            var digits = Substring(padded(micros, 6))
            while digits.last == "0" { digits.removeLast() }
            tail = digits.isEmpty ? "" : "." + digits
        }
        return date(days) + String(separator) + time + tail
    }

    /// Days since the epoch of `2024-01-31`; nil for what is no date or lies outside a 32-bit day count.
    static func parseDate(_ text: some StringProtocol) -> Int32? {
        var scanner = DigitScanner(text)
        guard let days = scanner.date(), scanner.isAtEnd else { return nil }
        return Int32(exactly: days)
    }

    /// Microseconds since the epoch of a date, or of a date and a time behind a blank or `T`, with up to nine digits of a fraction (those below a
    /// microsecond are dropped), and `Z` or an offset behind it. Without one the time is taken as UTC. `isZoned` says whether there was one.
    static func parseTimestamp(_ text: some StringProtocol) -> (microseconds: Int64, isZoned: Bool)? {
        var scanner = DigitScanner(text)
        guard let days = scanner.date() else { return nil }
        var micros: Int64 = 0
        var isZoned = false
        if !scanner.isAtEnd {
            guard scanner.skip(" ") || scanner.skip("T"), let time = scanner.time() else { return nil }
            micros = time
            if let offset = scanner.offset() {
                micros -= offset
                isZoned = true
            }
            guard scanner.isAtEnd else { return nil }
        }
        let (whole, overflow) = days.multipliedReportingOverflow(by: microsecondsPerDay)
        let (sum, overflowed) = whole.addingReportingOverflow(micros)
        return overflow || overflowed ? nil : (sum, isZoned)
    }

    private static func padded(_ value: some BinaryInteger, _ width: Int) -> String {
        let digits = String(value)
        return digits.utf8.count >= width ? digits : String(repeating: "0", count: width - digits.utf8.count) + digits
    }
}

/// Reads the parts of a date and a time from ASCII text.
private struct DigitScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { position == bytes.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func number(digits: ClosedRange<Int>) -> Int64? {
        var value: Int64 = 0
        let start = position
        while position < bytes.count, position - start < digits.upperBound, case let digit = bytes[position], digit >= 48, digit <= 57 {
            value = value * 10 + Int64(digit - 48)
            position += 1
        }
        return digits.contains(position - start) ? value : nil
    }

    mutating func date() -> Int64? {
        let isNegative = skip("-")
        if !isNegative { _ = skip("+") }
        guard let year = number(digits: 4...7), skip("-"), let month = number(digits: 1...2), skip("-"), let day = number(digits: 1...2) else { return nil }
        return CivilDate(year: isNegative ? -year : year, month: Int(month), day: Int(day))?.daysSinceEpoch
    }

    /// Microseconds since midnight.
    mutating func time() -> Int64? {
        guard let hour = number(digits: 1...2), hour < 24, skip(":"), let minute = number(digits: 1...2), minute < 60 else { return nil }
        var seconds: Int64 = 0
        var micros: Int64 = 0
        if skip(":") {
            guard let whole = number(digits: 1...2), whole < 60 else { return nil }
            seconds = whole
            if skip(".") {
                let start = position
                guard var fraction = number(digits: 1...9) else { return nil }
                let digits = position - start
                for _ in min(digits, 6)..<6 { fraction *= 10 }
                for _ in 6..<max(digits, 6) { fraction /= 10 }
                micros = fraction
            }
        }
        return ((hour * 60 + minute) * 60 + seconds) * 1_000_000 + micros
    }

    /// Microseconds east of Greenwich; nil where nothing is left, or what is left is no offset.
    mutating func offset() -> Int64? {
        if skip("Z") { return 0 }
        let isNegative = skip("-")
        guard isNegative || skip("+"), let hours = number(digits: 2...2), hours <= 18 else { return nil }
        _ = skip(":")
        let minutes = isAtEnd ? 0 : number(digits: 2...2)
        guard let minutes, minutes < 60 else { return nil }
        return (hours * 60 + minutes) * 60_000_000 * (isNegative ? -1 : 1)
    }
}
