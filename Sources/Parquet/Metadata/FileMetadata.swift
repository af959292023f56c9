import Base

/// What a Parquet file's footer says.
public struct FileMetadata: Sendable {
    public let version: Int32
    public let schema: SchemaTree
    public let rowCount: Int64
    public let rowGroups: [RowGroupMetadata]
    /// In the file's order; keys may repeat.
    public let keyValues: [KeyValue]
    /// The writer's name and version, as `parquet-mr version 1.13.1 (build …)`.
    public let createdBy: String?
    /// How the bounds of each leaf's values were compared; empty where the writer did not say.
    let columnOrders: [ColumnOrder]

    public struct KeyValue: Sendable, Hashable {
        public let key: String
        public let value: String?

        public init(key: String, value: String?) {
            self.key = key
            self.value = value
        }
    }

    /// The first value of this key.
    public func value(forKey key: String) -> String? { keyValues.first { $0.key == key }?.value }
}

/// A horizontal slice of the file.
public struct RowGroupMetadata: Sendable {
    public let rowCount: Int64
    /// One per leaf of the schema, in its order.
    public let columns: [ColumnChunkMetadata]
    /// The bytes of all values before compression, as the writer counted them.
    public let totalByteSize: Int64

    /// The bytes that the row group's column chunks take in the file.
    public var compressedSize: Int64 { columns.reduce(0) { $0 &+ $1.totalCompressedSize } }
}

/// One leaf's values in one row group.
public struct ColumnChunkMetadata: Sendable {
    public let physicalType: PhysicalType
    public let codec: CompressionCodec
    public let encodings: [Encoding]
    /// Values and nulls, in nested columns also the entries for empty lists.
    public let valueCount: Int64
    public let totalUncompressedSize: Int64
    public let totalCompressedSize: Int64
    public let dataPageOffset: Int64
    /// Nil where there is none.
    public let dictionaryPageOffset: Int64?
    public let statistics: ColumnStatistics?
    /// How many pages there are of each kind and encoding; empty where the writer did not say.
    let pageCounts: [PageCount]
    public let columnIndex: Range<Int64>?
    public let offsetIndex: Range<Int64>?
    public let bloomFilterOffset: Int64?
    /// Nil where the writer did not say.
    let bloomFilterLength: Int32?

    /// The bytes of the chunk's pages in the file; checked to lie inside it.
    public var byteRange: Range<Int64> {
        // Some writers put 0 for "no dictionary"; a page cannot lie there.
        let start = dictionaryPageOffset.map { min($0, dataPageOffset) } ?? dataPageOffset
        return start..<(start + totalCompressedSize)
    }
}

/// A column chunk's statistics as they are in the file: bounds are the PLAIN encoding of a value without a length, and may be truncated.
public struct ColumnStatistics: Sendable, Hashable {
    public let minimum: Bytes?
    public let maximum: Bytes?
    public let nullCount: Int64?
    public let distinctCount: Int64?
    /// False where the bound may have been truncated or widened; nil where the writer did not say.
    public let isMinimumExact: Bool?
    public let isMaximumExact: Bool?
    /// Bounds from the deprecated fields, which were compared as signed bytes: meaningful for numbers only.
    public let isDeprecated: Bool
    /// How many values of a floating-point column are NaN; nil where the writer did not say.
    public let nanCount: Int64?
}

/// How a column's bounds were compared (parquet.thrift, `ColumnOrder`).
enum ColumnOrder: Sendable, Hashable {
    case typeDefined, ieee754, unknown
}
