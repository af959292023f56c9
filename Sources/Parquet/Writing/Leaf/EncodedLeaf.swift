import Base
import Columnar

/// A page ready to be written, header and all.
struct EncodedPage: Sendable {
    struct Facts: Sendable {
        var entryCount = 0
        var nullCount = 0
        var rowCount = 0
        var bounds = Bounds.none
    }

    let bytes: Bytes
    /// Header and body before compression.
    let uncompressedSize: Int
    let facts: Facts
}

/// One leaf's column chunk, ready to be written.
struct EncodedLeaf: Sendable {
    let leaf: SchemaLeaf
    let type: DataType
    let codec: CompressionCodec
    let dictionaryPage: EncodedPage?
    let pages: [EncodedPage]
    let hasPlainPages: Bool
    let sawNaN: Bool

    var entryCount: Int { pages.reduce(0) { $0 + $1.facts.entryCount } }
    var nullCount: Int { pages.reduce(0) { $0 + $1.facts.nullCount } }
    var bounds: Bounds { pages.reduce(.none) { $0.union($1.facts.bounds) } }
    var compressedSize: Int { pages.reduce(dictionaryPage?.bytes.count ?? 0) { $0 + $1.bytes.count } }
    var uncompressedSize: Int { pages.reduce(dictionaryPage?.uncompressedSize ?? 0) { $0 + $1.uncompressedSize } }

    /// In the order that parquet-mr lists them.
    var encodings: [Encoding] {
        var encodings: [Encoding] = [.rle]
        if hasPlainPages || dictionaryPage != nil { encodings.append(.plain) }
        if dictionaryPage != nil { encodings.append(.rleDictionary) }
        return encodings
    }
}
