import Base

/// The bounds and null counts of a column chunk's pages (PageIndex.md), as they are in the file.
struct ColumnIndex: Sendable {
    let isNullPage: [Bool]
    let minima: [Bytes]
    let maxima: [Bytes]
    /// Nil where the writer left them out.
    let nullCounts: [Int64]?

    /// The number of pages, which all lists have.
    var count: Int { isNullPage.count }

    /// Nil for one that cannot be read or contradicts itself.
    init?(lenient bytes: Bytes) {
        let index: ColumnIndex?
        do throws(Damage) {
            index = try bytes.withUnsafeBytes { (raw) throws(Damage) in try Self.read(raw) }
        } catch {
            return nil
        }
        guard let index else { return nil }
        self = index
    }

    private init(isNullPage: [Bool], minima: [Bytes], maxima: [Bytes], nullCounts: [Int64]?) {
        (self.isNullPage, self.minima, self.maxima, self.nullCounts) = (isNullPage, minima, maxima, nullCounts)
    }

    private static func read(_ raw: UnsafeRawBufferPointer) throws(Damage) -> ColumnIndex? {
        var isNullPage: [Bool] = []
        var minima: [Bytes] = []
        var maxima: [Bytes] = []
        var nullCounts: [Int64]?
        var reader = CompactReader(raw)
        try reader.structure { (reader, id, kind) throws(Damage) in
            guard kind == .list else { return false }
            switch id {
            case 1: isNullPage = try elements(&reader) { (reader) throws(Damage) in try reader.byte() == CompactReader.Kind.boolTrue.rawValue }
            case 2: minima = try elements(&reader) { (reader) throws(Damage) in Bytes(copying: try reader.binary()) }
            case 3: maxima = try elements(&reader) { (reader) throws(Damage) in Bytes(copying: try reader.binary()) }
            case 5: nullCounts = try elements(&reader) { (reader) throws(Damage) in try reader.int64() }
            default: return false
            }
            return true
        }
        guard minima.count == isNullPage.count, maxima.count == isNullPage.count, nullCounts.map({ $0.count == isNullPage.count }) ?? true else { return nil }
        return ColumnIndex(isNullPage: isNullPage, minima: minima, maxima: maxima, nullCounts: nullCounts)
    }

    private static func elements<Element>(
        _ reader: inout CompactReader, _ element: (inout CompactReader) throws(Damage) -> Element
    ) throws(Damage) -> [Element] {
        let count = try reader.listHeader().count
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try element(&reader)) }
        return elements
    }
}

/// Where a column chunk's pages lie and with which row each begins (PageIndex.md).
struct OffsetIndex: Sendable {
    struct Page: Sendable {
        let offset: Int64
        /// Header and body.
        let length: Int
        /// Counted from the row group's first row.
        let firstRow: Int64
    }

    let pages: [Page]

    /// Nil for one that cannot be read or contradicts itself.
    init?(lenient bytes: Bytes) {
        var pages: [Page] = []
        do throws(Damage) {
            pages = try bytes.withUnsafeBytes { (raw) throws(Damage) in
                var pages: [Page] = []
                var reader = CompactReader(raw)
                try reader.structure { (reader, id, kind) throws(Damage) in
                    guard id == 1, kind == .list else { return false }
                    pages = try reader.structures { (reader) throws(Damage) in try Page(&reader) }
                    return true
                }
                return pages
            }
        } catch {
            return nil
        }
        guard !pages.isEmpty, zip(pages, pages.dropFirst()).allSatisfy({ $0.firstRow < $1.firstRow && $0.offset < $1.offset }), pages[0].firstRow == 0
        else { return nil }
        self.pages = pages
    }

    init(pages: [Page]) { self.pages = pages }

    func write() -> Bytes {
        var writer = CompactWriter()
        writer.structure { writer in
            writer.list(1, of: .structure, pages) { writer, page in
                writer.structure { writer in
                    writer.field(1, page.offset)
                    writer.field(2, Int32(truncatingIfNeeded: page.length))
                    writer.field(3, page.firstRow)
                }
            }
        }
        return writer.take()
    }
}

extension OffsetIndex.Page {
    fileprivate init(_ reader: inout CompactReader) throws(Damage) {
        var numbers: (offset: Int64, length: Int32, firstRow: Int64) = (-1, -1, -1)
        try reader.structure { (reader, id, kind) throws(Damage) in
            switch (id, kind) {
            case (1, .int64): numbers.offset = try reader.int64()
            case (2, .int32): numbers.length = try reader.int32()
            case (3, .int64): numbers.firstRow = try reader.int64()
            default: return false
            }
            return true
        }
        guard numbers.offset >= 0, numbers.length >= 0, numbers.firstRow >= 0 else { throw Damage("a page without its place") }
        self.init(offset: numbers.offset, length: Int(numbers.length), firstRow: numbers.firstRow)
    }
}
