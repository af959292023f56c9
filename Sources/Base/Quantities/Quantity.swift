/// A Kubernetes quantity: `256Mi`, `1.5G`, `100m`, `1e6`. Equal where the amounts are, however they are written.
public struct Quantity: Sendable {
    /// In billionths, the finest that Kubernetes keeps.
    private let nanos: Int128
    private let text: String

    /// Nil for what Kubernetes would refuse. Digits below a billionth are rounded up, away from zero.
    public init?(_ text: String) {
        var rest = text.utf8[...]
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            rest.removeFirst()
        }
        let number = rest.prefix { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        guard let scale = Self.scale(of: Substring(rest[number.endIndex...])), let amount = Self.amount(of: number, scale: scale) else { return nil }
        nanos = isNegative ? -amount : amount
        self.text = text
    }

    /// So many bytes, in the largest binary unit that divides them.
    public init(bytes: Int64) {
        var value = bytes
        var unit = 0
        while value != 0, value % 1024 == 0, unit < Self.binaryUnits.count - 1 {
            value /= 1024
            unit += 1
        }
        nanos = Int128(bytes) * 1_000_000_000
        text = "\(value)\(Self.binaryUnits[unit])"
    }

    /// Whole units, rounded up as Kubernetes does, saturating.
    public var value: Int64 {
        let (quotient, remainder) = nanos.quotientAndRemainder(dividingBy: 1_000_000_000)
        return Int64(clamping: remainder > 0 ? quotient + 1 : quotient)
    }

    /// Thousandths, rounded up, saturating; what CPUs are counted in.
    public var milliValue: Int64 {
        let (quotient, remainder) = nanos.quotientAndRemainder(dividingBy: 1_000_000)
        return Int64(clamping: remainder > 0 ? quotient + 1 : quotient)
    }

    private static let binaryUnits = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]

    /// One unit in billionths, or a power of ten that is too large for that.
    private enum Scale {
        case nanos(Int128)
        case powerOfTen(Int)
    }

    private static func scale(of suffix: Substring) -> Scale? {
        switch suffix {
        case "n": return .powerOfTen(-9)
        case "u": return .powerOfTen(-6)
        case "m": return .powerOfTen(-3)
        case "": return .powerOfTen(0)
        case "k": return .powerOfTen(3)
        case "M": return .powerOfTen(6)
        case "G": return .powerOfTen(9)
        case "T": return .powerOfTen(12)
        case "P": return .powerOfTen(15)
        case "E": return .powerOfTen(18)
        default:
            if let unit = binaryUnits.firstIndex(of: String(suffix)) { return .nanos(1_000_000_000 << Int128(10 * unit)) }
            guard let first = suffix.first, first == "e" || first == "E", let exponent = Int(suffix.dropFirst()), abs(exponent) <= 40 else { return nil }
            return .powerOfTen(exponent)
        }
    }

    /// The number times the scale, in billionths, rounded up; nil where it is no number or absurdly large.
    private static func amount(of number: Substring.UTF8View, scale: Scale) -> Int128? {
        var digits: Int128 = 0
        var fractionDigits = 0
        var seenPoint = false
        var seenDigit = false
        for byte in number {
            if byte == UInt8(ascii: ".") {
                if seenPoint { return nil }
                seenPoint = true
                continue
            }
            seenDigit = true
            // 10^27 leaves room for the largest binary unit.
            guard digits < 1_000_000_000_000_000_000_000_000_000 else { return nil }
            digits = digits * 10 + Int128(byte - 0x30)
            if seenPoint { fractionDigits += 1 }
        }
        guard seenDigit else { return nil }
        switch scale {
        case let .nanos(unit):
            let (product, overflow) = digits.multipliedReportingOverflow(by: unit)
            return overflow ? nil : dividedUp(product, byPowerOfTen: fractionDigits)
        case let .powerOfTen(exponent):
            let shift = exponent + 9 - fractionDigits
            if shift < 0 { return dividedUp(digits, byPowerOfTen: -shift) }
            var result = digits
            for _ in 0..<shift {
                let (product, overflow) = result.multipliedReportingOverflow(by: 10)
                if overflow { return nil }
                result = product
            }
            return result
        }
    }

    private static func dividedUp(_ value: Int128, byPowerOfTen exponent: Int) -> Int128 {
        var result = value
        var isInexact = false
        for _ in 0..<exponent {
            isInexact = isInexact || result % 10 != 0
            result /= 10
        }
        return isInexact ? result + 1 : result
    }
}

extension Quantity: Hashable, Comparable {
    public static func == (left: Quantity, right: Quantity) -> Bool { left.nanos == right.nanos }
    public static func < (left: Quantity, right: Quantity) -> Bool { left.nanos < right.nanos }
    public func hash(into hasher: inout Hasher) { hasher.combine(nanos) }
}

extension Quantity: CustomStringConvertible {
    /// As it was written.
    public var description: String { text }
}

extension Quantity: Codable {
    /// From a string, or from a number as YAML has it where somebody wrote `1024` without quotes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try (try? container.decode(Int64.self)).map { "\($0)" } ?? container.decode(String.self)
        guard let quantity = Quantity(text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "`\(text)` is not a quantity like 256Mi"))
        }
        self = quantity
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension Int64 {
    /// The number of bytes for people: `512 B`, `12.3 MiB`.
    public var formattedBytes: String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var amount = Double(magnitude)
        var unit = 0
        // 1023.95 would be shown as 1024.0 of the smaller unit.
        while amount >= 1023.95, unit < units.count - 1 {
            amount /= 1024
            unit += 1
        }
        let sign = self < 0 ? "-" : ""
        if unit == 0 { return "\(sign)\(magnitude) B" }
        let tenths = Int((amount * 10).rounded())
        return "\(sign)\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
