import Base
import Columnar

/// Renders the column and the offset index of a chunk (PageIndex.md).
struct PageIndexWriter {
    let leaf: SchemaLeaf
    let type: DataType
    /// See ``WriterOptions/statisticsBytes``.
    let limit: Int

    typealias Page = (facts: EncodedPage.Facts, offset: Int64, length: Int)

    /// Empty where a page begins inside a row: rows could not be found by it.
    func offsetIndex(_ pages: [Page]) -> Bytes {
        guard pages.allSatisfy(\.facts.startsRow) else { return .empty }
        var row: Int64 = 0
        return OffsetIndex(
            pages: pages.map { page in
                defer { row += Int64(page.facts.rowCount) }
                return OffsetIndex.Page(offset: page.offset, length: page.length, firstRow: row)
            }
        ).write()
    }

    /// Empty where a page with values has no bounds (only NaNs, a maximum that cannot be cut, copied without): the index would have to lie.
    func columnIndex(_ pages: [Page]) -> Bytes {
        guard pages.allSatisfy(\.facts.startsRow) else { return .empty }
        var minima: [Bytes] = []
        var maxima: [Bytes] = []
        var isNullPage: [Bool] = []
        for page in pages {
            let isNull = page.facts.nullCount == page.facts.entryCount
            let bounds = isNull ? nil : page.facts.bounds.encoded(leaf, limit: limit)
            guard isNull || bounds != nil else { return .empty }
            isNullPage.append(isNull)
            minima.append(bounds?.minimum.bytes ?? .empty)
            maxima.append(bounds?.maximum.bytes ?? .empty)
        }
        var writer = CompactWriter()
        writer.structure { writer in
            writer.list(1, of: .boolTrue, isNullPage) { writer, isNull in writer.element(isNull) }
            writer.list(2, of: .binary, minima) { writer, value in writer.binary(value) }
            writer.list(3, of: .binary, maxima) { writer, value in writer.binary(value) }
            writer.field(4, boundaryOrder(pages).rawValue)
            writer.list(5, of: .int64, pages) { writer, page in writer.zigzag(Int64(page.facts.nullCount)) }
        }
        return writer.take()
    }

    private enum BoundaryOrder: Int32 {
        case unordered = 0
        case ascending, descending
    }

    /// Whether both bounds only rise, or only fall, from page to page; pages without values do not count.
    private func boundaryOrder(_ pages: [Page]) -> BoundaryOrder {
        var rises = true
        var falls = true
        var previous: (minimum: Scalar, maximum: Scalar)?
        for page in pages {
            // Cutting bounds keeps their order.
            guard let bounds = page.facts.bounds.scalars(type) else { continue }
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
