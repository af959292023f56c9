import Base

/// Random values for round trips. Print the seed where a test uses them.
public struct RandomJSON {
    private let random: any RandomSource

    public init(seed: UInt64) { random = SeededRandomSource(seed: seed) }

    public func value(depth: Int = 5) -> JSONValue {
        switch random.integer(below: depth > 0 ? 8 : 6) {
        case 0: .null
        case 1: .bool(random.next() & 1 == 0)
        case 2: .integer(Int64(bitPattern: random.next()) >> Int64(random.integer(below: 64)))
        case 3: .double(double())
        case 4, 5: .string(string())
        case 6: .array((0..<random.integer(below: 6)).map { _ in value(depth: depth - 1) })
        default:
            .object(JSONObject((0..<random.integer(below: 20)).map { _ in (key: string(), value: value(depth: depth - 1)) }))
        }
    }

    /// Any finite double, small ones with few digits as often as the rest.
    public func double() -> Double {
        if random.next() & 1 == 0 { return Double(random.integer(below: 2_000_000) - 1_000_000) / 1000 }
        let value = Double(bitPattern: random.next())
        return value.isFinite ? value : 0.1
    }

    /// Up to 40 characters: letters, quotes, backslashes, controls, and scalars of every length in UTF-8.
    public func string() -> String {
        var text = ""
        for _ in 0..<random.integer(below: 40) {
            let scalar: Unicode.Scalar? =
                switch random.integer(below: 8) {
                case 0: Unicode.Scalar(UInt8(random.integer(below: 32)))
                case 1: ["\"", "\\", "/", "\u{7F}"][random.integer(below: 4)]
                case 2: Unicode.Scalar(UInt32(0x80 + random.integer(below: 0x700)))
                case 3: Unicode.Scalar(UInt32(0x800 + random.integer(below: 0xF000)))
                case 4: Unicode.Scalar(UInt32(0x10000 + random.integer(below: 0x10_0000)))
                default: Unicode.Scalar(UInt8(97 + random.integer(below: 26)))
                }
            if let scalar { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}
