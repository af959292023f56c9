/// Decimals as text.
enum DecimalText {
    /// The unscaled value of a number in plain or exponent notation, exact: nil where it has more digits behind the point than `scale` (other than
    /// zeros) or more than `precision` in all, and for what is no number.
    static func parse(_ text: some StringProtocol, precision: Int, scale: Int) -> Int128? {
        var bytes = Array(text.utf8)[...]
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        var digits: [UInt8] = []
        var fractionDigits = 0
        var sawPoint = false
        while let byte = bytes.first {
            if byte == UInt8(ascii: "."), !sawPoint {
                sawPoint = true
            } else if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                digits.append(byte - UInt8(ascii: "0"))
                if sawPoint { fractionDigits += 1 }
            } else {
                break
            }
            bytes.removeFirst()
        }
        guard !digits.isEmpty else { return nil }
        var exponent = 0
        if let mark = bytes.first {
            guard mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E"), let value = Int(String(decoding: bytes.dropFirst(), as: UTF8.self)),
                abs(value) <= 1000
            else { return nil }
            exponent = value
        }
        return unscaled(digits, pointShift: scale - fractionDigits + exponent, precision: precision).map { isNegative ? -$0 : $0 }
    }

    /// The digits as a whole number times ten to the power of `pointShift`.
    private static func unscaled(_ digits: [UInt8], pointShift: Int, precision: Int) -> Int128? {
        var digits = digits.drop { $0 == 0 }
        if digits.isEmpty { return 0 }
        var shift = pointShift
        while shift < 0 {
            guard digits.popLast() == 0 else { return nil }
            shift += 1
        }
        guard digits.count + shift <= precision else { return nil }
        var value: Int128 = 0
        for digit in digits { value = value * 10 + Int128(digit) }
        for _ in 0..<shift { value *= 10 }
        return value
    }
}
