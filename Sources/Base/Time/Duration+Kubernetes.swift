extension Duration {
    /// Reads a duration as Kubernetes and Go write it: `168h`, `30m`, `1h30m`, `1.5s`, `100ms`, `0`; days (`7d`) are taken too, as 24 hours.
    ///
    /// Nil for anything else and for what lies beyond 292 years, Go's own limit.
    public init?(kubernetes text: String) {
        var rest = text.utf8[...]
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            rest.removeFirst()
        }
        if rest.elementsEqual("0".utf8) {
            self = .zero
            return
        }
        guard !rest.isEmpty else { return nil }
        var nanoseconds: Int128 = 0
        while !rest.isEmpty {
            guard let part = Self.takePart(&rest) else { return nil }
            nanoseconds += part
            guard nanoseconds <= Int128(Int64.max) else { return nil }
        }
        self = .nanoseconds(Int64(isNegative ? -nanoseconds : nanoseconds))
    }

    /// One number with its unit, in nanoseconds.
    private static func takePart(_ rest: inout Substring.UTF8View.SubSequence) -> Int128? {
        var value: Int128 = 0
        var divisor: Int128 = 1
        var seenDigit = false
        var seenPoint = false
        while let byte = rest.first {
            if byte == UInt8(ascii: "."), !seenPoint {
                seenPoint = true
            } else if (0x30...0x39).contains(byte) {
                seenDigit = true
                // Further digits of a fraction are too small to count; of a whole number too large to be right.
                if value < 1_000_000_000_000_000_000_000 {
                    value = value * 10 + Int128(byte - 0x30)
                    if seenPoint { divisor *= 10 }
                } else if !seenPoint {
                    return nil
                }
            } else {
                break
            }
            rest.removeFirst()
        }
        guard seenDigit else { return nil }
        let unit = rest.prefix { !(0x30...0x39).contains($0) && $0 != UInt8(ascii: ".") }
        rest = rest[unit.endIndex...]
        let scale: Int128
        switch String(decoding: unit, as: UTF8.self) {
        case "ns": scale = 1
        case "us", "µs", "μs": scale = 1000
        case "ms": scale = 1_000_000
        case "s": scale = 1_000_000_000
        case "m": scale = 60_000_000_000
        case "h": scale = 3_600_000_000_000
        case "d": scale = 86_400_000_000_000
        default: return nil
        }
        return value * scale / divisor
    }

    /// The duration as Kubernetes reads it, without parts that are zero: `168h`, `1h30m`, `1.5s`, `250ms`, `0s`.
    public var formatted: String {
        let (seconds, attoseconds) = components
        let nanoseconds = Int128(seconds) * 1_000_000_000 + Int128(attoseconds / 1_000_000_000)
        if nanoseconds == 0 { return "0s" }
        let magnitude = abs(nanoseconds)
        let sign = nanoseconds < 0 ? "-" : ""
        if magnitude < 1000 { return "\(sign)\(magnitude)ns" }
        if magnitude < 1_000_000 { return "\(sign)\(Self.decimal(magnitude, per: 1000))µs" }
        if magnitude < 1_000_000_000 { return "\(sign)\(Self.decimal(magnitude, per: 1_000_000))ms" }
        let minutes = magnitude / 60_000_000_000
        var text = sign
        if minutes >= 60 { text += "\(minutes / 60)h" }
        if minutes % 60 > 0 { text += "\(minutes % 60)m" }
        let rest = magnitude % 60_000_000_000
        if rest > 0 { text += "\(Self.decimal(rest, per: 1_000_000_000))s" }
        return text
    }

    private static func decimal(_ value: Int128, per unit: Int128) -> String {
        var fraction = value % unit
        guard fraction > 0 else { return "\(value / unit)" }
        var digits = unit
        while fraction % 10 == 0 {
            fraction /= 10
            digits /= 10
        }
        let text = String(fraction)
        let zeros = String(digits).count - 1 - text.count
        return "\(value / unit).\(String(repeating: "0", count: zeros))\(text)"
    }
}
