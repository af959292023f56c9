/// The type of a column: the types of the Delta protocol ("Schema Serialization Format"), and `null` for a column without any value.
public indirect enum DataType: Sendable, Hashable {
    case boolean
    /// 8-bit signed.
    case byte
    /// 16-bit signed.
    case short
    /// 32-bit signed.
    case integer
    /// 64-bit signed.
    case long
    case float
    case double
    /// An exact number of at most `precision` (1 to 38) digits, `scale` of them behind the point.
    case decimal(precision: Int, scale: Int)
    /// UTF-8 text.
    case string
    case binary
    /// Days since 1970-01-01 in the proleptic Gregorian calendar.
    case date
    /// An instant: microseconds since the epoch in UTC.
    case timestamp
    /// A reading of a clock without a time zone: microseconds since 1970-01-01T00:00:00.
    case timestampNTZ
    case list(element: Field)
    case map(key: Field, value: Field)
    case structure([Field])
    /// A type with no value but null (Spark's `void`).
    case null

    /// The most digits a decimal may have.
    public static let maximumDecimalPrecision = 38

    /// The most digits of a decimal that a column keeps in 64 bits; wider ones take 128.
    public static let maximumCompactDecimalPrecision = 18

    /// The bytes of one value in a column's memory for types of fixed width, nil for all others (booleans are bits).
    public var fixedWidth: Int? {
        switch self {
        case .byte: 1
        case .short: 2
        case .integer, .float, .date: 4
        case .long, .double, .timestamp, .timestampNTZ: 8
        case let .decimal(precision, _): precision <= Self.maximumCompactDecimalPrecision ? 8 : 16
        case .boolean, .string, .binary, .list, .map, .structure, .null: nil
        }
    }

    /// Whether the type holds other fields.
    public var isNested: Bool {
        switch self {
        case .list, .map, .structure: true
        default: false
        }
    }
}

extension DataType: CustomStringConvertible {
    /// The name as Spark SQL writes it: `decimal(10,2)`, `array<string>`, `map<string,long>`, `struct<a:integer,b:date>`.
    public var description: String {
        switch self {
        case .boolean: "boolean"
        case .byte: "byte"
        case .short: "short"
        case .integer: "integer"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case let .decimal(precision, scale): "decimal(\(precision),\(scale))"
        case .string: "string"
        case .binary: "binary"
        case .date: "date"
        case .timestamp: "timestamp"
        case .timestampNTZ: "timestamp_ntz"
        case let .list(element): "array<\(element.type)>"
        case let .map(key, value): "map<\(key.type),\(value.type)>"
        case let .structure(fields): "struct<\(fields.map { "\($0.name):\($0.type)" }.joined(separator: ","))>"
        case .null: "void"
        }
    }
}
