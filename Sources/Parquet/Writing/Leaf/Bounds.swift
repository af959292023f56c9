import Base
import Columnar

/// The smallest and largest value of a page or a chunk, in the leaf's physical terms.
enum Bounds: Sendable {
    /// No value but nulls and NaNs.
    case none
    /// Of copied pages whose file does not say.
    case unknown
    /// INT32, INT64 and booleans (0 and 1).
    case integers(Int64, Int64)
    /// DOUBLE, and FLOAT, whose values a double holds exactly. Never NaN; a zero minimum is -0.0 and a zero maximum 0.0.
    case floats(Double, Double)
    /// Decimals in FIXED_LEN_BYTE_ARRAY.
    case wide(Int128, Int128)
    /// BYTE_ARRAY, compared as unsigned bytes.
    case bytes(Bytes, Bytes, Exactness = .both)

    /// Which of two bounds are values that occur: those of copied pages may have been cut in their file.
    struct Exactness: OptionSet {
        let rawValue: Int

        static let minimum = Exactness(rawValue: 1)
        static let maximum = Exactness(rawValue: 2)
        static let both: Exactness = [.minimum, .maximum]
    }

    var isUnknown: Bool {
        if case .unknown = self { true } else { false }
    }

    func union(_ other: Bounds) -> Bounds {
        switch (self, other) {
        case (.unknown, _), (_, .unknown): .unknown
        case (.none, _): other
        case (_, .none): self
        case let (.integers(a, b), .integers(c, d)): .integers(min(a, c), max(b, d))
        // With the signs of zeros as they are, min and max of these four keep them.
        case let (.floats(a, b), .floats(c, d)): .floats(Self.lower(a, c), Self.higher(b, d))
        case let (.wide(a, b), .wide(c, d)): .wide(min(a, c), max(b, d))
        case let (.bytes(a, b, exact), .bytes(c, d, otherExact)): Self.union(a, b, exact, c, d, otherExact)
        default: .unknown
        }
    }

    private static func union(_ a: Bytes, _ b: Bytes, _ exact: Exactness, _ c: Bytes, _ d: Bytes, _ otherExact: Exactness) -> Bounds {
        var result: Exactness = []
        // Where both are equal it is enough that one of them occurs.
        if a == c ? !exact.union(otherExact).isDisjoint(with: .minimum) : (precedes(c, a) ? otherExact : exact).contains(.minimum) { result.insert(.minimum) }
        if b == d ? !exact.union(otherExact).isDisjoint(with: .maximum) : (precedes(b, d) ? otherExact : exact).contains(.maximum) { result.insert(.maximum) }
        return .bytes(precedes(c, a) ? c : a, precedes(b, d) ? d : b, result)
    }

    private static func lower(_ left: Double, _ right: Double) -> Double { right < left || (right == left && right.sign == .minus) ? right : left }
    private static func higher(_ left: Double, _ right: Double) -> Double { right > left || (right == left && right.sign == .plus) ? right : left }

    static func precedes(_ left: Bytes, _ right: Bytes) -> Bool {
        left.withUnsafeBytes { l in right.withUnsafeBytes { r in l.lexicographicallyPrecedes(r) } }
    }

    // MARK: For the caller

    /// The exact bounds as values of the column's type.
    func scalars(_ type: DataType) -> (minimum: Scalar, maximum: Scalar)? {
        switch self {
        case .none, .unknown: return nil
        case let .integers(low, high):
            guard let low = Self.scalar(low, type), let high = Self.scalar(high, type) else { return nil }
            return (low, high)
        case let .floats(low, high):
            return type == .float ? (.float(Float(low)), .float(Float(high))) : (.double(low), .double(high))
        case let .wide(low, high):
            guard case let .decimal(_, scale) = type else { return nil }
            return (.decimal(low, scale: scale), .decimal(high, scale: scale))
        case let .bytes(low, high, _):
            return type == .string ? (.string(low.text), .string(high.text)) : (.binary(low), .binary(high))
        }
    }

    private static func scalar(_ value: Int64, _ type: DataType) -> Scalar? {
        switch type {
        case .boolean: .bool(value != 0)
        case .byte, .short, .integer, .long: .integer(value)
        case .date: .date(Int32(truncatingIfNeeded: value))
        case .timestamp: .timestamp(value)
        case .timestampNTZ: .timestampNTZ(value)
        case let .decimal(_, scale): .decimal(Int128(value), scale: scale)
        default: nil
        }
    }

    // MARK: For the file

