/// A number as JSON has it: exact where it is an integer of 64 bits.
@frozen
public enum JSONNumber: Sendable, Hashable {
    case integer(Int64)
    case double(Double)
}

extension JSONScanner {
    /// Consumes a number that must be an integer of 64 bits; a fraction of zero (`1.0`) is let pass.
    @inlinable
    public mutating func integer() throws(JSONError) -> Int64 {
        let start = position
        switch try number() {
        case let .integer(value): return value
        case let .double(value):
            guard let value = Int64(exactly: value) else { throw .malformed(offset: start, reason: "expected an integer of 64 bits") }
            return value
        }
    }

    /// Consumes a number as a double.
    @inlinable
    public mutating func double() throws(JSONError) -> Double {
        switch try number() {
        case let .integer(value): Double(value)
        case let .double(value): value
        }
    }

    /// Consumes a number and returns where it stands, for those who need its digits (decimals).
    @inlinable
    public mutating func numberText() throws(JSONError) -> JSONText {
        guard peek() != nil else { throw unexpected("a number") }
        let start = position
        _ = try scanNumber()
        return JSONText(offset: start, count: position &- start, hasEscapes: false)
    }

    /// Consumes a number.
    @inlinable
    public mutating func number() throws(JSONError) -> JSONNumber {
        guard peek() != nil else { throw unexpected("a number") }
        let start = position
        let parts = try scanNumber()
        if parts.isInteger {
            if parts.isExact {
                if parts.mantissa <= UInt64(Int64.max) { return .integer(parts.isNegative ? -Int64(parts.mantissa) : Int64(parts.mantissa)) }
                if parts.isNegative, parts.mantissa == 1 << 63 { return .integer(.min) }
            }
        } else if parts.isExact, parts.mantissa <= 1 << 53, -22...22 ~= parts.exponent {
            // Both are exact doubles, so that one rounding gives the nearest (Clinger).
            let magnitude = Double(parts.mantissa)
            let value = parts.exponent < 0 ? magnitude / Self.powerOfTen(-parts.exponent) : magnitude * Self.powerOfTen(parts.exponent)
            return .double(parts.isNegative ? -value : value)
        }
        let digits = String(decoding: UnsafeRawBufferPointer(start: base + start, count: position - start), as: UTF8.self)
        guard let value = Double(digits), value.isFinite else { throw .numberOutOfRange(offset: start) }
        return .double(value)
    }

    /// A number taken apart: `mantissa * 10^exponent`.
    @usableFromInline @frozen
    struct NumberParts {
        @usableFromInline var mantissa: UInt64 = 0
        @usableFromInline var exponent = 0
        @usableFromInline var isNegative = false
        @usableFromInline var isInteger = true
        /// Whether `mantissa` and `exponent` hold all of it.
        @usableFromInline var isExact = true

        @inlinable init() {}

        @inlinable @inline(__always)
        mutating func take(_ digit: UInt8) {
            let (scaled, overflow) = mantissa.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(UInt64(digit &- 0x30))
            if overflow || carry { isExact = false }
            mantissa = sum
        }
    }

    @inlinable
    mutating func scanNumber() throws(JSONError) -> NumberParts {
        var parts = NumberParts()
        if position < end, base[position] == UInt8(ascii: "-") {
            parts.isNegative = true
            position &+= 1
        }
        let first = position
        while let digit = digit() { parts.take(digit) }
        guard position > first else { throw unexpected("a number") }
        if base[first] == UInt8(ascii: "0"), position > first + 1 { throw .malformed(offset: first, reason: "a number with a leading zero") }
        if position < end, base[position] == UInt8(ascii: ".") {
            parts.isInteger = false
            position &+= 1
            let fraction = position
            while let digit = digit() { parts.take(digit) }
            guard position > fraction else { throw unexpected("a digit") }
            parts.exponent = fraction - position
        }
        if position < end, base[position] | 0x20 == UInt8(ascii: "e") {
            parts.isInteger = false
            position &+= 1
            var negative = false
            if position < end, base[position] == UInt8(ascii: "-") || base[position] == UInt8(ascii: "+") {
                negative = base[position] == UInt8(ascii: "-")
                position &+= 1
            }
            let exponent = position
            var value = 0
            while let digit = digit() { value = min(value &* 10 &+ Int(digit &- 0x30), 1_000_000) }
            guard position > exponent else { throw unexpected("a digit") }
            parts.exponent &+= negative ? -value : value
        }
        isFirst = false
        return parts
    }

    @inlinable @inline(__always)
    mutating func digit() -> UInt8? {
        guard position < end, base[position] &- 0x30 < 10 else { return nil }
        defer { position &+= 1 }
        return base[position]
    }

    @usableFromInline
    static func powerOfTen(_ exponent: Int) -> Double { powersOfTen[exponent] }

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]
}
