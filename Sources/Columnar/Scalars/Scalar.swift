import Base

/// One value, apart from its column: a partition value, a statistic, a literal.
public indirect enum Scalar: Sendable {
    case bool(Bool)
    /// Any of byte, short, integer and long.
    case integer(Int64)
    case float(Float)
    case double(Double)
    /// The unscaled value and the digits behind the point: `123.45` is `(12345, scale: 2)`.
    case decimal(Int128, scale: Int)
    case string(String)
    case binary(Bytes)
    /// Days since 1970-01-01.
    case date(Int32)
    /// Microseconds since the epoch, UTC.
    case timestamp(Int64)
    /// Microseconds since 1970-01-01T00:00:00 on a clock without a zone.
    case timestampNTZ(Int64)
    case list([Scalar?])
    /// The fields' values in the order of the type's fields.
    case structure([Scalar?])
    case map([Entry])

    /// A key and its value. Keys are never null in well-formed data; a file may hold one all the same.
    public struct Entry: Sendable, Hashable {
        public let key: Scalar?
        public let value: Scalar?

        public init(key: Scalar?, value: Scalar?) {
            self.key = key
            self.value = value
        }
    }
}

extension Scalar: Hashable {
    /// Equality as Spark groups by it: all NaNs are one value, -0.0 is 0.0, text is equal when its bytes are (Swift's own comparison would
    /// take composed and decomposed characters for the same), decimals when their numbers are.
    public static func == (left: Scalar, right: Scalar) -> Bool {
        switch (left, right) {
        case let (.bool(l), .bool(r)): l == r
        case let (.binary(l), .binary(r)): l == r
        case let (.list(l), .list(r)): l == r
        case let (.structure(l), .structure(r)): l == r
        case let (.map(l), .map(r)): l == r
        default: compare(left, right) == .equal
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case let .bool(value): hasher.combine(value)
        case let .integer(value), let .timestamp(value), let .timestampNTZ(value): hasher.combine(value)
        case let .float(value): hasher.combine(value.isNaN ? Float.nan.bitPattern : (value == 0 ? Float(0) : value).bitPattern)
        case let .double(value): hasher.combine(value.isNaN ? Double.nan.bitPattern : (value == 0 ? Double(0) : value).bitPattern)
        case let .decimal(unscaled, scale): hasher.combine(Self.withoutTrailingZeros(unscaled, scale))
        case let .string(value):
            for byte in value.utf8 { hasher.combine(byte) }
        case let .binary(value): hasher.combine(value)
        case let .date(value): hasher.combine(value)
        case let .list(values), let .structure(values): hasher.combine(values)
        case let .map(entries): hasher.combine(entries)
        }
    }

    /// The number without the zeros at the end of its fraction, so that equal decimals of different scale hash alike.
    private static func withoutTrailingZeros(_ unscaled: Int128, _ scale: Int) -> Int128 {
        var value = unscaled
        var scale = scale
        while scale > 0, value % 10 == 0, value != 0 {
            value /= 10
            scale -= 1
        }
        return value
    }
}

extension Scalar: CustomStringConvertible {
    /// For messages; not a format to parse.
    public var description: String {
        switch self {
        case let .bool(value): "\(value)"
        case let .integer(value): "\(value)"
        case let .float(value): "\(value)"
        case let .double(value): "\(value)"
        case let .decimal(unscaled, scale): Self.decimalDigits(unscaled, scale: scale)
        case let .string(value): value
        case let .binary(value): value.description
        case let .date(days): "day \(days)"
        case let .timestamp(microseconds), let .timestampNTZ(microseconds): "\(microseconds) µs"
        case let .list(values): "[\(values.map { $0?.description ?? "null" }.joined(separator: ", "))]"
        case let .structure(values): "{\(values.map { $0?.description ?? "null" }.joined(separator: ", "))}"
        case let .map(entries): "{\(entries.map { "\($0.key?.description ?? "null"): \($0.value?.description ?? "null")" }.joined(separator: ", "))}"
        }
    }

    /// A decimal in plain digits: `-0.05` for (-5, scale: 2). Always `scale` digits behind the point.
    public static func decimalDigits(_ unscaled: Int128, scale: Int) -> String {
        guard scale > 0 else { return "\(unscaled)" }
        let digits = "\(unscaled.magnitude)"
        let padded = digits.utf8.count > scale ? digits : String(repeating: "0", count: scale + 1 - digits.utf8.count) + digits
        let split = padded.index(padded.endIndex, offsetBy: -scale)
        return "\(unscaled < 0 ? "-" : "")\(padded[..<split]).\(padded[split...])"
    }
}
