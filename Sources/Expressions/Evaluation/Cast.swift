import Base
import Columnar

/// Spark's casts between flat types (ANSI: what does not fit fails; the caller decides whether that is an error or NULL).
enum Cast {
    // MARK: Which casts there are

    static func isAllowed(from source: DataType, to target: DataType) -> Bool {
        if source.isNested || target.isNested { return false }
        if source == target || source == .null || source == .string || target == .string { return true }
        if source == .binary || target == .binary { return false }
        if source.isTemporal, target.isTemporal { return true }
        if source.isTemporal || target.isTemporal {
            // Seconds since the epoch.
            return (source == .timestamp && target.isNumeric) || (target == .timestamp && source.isNumeric)
        }
        return true
    }

    /// The casts that the binder adds by itself: to a common type, from text, and for a function's parameter between dates and timestamps.
    static func isImplicit(from source: DataType, to target: DataType) -> Bool {
        source == .string || source == .null || source.common(with: target) == target || (source.isTemporal && target.isTemporal)
    }

    /// The type of a decimal sum, difference or product: Spark's precision and scale, cut to 38 digits.
    static func decimalResult(_ kind: BoundExpression.Arithmetic, _ left: DataType, _ right: DataType) -> DataType {
        guard case let .decimal(p1, s1)? = left.asDecimal, case let .decimal(p2, s2)? = right.asDecimal else { return .null }
        let scale = kind == .times ? s1 + s2 : max(s1, s2)
        let precision = kind == .times ? p1 + p2 + 1 : max(p1 - s1, p2 - s2) + scale + 1
        let excess = max(0, precision - DataType.maximumDecimalPrecision)
        return .decimal(precision: precision - excess, scale: max(scale - excess, min(scale, 6)))
    }

    // MARK: Conversion

    /// Nil where the value does not fit the type.
    static func convert(_ value: Scalar, to type: DataType) -> Scalar? {
        switch type {
        case .boolean: return boolean(value)
        case .byte: return integer(value).flatMap { Int8(exactly: $0) }.map { .integer(Int64($0)) }
        case .short: return integer(value).flatMap { Int16(exactly: $0) }.map { .integer(Int64($0)) }
        case .integer: return integer(value).flatMap { Int32(exactly: $0) }.map { .integer(Int64($0)) }
        case .long: return integer(value).map { .integer($0) }
        case .float: return double(value).map { .float(Float($0)) }
        case .double: return double(value).map { .double($0) }
        case let .decimal(precision, scale): return decimal(value, precision, scale)
        case .string: return text(value).map { .string($0) }
        case .binary:
            if case let .string(text) = value { return .binary(Bytes(text)) }
            if case .binary = value { return value }
            return nil
        case .date, .timestamp, .timestampNTZ: return temporal(value, type)
        case .list, .map, .structure, .null: return nil
        }
    }

    private static func boolean(_ value: Scalar) -> Scalar? {
        switch value {
        case .bool: value
        case let .integer(number): .bool(number != 0)
        case let .float(number): .bool(number != 0)
        case let .double(number): .bool(number != 0)
        case let .decimal(number, _): .bool(number != 0)
        case let .string(text):
            switch trimmed(text).lowercased() {
            case "t", "true", "y", "yes", "1": .bool(true)
            case "f", "false", "n", "no", "0": .bool(false)
            default: nil
            }
        default: nil
        }
    }

    private static func integer(_ value: Scalar) -> Int64? {
        switch value {
        case let .bool(flag): flag ? 1 : 0
        case let .integer(number): number
        case let .float(number): Int64(exactly: Double(number).rounded(.towardZero))
        case let .double(number): Int64(exactly: number.rounded(.towardZero))
        case let .decimal(number, scale): rescaledTowardZero(number, from: scale).flatMap { Int64(exactly: $0) }
        case let .string(text): parseDecimal(trimmed(text)).flatMap { rescaledTowardZero($0.unscaled, from: $0.scale) }.flatMap { Int64(exactly: $0) }
        case let .timestamp(microseconds): microseconds.flooredQuotient(1_000_000)
        default: nil
        }
    }

    private static func double(_ value: Scalar) -> Double? {
        switch value {
        case let .bool(flag): flag ? 1 : 0
        case let .integer(number): Double(number)
        case let .float(number): Double(number)
        case let .double(number): number
        case let .decimal(number, scale): Double(Scalar.decimalDigits(number, scale: scale))
        case let .string(text): parseDouble(trimmed(text))
        case let .timestamp(microseconds): Double(microseconds) / 1_000_000
        default: nil
        }
    }

    private static func decimal(_ value: Scalar, _ precision: Int, _ scale: Int) -> Scalar? {
        let exact: (unscaled: Int128, scale: Int)?
        switch value {
        case let .bool(flag): exact = (flag ? 1 : 0, 0)
        case let .integer(number): exact = (Int128(number), 0)
        case let .decimal(number, scale): exact = (number, scale)
        // The shortest digits that give the number back, as Java and Spark print it.
        case let .float(number): exact = number.isFinite ? parseDecimal("\(number)") : nil
        case let .double(number): exact = number.isFinite ? parseDecimal("\(number)") : nil
        case let .string(text): exact = parseDecimal(trimmed(text))
        default: exact = nil
        }
        guard let exact, let unscaled = rescaled(exact.unscaled, from: exact.scale, to: scale) else { return nil }
        guard let limit = powerOfTen(precision), unscaled.magnitude < limit.magnitude else { return nil }
        return .decimal(unscaled, scale: scale)
    }

