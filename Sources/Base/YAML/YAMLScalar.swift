/// What a plain scalar means, by the rules of go-yaml 2 that kubectl uses: YAML 1.1, without its sexagesimal numbers and with Go's `0o` and `0b`.
enum YAMLScalar {
    static func resolve(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": .null
        case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": true
        case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": false
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": .double(.infinity)
        case "-.inf", "-.Inf", "-.INF": .double(-.infinity)
        case ".nan", ".NaN", ".NAN": .double(.nan)
        default: number(text) ?? .string(text)
        }
    }

    private static func number(_ text: String) -> JSONValue? {
        guard let first = text.utf8.first, (0x30...0x39).contains(first) || first == 0x2B || first == 0x2D || first == 0x2E else { return nil }
        let plain = text.utf8.contains(UInt8(ascii: "_")) ? String(text.filter { $0 != "_" }) : text
        if let value = integer(plain) { return .integer(value) }
        return isFloat(plain) ? Double(plain).map { .double($0) } : nil
    }

    /// Decimal, `0x`, `0b`, `0o` and, with a leading zero, octal.
    private static func integer(_ text: String) -> Int64? {
        var digits = text[...]
        var sign = ""
        if let first = digits.first, first == "+" || first == "-" {
            sign = first == "-" ? "-" : ""
            digits = digits.dropFirst()
        }
        guard let first = digits.utf8.first, (0x30...0x39).contains(first) else { return nil }
        let radix: Int
        switch digits.prefix(2) {
        case "0x", "0X": (radix, digits) = (16, digits.dropFirst(2))
        case "0b", "0B": (radix, digits) = (2, digits.dropFirst(2))
        case "0o", "0O": (radix, digits) = (8, digits.dropFirst(2))
        default: (radix, digits) = first == UInt8(ascii: "0") && digits.utf8.count > 1 ? (8, digits.dropFirst()) : (10, digits)
        }
        // A second sign would be let through by `Int64`.
        guard let start = digits.utf8.first, start.hexadecimalDigit != nil else { return nil }
        return Int64(sign + digits, radix: radix)
    }

    /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
    private static func isFloat(_ text: String) -> Bool {
        var rest = text.utf8[...]
        func skipDigits() -> Int {
            let before = rest.count
            rest = rest.drop { (0x30...0x39).contains($0) }
            return before - rest.count
        }
        if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        let whole = skipDigits()
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            if skipDigits() == 0, whole == 0 { return false }
        } else if whole == 0 {
            return false
        }
        if let letter = rest.first, letter | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
            if skipDigits() == 0 { return false }
        }
        return rest.isEmpty
    }
}