    /// A bound as the file has it, and whether it is a value that occurs.
    struct Encoded {
        let bytes: Bytes
        let isExact: Bool
    }

    /// The bounds in PLAIN encoding without lengths, bytes cut to `limit`. A maximum that cannot be cut (all bytes 0xff) is kept whole up to a
    /// kilobyte; above that there is none, and then no minimum either.
    func encoded(_ leaf: SchemaLeaf, limit: Int) -> (minimum: Encoded, maximum: Encoded)? {
        switch self {
        case .none, .unknown: return nil
        case let .integers(low, high):
            return (Self.exact(Self.plain(low, leaf)), Self.exact(Self.plain(high, leaf)))
        case let .floats(low, high):
            func plain(_ value: Double) -> Bytes { leaf.physicalType == .float ? Self.raw(Float(value)) : Self.raw(value) }
            return (Self.exact(plain(low)), Self.exact(plain(high)))
        case let .wide(low, high):
            return (Self.exact(Self.bigEndian(low, leaf.typeLength)), Self.exact(Self.bigEndian(high, leaf.typeLength)))
        case let .bytes(low, high, exact):
            let isText = leaf.logicalType == .string
            guard let maximum = Self.cutMaximum(high, limit, isText: isText) else { return nil }
            let minimum = Self.cutMinimum(low, limit, isText: isText)
            return (
                Encoded(bytes: minimum.bytes, isExact: minimum.isExact && exact.contains(.minimum)),
                Encoded(bytes: maximum.bytes, isExact: maximum.isExact && exact.contains(.maximum))
            )
        }
    }

    /// Which of the bounds are values that occur.
    var exactness: Exactness {
        if case let .bytes(_, _, exact) = self { exact } else { .both }
    }

    private static func exact(_ bytes: Bytes) -> Encoded { Encoded(bytes: bytes, isExact: true) }

    private static func plain(_ value: Int64, _ leaf: SchemaLeaf) -> Bytes {
        switch leaf.physicalType {
        case .boolean: raw(UInt8(truncatingIfNeeded: value))
        case .int32: raw(Int32(truncatingIfNeeded: value))
        default: raw(value)
        }
    }

    private static func raw<Value: BitwiseCopyable>(_ value: Value) -> Bytes {
        withUnsafeBytes(of: value) { Bytes(copying: $0) }
    }

    static func bigEndian(_ value: Int128, _ length: Int) -> Bytes {
        Bytes((0..<length).map { UInt8(truncatingIfNeeded: value >> Int128(($0 - length + 1) * -8)) })
    }

    /// A prefix is a lower bound of what it begins. Text is cut between characters.
    private static func cutMinimum(_ value: Bytes, _ limit: Int, isText: Bool) -> Encoded {
        guard value.count > limit else { return exact(value) }
        return Encoded(bytes: value.prefix(isText ? characterBoundary(value, limit) : limit), isExact: false)
    }

    /// An upper bound needs a prefix with one of its bytes, or characters, made larger.
    private static func cutMaximum(_ value: Bytes, _ limit: Int, isText: Bool) -> Encoded? {
        guard value.count > limit else { return exact(value) }
        if isText {
            var end = characterBoundary(value, limit)
            while end > 0 {
                let start = characterBoundary(value, end - 1)
                let character = value.slice(start..<end)?.text.unicodeScalars.first
                if let character, let next = successor(character) {
                    var text = value.prefix(start).text
                    text.unicodeScalars.append(next)
                    return Encoded(bytes: Bytes(text), isExact: false)
                }
                end = start
            }
        } else {
            var bytes = value.prefix(limit).array
            while let last = bytes.last {
                if last < 0xff {
                    bytes[bytes.count - 1] = last + 1
                    return Encoded(bytes: Bytes(bytes), isExact: false)
                }
                bytes.removeLast()
            }
        }
        return value.count <= 1024 ? exact(value) : nil
    }

    /// The largest position up to `limit` at which a character of UTF-8 text begins.
    private static func characterBoundary(_ value: Bytes, _ limit: Int) -> Int {
        value.withUnsafeBytes { bytes in
            var end = min(max(limit, 0), bytes.count)
            while end > 0, end < bytes.count, bytes[end] & 0xc0 == 0x80 { end -= 1 }
            return end
        }
    }

    /// The next character in the order of code points, which is that of UTF-8's bytes; nil after the last.
    private static func successor(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        Unicode.Scalar(scalar.value == 0xd7ff ? 0xe000 : scalar.value + 1)
    }
}