    private static func temporal(_ value: Scalar, _ type: DataType) -> Scalar? {
        let dayLength: Int64 = 86_400_000_000
        switch (value, type) {
        case (.date, .date), (.timestamp, .timestamp), (.timestampNTZ, .timestampNTZ): return value
        case let (.string(text), _): return parse(trimmed(text), as: type)
        case let (.timestamp(instant), .date), let (.timestampNTZ(instant), .date):
            return Int32(exactly: instant.flooredQuotient(dayLength)).map { .date($0) }
        case let (.date(day), .timestamp): return .timestamp(Int64(day) * dayLength)
        case let (.date(day), .timestampNTZ): return .timestampNTZ(Int64(day) * dayLength)
        case let (.timestamp(instant), .timestampNTZ): return .timestampNTZ(instant)
        case let (.timestampNTZ(reading), .timestamp): return .timestamp(reading)
        case let (.integer(seconds), .timestamp):
            let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
            return overflow ? nil : .timestamp(microseconds)
        case let (.double(seconds), .timestamp): return Int64(exactly: (seconds * 1_000_000).rounded(.towardZero)).map { .timestamp($0) }
        case let (.float(seconds), .timestamp): return Int64(exactly: (Double(seconds) * 1_000_000).rounded(.towardZero)).map { .timestamp($0) }
        case let (.decimal(number, scale), .timestamp):
            return rescaled(number, from: scale, to: 6).flatMap { Int64(exactly: $0) }.map { .timestamp($0) }
        default: return nil
        }
    }

    private static func text(_ value: Scalar) -> String? {
        switch value {
        case let .binary(bytes): bytes.text
        case let .date(day): CivilDate(daysSinceEpoch: Int64(day)).description
        case let .timestamp(instant), let .timestampNTZ(instant): TemporalText.format(microseconds: instant)
        case .list, .structure, .map: nil
        case .bool, .integer, .float, .double, .decimal, .string: value.description
        }
    }

    // MARK: Decimals

    static func powerOfTen(_ exponent: Int) -> Int128? {
        guard (0...DataType.maximumDecimalPrecision).contains(exponent) else { return nil }
        var result: Int128 = 1
        for _ in 0..<exponent { result *= 10 }
        return result
    }

    /// The number at another scale, rounded half up where digits go. Nil on overflow.
    static func rescaled(_ unscaled: Int128, from: Int, to: Int) -> Int128? {
        if to >= from {
            guard let factor = powerOfTen(to - from) else { return unscaled == 0 ? 0 : nil }
            let (product, overflow) = unscaled.multipliedReportingOverflow(by: factor)
            return overflow ? nil : product
        }
        guard let divisor = powerOfTen(from - to) else { return 0 }
        let (quotient, remainder) = unscaled.quotientAndRemainder(dividingBy: divisor)
        let roundsUp = remainder.magnitude >= divisor.magnitude - remainder.magnitude
        return roundsUp ? quotient + (unscaled < 0 ? -1 : 1) : quotient
    }

    private static func rescaledTowardZero(_ unscaled: Int128, from scale: Int) -> Int128? {
        guard let divisor = powerOfTen(scale) else { return 0 }
        return unscaled / divisor
    }

    // MARK: Text

    private static func trimmed(_ text: String) -> String {
        let bytes = text.utf8
        guard let first = bytes.firstIndex(where: { $0 > 32 }), let last = bytes.lastIndex(where: { $0 > 32 }) else { return "" }
        return String(text[first...last])
    }

    /// A number with or without point and exponent, exactly. Nil for other text, or where it has more than 38 digits.
    static func parseDecimal(_ text: String) -> (unscaled: Int128, scale: Int)? {
        var unscaled: Int128 = 0
        var scale = 0
        var exponent = 0
        var digits = 0
        var sawPoint = false
        var bytes = text.utf8[...]
        let negative = bytes.first == UInt8(ascii: "-")
        if negative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        while let byte = bytes.first {
            bytes.removeFirst()
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (product, overflow) = unscaled.multipliedReportingOverflow(by: 10)
                let (sum, overflowed) = product.addingReportingOverflow(Int128(byte - UInt8(ascii: "0")))
                if overflow || overflowed { return nil }
                unscaled = sum
                digits += 1
                if sawPoint { scale += 1 }
            case UInt8(ascii: ".") where !sawPoint: sawPoint = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                guard digits > 0, let value = Int(String(decoding: bytes, as: UTF8.self)), abs(value) <= 1000 else { return nil }
                exponent = value
                bytes = bytes.suffix(0)
            default: return nil
            }
        }
        guard digits > 0 else { return nil }
        scale -= exponent
        if scale < 0 {
            guard let whole = rescaled(unscaled, from: 0, to: -scale) else { return nil }
            (unscaled, scale) = (whole, 0)
        }
        return (negative ? -unscaled : unscaled, scale)
    }

    private static func parseDouble(_ text: String) -> Double? {
        switch text.lowercased() {
        case "nan": return .nan
        case "infinity", "inf", "+infinity", "+inf": return .infinity
        case "-infinity", "-inf": return -.infinity
        default:
            // Swift would read hexadecimal too, which Spark does not.
            guard text.utf8.allSatisfy({ (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }) else { return nil }
            return Double(text)
        }
    }

    /// The date or time that a text says, in the forms that Spark reads. Nil for any other text.
    static func parse(_ text: String, as type: DataType) -> Scalar? {
        switch type {
        case .date: TemporalText.parseDate(text).map { .date($0) }
        case .timestamp: TemporalText.parseTimestamp(text, allowsZone: true).map { .timestamp($0) }
        case .timestampNTZ: TemporalText.parseTimestamp(text, allowsZone: false).map { .timestampNTZ($0) }
        default: nil
        }
    }
}

extension DataType {
    fileprivate var isTemporal: Bool { self == .date || self == .timestamp || self == .timestampNTZ }
}
