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
    /// The most bytes of a column chunk's dictionary; 0 turns dictionaries off. A chunk whose dictionary grows beyond goes on without.
    public var dictionaryBytes: Int
    /// Bounds of text and binary are cut to this many bytes in the file. What the writer returns to its caller is exact.
    public var statisticsBytes: Int
    /// Whether bounds and offsets of each page are written behind the data (PageIndex.md).
    public var writesPageIndex: Bool
    /// The footer's `created_by`: `levee version 0.1.0 (build …)`, the form that other readers parse for known bugs.
    public var createdBy: String
    public var keyValues: [FileMetadata.KeyValue]

    /// - Parameter minimumSavings: by default an eighth for snappy, which is chosen for speed, and nothing for the others, chosen for size.
    public init(
        compression: Compression = .snappy, minimumSavings: Double? = nil, rowGroupRows: Int = 1 << 20, rowGroupBytes: Int = 128 << 20,
        pageBytes: Int = 1 << 20, pageRows: Int = 1 << 16,
        dictionaryBytes: Int = 1 << 20, statisticsBytes: Int = 64, writesPageIndex: Bool = true, createdBy: String = "levee version 0.1.0 (build unknown)",
        keyValues: [FileMetadata.KeyValue] = []
    ) {
        self.compression = compression
        self.minimumSavings = minimumSavings ?? compression.defaultMinimumSavings
        self.rowGroupRows = rowGroupRows
        self.rowGroupBytes = rowGroupBytes
        self.pageBytes = pageBytes
        self.pageRows = pageRows
        self.dictionaryBytes = dictionaryBytes
        self.statisticsBytes = statisticsBytes
        self.writesPageIndex = writesPageIndex
        self.createdBy = createdBy
        self.keyValues = keyValues
    }
}
