/// How a leaf's values are stored (parquet.thrift, `Type`).
public enum PhysicalType: Int32, Sendable, Hashable {
    case boolean = 0
    case int32, int64, int96, float, double, byteArray, fixedLengthByteArray
}

/// How often a schema element occurs in its parent (`FieldRepetitionType`).
public enum Repetition: Int32, Sendable, Hashable {
    case required = 0
    case optional, repeated
}

/// How pages are compressed (`CompressionCodec`). Raw, since a file may name one that nobody here knows and still be readable in its other columns.
public struct CompressionCodec: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let uncompressed = CompressionCodec(rawValue: 0)
    public static let snappy = CompressionCodec(rawValue: 1)
    public static let gzip = CompressionCodec(rawValue: 2)
    public static let brotli = CompressionCodec(rawValue: 4)
    /// Deprecated, and of two kinds that nothing tells apart.
    public static let lz4 = CompressionCodec(rawValue: 5)
    public static let zstd = CompressionCodec(rawValue: 6)
    public static let lz4Raw = CompressionCodec(rawValue: 7)

    public var description: String {
        let names = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"]
        return names.indices.contains(Int(rawValue)) ? names[Int(rawValue)] : "codec \(rawValue)"
    }
}

/// How values or levels are encoded (`Encoding`).
public struct Encoding: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let plain = Encoding(rawValue: 0)
    public static let plainDictionary = Encoding(rawValue: 2)
    public static let rle = Encoding(rawValue: 3)
    public static let bitPacked = Encoding(rawValue: 4)
    public static let deltaBinaryPacked = Encoding(rawValue: 5)
    public static let deltaLengthByteArray = Encoding(rawValue: 6)
    public static let deltaByteArray = Encoding(rawValue: 7)
    public static let rleDictionary = Encoding(rawValue: 8)
    public static let byteStreamSplit = Encoding(rawValue: 9)

    public var description: String {
        let names = [
            "PLAIN", "GROUP_VAR_INT", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY",
            "RLE_DICTIONARY", "BYTE_STREAM_SPLIT",
        ]
        return names.indices.contains(Int(rawValue)) ? names[Int(rawValue)] : "encoding \(rawValue)"
    }
}

/// What a schema element means: its logical type, or the converted type that older writers gave (LogicalTypes.md has the equivalences).
public enum LogicalType: Sendable, Hashable {
    public enum TimeUnit: Int, Sendable, Hashable {
        case milliseconds = 1
        case microseconds, nanoseconds
    }

    case string, map, list, enumeration, date, null, json, bson, uuid, float16, interval, variant
    /// The old name for a map, or for the repeated group inside one.
    case mapKeyValue
    case decimal(precision: Int, scale: Int)
    case time(isAdjustedToUTC: Bool, unit: TimeUnit)
    case timestamp(isAdjustedToUTC: Bool, unit: TimeUnit)
    case integer(bitWidth: Int, isSigned: Bool)
    /// A logical type that this reader does not know: its values are read as their physical type.
    case unknown(id: Int)
}
