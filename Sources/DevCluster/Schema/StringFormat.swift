import Base
import Glibc

/// The string formats that the API server checks. Formats it does not know are accepted, as there.
enum StringFormat {
    static func accepts(_ text: String, format: String) -> Bool {
        switch format {
        case "date-time": isDateTime(text)
        case "date": isDate(text)
        case "duration": isDuration(text)
        case "byte": isBase64(text)
        case "uuid": isUUID(text)
        case "ipv4": isAddress(text, AF_INET)
        case "ipv6": isAddress(text, AF_INET6)
        case "ip": isAddress(text, AF_INET) || isAddress(text, AF_INET6)
        default: true
        }
    }

    private static func isDateTime(_ text: String) -> Bool { Timestamp(rfc3339: text) != nil }

    private static func isDate(_ text: String) -> Bool {
        text.utf8.count == 10 && Timestamp(rfc3339: text + "T00:00:00Z") != nil
    }

    /// Go's durations (`1h30m`, `-1.5s`), and the long units that go-openapi's strfmt adds (`3 days`).
    private static func isDuration(_ text: String) -> Bool {
        let units = [
            "ns", "us", "µs", "μs", "ms", "s", "m", "h", "d", "w", "nano", "nanosecond", "micro", "microsecond", "milli", "millisecond", "sec", "second", "min",
            "minute", "hr", "hour", "day", "week", "wk",
        ]
        var rest = Substring(text)
        if let sign = rest.first, sign == "-" || sign == "+" { rest = rest.dropFirst() }
        if rest == "0" { return true }
        guard !rest.isEmpty else { return false }
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard number.contains(where: \.isNumber), number.count(where: { $0 == "." }) <= 1 else { return false }
            rest = rest.dropFirst(number.count).drop { $0 == " " }
            let unit = rest.prefix { $0.isLetter }
            let singular = unit.count > 2 && unit.hasSuffix("s") && !units.contains(String(unit)) ? unit.dropLast() : unit
            guard units.contains(String(singular)) else { return false }
            rest = rest.dropFirst(unit.count).drop { $0 == " " }
        }
        return true
    }

    private static func isBase64(_ text: String) -> Bool { Base64.decode(text) != nil }

    private static func isUUID(_ text: String) -> Bool {
        let hyphens: Set<Int> = [8, 13, 18, 23]
        let bytes = Array(text.utf8)
        return bytes.count == 36
            && bytes.enumerated().allSatisfy { index, byte in hyphens.contains(index) ? byte == UInt8(ascii: "-") : Character(UnicodeScalar(byte)).isHexDigit }
    }

    private static func isAddress(_ text: String, _ family: Int32) -> Bool {
        var storage = in6_addr()
        return inet_pton(family, text, &storage) == 1
    }
}
