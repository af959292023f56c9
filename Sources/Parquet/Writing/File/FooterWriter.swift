import Base
import Columnar

/// What the footer will say of one column chunk in the file.
struct WrittenChunk {
    let leaf: EncodedLeafFacts
    let start: Int64
    let dictionaryPageOffset: Int64?
    let dataPageOffset: Int64
    var columnIndex: Range<Int64>?
    var offsetIndex: Range<Int64>?
}

/// An encoded leaf without its pages' bytes, which are gone once they are written.
struct EncodedLeafFacts {
    let leaf: SchemaLeaf
    let type: DataType
    let codec: CompressionCodec
    let encodings: [Encoding]
    let entryCount: Int
    let nullCount: Int
    let sawNaN: Bool
    let bounds: Bounds
    let compressedSize: Int
    let uncompressedSize: Int
    /// Each page's facts, with where it begins in the file and how long it is.
    let pages: [(facts: EncodedPage.Facts, offset: Int64, length: Int)]
}

struct WrittenRowGroup {
    let rowCount: Int
    var chunks: [WrittenChunk]
}

/// Renders the footer and the page indexes.
struct FooterWriter {
    let elements: [SchemaElement]
    let leafCount: Int
    let options: WriterOptions

    func footer(_ groups: [WrittenRowGroup]) -> Bytes {
        var writer = CompactWriter()
        let rowCount = groups.reduce(0) { $0 + $1.rowCount }
        writer.structure { writer in
            writer.field(1, Int32(2))
            writer.list(2, of: .structure, elements) { writer, element in element.write(&writer) }
            writer.field(3, Int64(rowCount))
            writer.list(4, of: .structure, Array(groups.enumerated())) { writer, group in
                writer.structure { writer in rowGroup(&writer, group.element, ordinal: group.offset) }
            }
            if !options.keyValues.isEmpty {
                writer.list(5, of: .structure, options.keyValues) { writer, pair in
                    writer.structure { writer in
                        writer.field(1, pair.key)
                        if let value = pair.value { writer.field(2, value) }
                    }
                }
            }
            writer.field(6, options.createdBy)
            // Without an order readers must not trust the bounds (ColumnOrder: TypeDefinedOrder).
            writer.list(7, of: .structure, 0..<leafCount) { writer, _ in
                writer.structure { writer in writer.structure(1) { _ in } }
            }
        }
        return writer.take()
    }

    private func rowGroup(_ writer: inout CompactWriter, _ group: WrittenRowGroup, ordinal: Int) {
        writer.list(1, of: .structure, group.chunks) { writer, chunk in
            writer.structure { writer in
                writer.field(2, Int64(0))
                writer.structure(3) { writer in metadata(&writer, chunk) }
                if let range = chunk.offsetIndex {
                    writer.field(4, range.lowerBound)
                    writer.field(5, Int32(truncatingIfNeeded: range.count))
                }
                if let range = chunk.columnIndex {
                    writer.field(6, range.lowerBound)
                    writer.field(7, Int32(truncatingIfNeeded: range.count))
                }
            }
        }
        writer.field(2, Int64(group.chunks.reduce(0) { $0 + $1.leaf.uncompressedSize }))
        writer.field(3, Int64(group.rowCount))
        if let first = group.chunks.first { writer.field(5, first.start) }
        writer.field(6, Int64(group.chunks.reduce(0) { $0 + $1.leaf.compressedSize }))
        if let ordinal = Int16(exactly: ordinal) { writer.field(7, int16: ordinal) }
    }

    private func metadata(_ writer: inout CompactWriter, _ chunk: WrittenChunk) {
        let leaf = chunk.leaf
        writer.field(1, leaf.leaf.physicalType.rawValue)
        writer.list(2, of: .int32, leaf.encodings) { writer, encoding in writer.zigzag(Int64(encoding.rawValue)) }
        writer.list(3, of: .binary, leaf.leaf.path) { writer, name in writer.string(name) }
        writer.field(4, leaf.codec.rawValue)
        writer.field(5, Int64(leaf.entryCount))
        writer.field(6, Int64(leaf.uncompressedSize))
        writer.field(7, Int64(leaf.compressedSize))
        writer.field(9, chunk.dataPageOffset)
        if let offset = chunk.dictionaryPageOffset { writer.field(11, offset) }
        writer.structure(12) { writer in
            let bounds = leaf.bounds.encoded(leaf.leaf, limit: options.statisticsBytes)
            writer.field(3, Int64(leaf.nullCount))
            if let bounds {
                writer.field(5, bounds.maximum.bytes)
                writer.field(6, bounds.minimum.bytes)
                writer.field(7, bounds.maximum.isExact)
                writer.field(8, bounds.minimum.isExact)
            }
        }
    }

    // MARK: Page index

    func offsetIndex(_ leaf: EncodedLeafFacts) -> Bytes {
        var writer = CompactWriter()
        var row: Int64 = 0
        writer.structure { writer in
            writer.list(1, of: .structure, leaf.pages) { writer, page in
                writer.structure { writer in
                    writer.field(1, page.offset)
                    writer.field(2, Int32(truncatingIfNeeded: page.length))
                    writer.field(3, row)
                }
                row += Int64(page.facts.rowCount)
            }
        }
        return writer.take()
    }

    /// Nil where a page with values has no bounds (only NaNs, or a maximum that cannot be cut): the index would have to lie.
    func columnIndex(_ leaf: EncodedLeafFacts) -> Bytes? {
        var minima: [Bytes] = []
        var maxima: [Bytes] = []
        var isNullPage: [Bool] = []
        for page in leaf.pages {
            let isNull = page.facts.nullCount == page.facts.entryCount
            let bounds = page.facts.bounds.encoded(leaf.leaf, limit: options.statisticsBytes)
            guard isNull || bounds != nil else { return nil }
            isNullPage.append(isNull)
            minima.append(bounds?.minimum.bytes ?? .empty)
            maxima.append(bounds?.maximum.bytes ?? .empty)
        }
        var writer = CompactWriter()
        writer.structure { writer in
            writer.list(1, of: .boolTrue, isNullPage) { writer, isNull in writer.element(isNull) }
            writer.list(2, of: .binary, minima) { writer, value in writer.binary(value) }
            writer.list(3, of: .binary, maxima) { writer, value in writer.binary(value) }
            writer.field(4, boundaryOrder(leaf).rawValue)
            writer.list(5, of: .int64, leaf.pages) { writer, page in writer.zigzag(Int64(page.facts.nullCount)) }
        }
        return writer.take()
    }

    private enum BoundaryOrder: Int32 {
        case unordered = 0
        case ascending, descending
    }

    /// Whether both bounds only rise, or only fall, from page to page; pages without values do not count.
    private func boundaryOrder(_ leaf: EncodedLeafFacts) -> BoundaryOrder {
        var rises = true
        var falls = true
        var previous: (minimum: Scalar, maximum: Scalar)?
        for page in leaf.pages {
            // Cutting bounds keeps their order.
            guard let bounds = page.facts.bounds.scalars(leaf.type) else { continue }
            defer { previous = bounds }
            guard let previous else { continue }
            let low = Scalar.compare(previous.minimum, bounds.minimum)
            let high = Scalar.compare(previous.maximum, bounds.maximum)
            rises = rises && low != .descending && high != .descending
            falls = falls && low != .ascending && high != .ascending
        }
        return rises ? .ascending : (falls ? .descending : .unordered)
    }
}
