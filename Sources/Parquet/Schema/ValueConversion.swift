import Columnar

/// What has to happen to a stored value to become a column's value. Decided once per column; the kernels switch on it once per page.
enum ValueConversion: Sendable, Hashable {
    /// One bit, as it is.
    case bits
    /// 4 or 8 bytes, as they are.
    case copy4, copy8
    /// INT32 to a narrower integer: the writer vouches for the range, excess bits are cut off.
    case int32ToInt8, int32ToInt16
    /// Unsigned integers go to the next wider signed type, as Spark reads them.
    case uint8ToInt16, uint16ToInt32, uint32ToInt64, uint64ToInt128
    /// INT32 to a decimal's 64 bits.
    case int32ToInt64
    case millisecondsToMicroseconds, nanosecondsToMicroseconds
    case int96ToMicroseconds
    case float16ToFloat
    /// Big-endian two's complement to 64 or 128 bits; the bytes of a value are fixed, or with each value (nil).
    case decimal64(length: Int?), decimal128(length: Int?)
    /// Text or binary: the bytes of a value are fixed, or with each value (nil).
    case bytes(length: Int?)
    /// A column that is null throughout: values that there are all the same are dropped.
    case null

    /// The bytes of a stored value in PLAIN encoding, nil for bits and for values with a length each.
    var storedWidth: Int? {
        switch self {
        case .bits, .null: nil
        case .copy4, .int32ToInt8, .int32ToInt16, .uint8ToInt16, .uint16ToInt32, .uint32ToInt64, .int32ToInt64: 4
        case .copy8, .uint64ToInt128, .millisecondsToMicroseconds, .nanosecondsToMicroseconds: 8
        case .int96ToMicroseconds: 12
        case .float16ToFloat: 2
        case let .decimal64(length), let .decimal128(length), let .bytes(length): length
        }
    }

    /// The logical type of a leaf, and how its values become that.
    ///
    /// What no column type can say is read as it is stored: times of day as integers in their unit, intervals, UUIDs and BSON as bytes.
    static func of(_ leaf: SchemaLeaf) throws(Damage) -> (DataType, ValueConversion) {
        func unsupported(_ what: String) -> Damage { .unsupported("\(what) stored as \(leaf.physicalType) (column \(leaf.name))") }
        if case let .decimal(precision, scale) = leaf.logicalType { return try decimal(leaf, precision: precision, scale: scale) }
        if leaf.logicalType == .null { return (.null, .null) }
        switch leaf.physicalType {
        case .boolean: return (.boolean, .bits)
        case .int32: return int32(leaf)
        case .int64: return int64(leaf)
        case .int96: return (.timestamp, .int96ToMicroseconds)
        case .float: return (.float, .copy4)
        case .double: return (.double, .copy8)
        case .byteArray:
            switch leaf.logicalType {
            case .string, .enumeration, .json: return (.string, .bytes(length: nil))
            default: return (.binary, .bytes(length: nil))
            }
        case .fixedLengthByteArray:
            switch leaf.logicalType {
            case .float16:
                guard leaf.typeLength == 2 else { throw unsupported("FLOAT16 of \(leaf.typeLength) bytes") }
                return (.float, .float16ToFloat)
            default: return (.binary, .bytes(length: leaf.typeLength))
            }
        }
    }

    private static func int32(_ leaf: SchemaLeaf) -> (DataType, ValueConversion) {
        switch leaf.logicalType {
        case .integer(8, true): return (.byte, .int32ToInt8)
        case .integer(16, true): return (.short, .int32ToInt16)
        case .integer(8, false): return (.short, .uint8ToInt16)
        case .integer(16, false): return (.integer, .uint16ToInt32)
        case .integer(32, false): return (.long, .uint32ToInt64)
        case .date: return (.date, .copy4)
        default: return (.integer, .copy4)
        }
    }

    private static func int64(_ leaf: SchemaLeaf) -> (DataType, ValueConversion) {
        switch leaf.logicalType {
        case .integer(64, false): return (.decimal(precision: 20, scale: 0), .uint64ToInt128)
        case let .timestamp(isAdjustedToUTC, unit):
            let type: DataType = isAdjustedToUTC ? .timestamp : .timestampNTZ
            switch unit {
            case .milliseconds: return (type, .millisecondsToMicroseconds)
            case .microseconds: return (type, .copy8)
            case .nanoseconds: return (type, .nanosecondsToMicroseconds)
            }
        default: return (.long, .copy8)
        }
    }

    private static func decimal(_ leaf: SchemaLeaf, precision: Int, scale: Int) throws(Damage) -> (DataType, ValueConversion) {
        guard (1...DataType.maximumDecimalPrecision).contains(precision), (0...precision).contains(scale) else {
            throw Damage.unsupported("DECIMAL(\(precision), \(scale)) (column \(leaf.name))")
        }
        let type = DataType.decimal(precision: precision, scale: scale)
        let isCompact = precision <= DataType.maximumCompactDecimalPrecision
        switch leaf.physicalType {
        case .int32 where isCompact: return (type, .int32ToInt64)
        case .int64 where isCompact: return (type, .copy8)
        case .byteArray: return (type, isCompact ? .decimal64(length: nil) : .decimal128(length: nil))
        case .fixedLengthByteArray: return (type, isCompact ? .decimal64(length: leaf.typeLength) : .decimal128(length: leaf.typeLength))
        default: throw Damage.unsupported("DECIMAL(\(precision), \(scale)) stored as \(leaf.physicalType) (column \(leaf.name))")
        }
    }
}
