/// A universally unique identifier (RFC 9562), without Foundation.
public struct UUID: Sendable, Hashable {
    /// The 16 bytes, first byte highest.
    public let bits: UInt128

    public init(bits: UInt128) { self.bits = bits }

    /// A random one, version 4.
    public static func v4(_ random: some RandomSource = SystemRandomSource()) -> UUID {
        let bits = UInt128(random.next()) << 64 | UInt128(random.next())
        let version: UInt128 = 0x4 << 76
        let variant: UInt128 = 0b10 << 62
        return UUID(bits: bits & ~(0xF << 76) & ~(0b11 << 62) | version | variant)
    }

    /// Reads `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, in either case.
    public init?(_ text: String) {
        guard text.utf8.count == 36 else { return nil }
        var bits: UInt128 = 0
        for (index, byte) in text.utf8.enumerated() {
            if Self.hyphens.contains(index) {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard let digit = byte.hexadecimalDigit else { return nil }
                bits = bits << 4 | UInt128(digit)
            }
        }
        self.bits = bits
    }

    private static let hyphens: Set = [8, 13, 18, 23]
}

extension UUID: CustomStringConvertible {
    /// In lower case.
    public var description: String {
        var text = ""
        text.reserveCapacity(36)
        for place in 0..<32 {
            if [8, 12, 16, 20].contains(place) { text += "-" }
            text += String(UInt8(truncatingIfNeeded: bits >> UInt128(4 * (31 - place))) & 15, radix: 16)
        }
        return text
    }
}

extension UUID: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let uuid = UUID(text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "`\(text)` is not a UUID"))
        }
        self = uuid
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
