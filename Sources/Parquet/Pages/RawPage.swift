import Base
import Columnar

/// A page of a column chunk as it is in its file.
public struct RawPage: Sendable {
    public enum Kind: Sendable, Hashable {
        case dictionary
        case data(DataPageVersion)
    }

    public let kind: Kind
    /// The values of a dictionary; the values and nulls of a data page, in nested columns also its entries for empty lists.
    public let entryCount: Int
    /// Of the values.
    public let encoding: Encoding
    /// Header and body.
    public let bytes: Bytes
    public let headerLength: Int
    /// The body's bytes once it is decompressed.
    public let uncompressedSize: Int
    /// CRC-32 of the body as it is in the file, where the writer gave one.
    public let checksum: UInt32?
    /// Where the page begins in the file.
    public let offset: Int64

    let header: PageHeader

    /// The page behind its header, compressed.
    public var body: Bytes { bytes.dropFirst(headerLength) }
}

/// One leaf's column chunk as pages, for copying them without decoding their values.
public struct ColumnPages: Sendable {
    public let leaf: SchemaLeaf
    public let metadata: ColumnChunkMetadata
    /// The rows of the row group.
    public let rowCount: Int64
    /// In the file's order, the dictionary page first.
    public let pages: [RawPage]

    let type: DataType
    let columnIndex: ColumnIndex?
    let offsetIndex: OffsetIndex?
    let place: ChunkPlace
    let limits: ReadLimits

    /// The bytes that the pages take in memory.
    public var sizeInBytes: Int { pages.reduce(0) { $0 + $1.bytes.count } }
}

/// Where errors say that they come from.
struct ChunkPlace: Sendable {
    let file: String
    let rowGroup: Int
    let column: String

    func error(_ damage: Damage, base: Int64? = nil) -> ParquetError {
        damage.error(file: file, place: "row group \(rowGroup), column \(column)", base: base)
    }
}
