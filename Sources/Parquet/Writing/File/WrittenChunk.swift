import Base
import Columnar

/// What the footer will say of one column chunk in the file, and the indexes that follow the data.
struct WrittenChunk {
    let leaf: SchemaLeaf
    let type: DataType
    let codec: CompressionCodec
    let encodings: [Encoding]
    let pageCounts: [PageCount]
    let entryCount: Int64
    /// Nil where a copied chunk does not say.
    let nullCount: Int64?
    let sawNaN: Bool
    let bounds: Bounds
    let compressedSize: Int64
    let uncompressedSize: Int64
    let start: Int64
    let dictionaryPageOffset: Int64?
    let dataPageOffset: Int64
    /// The indexes as they will be in the file; empty where there is none.
    var columnIndex = Bytes.empty
    var offsetIndex = Bytes.empty
    /// Where the indexes came to lie.
    var columnIndexRange: Range<Int64>?
    var offsetIndexRange: Range<Int64>?
    var bloomFilter: Range<Int64>?
}

struct WrittenRowGroup {
    let rowCount: Int
    var chunks: [WrittenChunk]
}
