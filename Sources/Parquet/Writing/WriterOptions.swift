import Base

/// How a file is written.
public struct WriterOptions: Sendable {
    public var compression: Compression
    /// The part of its bytes that compression must save on the first page of a column chunk; below it the chunk is stored uncompressed, which
    /// writes and reads faster than hardly compressed data (random keys and measurements under snappy). 0 always compresses.
    public var minimumSavings: Double
    /// A row group ends at the first of these two: rows, and bytes of values before compression.
    public var rowGroupRows: Int
    public var rowGroupBytes: Int
    /// A page ends at the first of these two: bytes of values before compression, and rows.
    public var pageBytes: Int
    public var pageRows: Int
    public var pageVersion: DataPageVersion
    /// The most bytes of a column chunk's dictionary; 0 turns dictionaries off. A chunk whose dictionary grows beyond goes on without.
    public var dictionaryBytes: Int
    /// Encodings besides PLAIN and dictionaries that a column chunk is given where they make it smaller.
    public var encodings: OptionalEncodings
    /// Bounds of text and binary are cut to this many bytes in the file. What the writer returns to its caller is exact.
    public var statisticsBytes: Int
    /// Whether bounds and offsets of each page are written behind the data (PageIndex.md).
    public var writesPageIndex: Bool
    /// Whether each page's header has a CRC-32 of the page.
    public var writesChecksums: Bool
    /// Columns that get a bloom filter, by their leaves' dotted paths (`items.list.element.sku`).
    public var bloomFilters: [String: BloomFilterOptions]
    /// The order that the rows come in, for the footer; the writer does not check it.
    public var sortingColumns: [SortingColumn]
    /// How many columns ``ParquetWriter/write(_:)`` encodes at once, on the executor of the task that calls it.
    public var concurrency: Int
    /// The footer's `created_by`: `levee version 0.1.0 (build …)`, the form that other readers parse for known bugs.
    public var createdBy: String
    public var keyValues: [FileMetadata.KeyValue]

    /// - Parameter minimumSavings: by default an eighth for snappy, which is chosen for speed, and nothing for the others, chosen for size.
    public init(
        compression: Compression = .snappy, minimumSavings: Double? = nil, rowGroupRows: Int = 1 << 20, rowGroupBytes: Int = 128 << 20,
        pageBytes: Int = 1 << 20, pageRows: Int = 1 << 16, pageVersion: DataPageVersion = .v1, dictionaryBytes: Int = 1 << 20,
        encodings: OptionalEncodings = [], statisticsBytes: Int = 64, writesPageIndex: Bool = true, writesChecksums: Bool = false,
        bloomFilters: [String: BloomFilterOptions] = [:], sortingColumns: [SortingColumn] = [], concurrency: Int = 1,
        createdBy: String = "levee version 0.1.0 (build unknown)", keyValues: [FileMetadata.KeyValue] = []
    ) {
        self.compression = compression
        self.minimumSavings = minimumSavings ?? compression.defaultMinimumSavings
        self.rowGroupRows = rowGroupRows
        self.rowGroupBytes = rowGroupBytes
        self.pageBytes = pageBytes
        self.pageRows = pageRows
        self.pageVersion = pageVersion
        self.dictionaryBytes = dictionaryBytes
        self.encodings = encodings
        self.statisticsBytes = statisticsBytes
        self.writesPageIndex = writesPageIndex
        self.writesChecksums = writesChecksums
        self.bloomFilters = bloomFilters
        self.sortingColumns = sortingColumns
        self.concurrency = concurrency
        self.createdBy = createdBy
        self.keyValues = keyValues
    }
}

/// The two layouts of data pages. Every reader knows the first; the second keeps levels uncompressed.
public enum DataPageVersion: Sendable, Hashable {
    case v1, v2
}

/// Encodings that not every reader in use knows, so that they are written only when asked for.
///
/// The deltas are read by Spark from 3.3 on, Trino, DuckDB, Arrow and arrow-rs, not by Spark's fast reader before that. BYTE_STREAM_SPLIT is read by
/// Arrow, arrow-rs, DuckDB and parquet-java, not by Spark's fast reader.
public struct OptionalEncodings: OptionSet, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// DELTA_BINARY_PACKED for integers, dates and times, DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY for text and binary.
    public static let deltas = OptionalEncodings(rawValue: 1)
    /// BYTE_STREAM_SPLIT for floating-point numbers.
    public static let byteStreamSplit = OptionalEncodings(rawValue: 2)
}

/// A column by which a file's rows are sorted.
public struct SortingColumn: Sendable, Hashable {
    /// The leaf's dotted path.
    public let column: String
    public let isDescending: Bool
    public let nullsFirst: Bool

    public init(column: String, isDescending: Bool = false, nullsFirst: Bool = true) {
        self.column = column
        self.isDescending = isDescending
        self.nullsFirst = nullsFirst
    }
}
