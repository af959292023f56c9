import Base
import Columnar

/// A data page of a chunk that is copied, decompressed when somebody asks and then only once. Used by one thread at a time.
final class OpenedPage {
    let raw: RawPage
    private let source: ColumnPages
    private let decompressor: PageDecompressor
    private var opened: PageBody?
    private var index: IndexPage?

    init(_ raw: RawPage, of source: ColumnPages, _ decompressor: PageDecompressor) {
        self.raw = raw
        self.source = source
        self.decompressor = decompressor
    }

    func body() throws(Damage) -> PageBody {
        if let opened { return opened }
        let body = try PageBody(raw, source.leaf, codec: source.metadata.codec, decompressor)
        opened = body
        return body
    }

    /// The page's codes, where it is in dictionary encoding.
    func codes(_ dictionary: DictionaryPage, valueCount: Int) throws(Damage) -> IndexPage {
        if let index { return index }
        let codes = try IndexPage(body().values, count: valueCount, dictionaryCount: dictionary.count, limits: source.limits)
        index = codes
        return codes
    }

    /// The bounds of its values, and whether a NaN is among them; nil for encodings that would have to be decoded.
    func valueBounds(_ dictionary: DictionaryPage?, valueCount: Int) throws(Damage) -> (bounds: Bounds, sawNaN: Bool)? {
        if valueCount == 0 { return (.none, false) }
        if raw.encoding.isDictionary {
            guard let dictionary else { throw Damage("a page in dictionary encoding without a dictionary") }
            return try codes(dictionary, valueCount: valueCount).withCodes { codes in dictionary.withEntries { $0.bounds(source.leaf, of: codes) } } ?? (
                .none, false
            )
        }
        guard raw.encoding == .plain else { return nil }
        return try BoundsKernels.bounds(source.leaf, ofPlain: body().values, count: valueCount)
    }

    /// Forgets what it has decompressed.
    func close() {
        opened = nil
        index = nil
    }
}

extension BoundsKernels {
    /// As ``bounds(_:_:count:byteCount:)`` for a page of a file, which may hold anything.
    fileprivate static func bounds(_ leaf: SchemaLeaf, ofPlain values: Bytes, count: Int) throws(Damage) -> (bounds: Bounds, sawNaN: Bool) {
        let size: Int
        if leaf.physicalType == .boolean {
            size = Bitmap.byteCount(count)
        } else if let width = leaf.dictionaryWidth {
            size = count.multipliedReportingOverflow(by: width).partialValue
            guard !count.multipliedReportingOverflow(by: width).overflow else { throw Damage("\(count) values in a page of \(values.count) bytes") }
        } else {
            return try texts(values, count)
        }
        guard size <= values.count else { throw Damage("\(count) values in a page of \(values.count) bytes") }
        return values.withUnsafeBytes { raw in
            raw.baseAddress.map { bounds(leaf, $0, count: count, byteCount: size) } ?? (.none, false)
        }
    }

    private static func texts(_ values: Bytes, _ count: Int) throws(Damage) -> (bounds: Bounds, sawNaN: Bool) {
        try values.withUnsafeBytes { (raw) throws(Damage) in
            guard let base = raw.baseAddress else { throw Damage("\(count) values in an empty page") }
            var search = ByteSearch()
            var position = 0
            for _ in 0..<count {
                guard raw.count - position >= 4 else { throw Damage("the page ends early") }
                let length = Int(raw.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                guard length <= raw.count - position - 4 else { throw Damage("a value of \(length) bytes in a page of \(raw.count)") }
                search.see(base + position + 4, length)
                position += 4 + length
            }
            return (search.bounds, false)
        }
    }
}
