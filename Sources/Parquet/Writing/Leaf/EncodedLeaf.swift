import Base
import Columnar

/// A page ready to be written, header and all.
struct EncodedPage: Sendable {
    /// The raw values are `PageType`'s.
    enum Kind: Int32, Sendable, Hashable {
        case data = 0
        case dictionary = 2
        case dataV2 = 3
    }

    struct Facts: Sendable {
        var entryCount = 0
        var nullCount = 0
        var rowCount = 0
        /// Whether it begins with a row. Only copied v1 pages of nested columns may not, and then have no place in the page index.
        var startsRow = true
        var bounds = Bounds.none
    }

    let bytes: Bytes
    /// Header and body before compression.
    let uncompressedSize: Int
    let facts: Facts
    let kind: Kind
    /// Of the values.
    let encoding: Encoding
    var levelEncoding = Encoding.rle
}

/// One leaf's column chunk, ready to be written.
struct EncodedLeaf: Sendable {
    let leaf: SchemaLeaf
    let type: DataType
    let codec: CompressionCodec
    let dictionaryPage: EncodedPage?
    let pages: [EncodedPage]
    /// Whether there is a NaN, or may be one in pages that were copied.
    let sawNaN: Bool
    var bloomFilter: Bytes?
    /// The bounds of the whole chunk where they are known better than those of its pages.
    var chunkBounds: Bounds?

    var entryCount: Int { pages.reduce(0) { $0 + $1.facts.entryCount } }
    var nullCount: Int { pages.reduce(0) { $0 + $1.facts.nullCount } }
    var bounds: Bounds { chunkBounds ?? pages.reduce(.none) { $0.union($1.facts.bounds) } }
    var compressedSize: Int { pages.reduce(dictionaryPage?.bytes.count ?? 0) { $0 + $1.bytes.count } }
    var uncompressedSize: Int { pages.reduce(dictionaryPage?.uncompressedSize ?? 0) { $0 + $1.uncompressedSize } }

    /// In the order that parquet-mr lists them: levels, then values.
    var encodings: [Encoding] {
        var encodings: [Encoding] = [.rle]
        func add(_ encoding: Encoding) { if !encodings.contains(encoding) { encodings.append(encoding) } }
        if dictionaryPage != nil { add(.plain) }
        for page in pages {
            add(page.levelEncoding)
            add(page.encoding)
        }
        return encodings
    }

    /// How many pages there are of each kind and encoding. Readers prune by the dictionary only where these show that all pages use it.
    var pageCounts: [PageCount] {
        var counts: [PageCount] = []
        for page in [dictionaryPage].compactMap({ $0 }) + pages {
            if let index = counts.firstIndex(where: { $0.kind == page.kind.rawValue && $0.encoding == page.encoding }) {
                counts[index].count += 1
            } else {
                counts.append(PageCount(kind: page.kind.rawValue, encoding: page.encoding, count: 1))
            }
        }
        return counts
    }
}
