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
            return try dictionary.bounds(of: codes(dictionary, valueCount: valueCount), source.leaf)
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

extension DictionaryPage {
    /// The bounds of the values that the codes stand for, and whether a NaN is among them.
    fileprivate func bounds(of index: IndexPage, _ leaf: SchemaLeaf) throws(Damage) -> (bounds: Bounds, sawNaN: Bool) {
        var isUsed = [Bool](repeating: false, count: count)
        try index.withCodes { (codes) throws(Damage) in
            isUsed.withUnsafeMutableBufferPointer { isUsed in
                for code in codes { isUsed[Int(code)] = true }
            }
        }
        return values.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return (.none, false) }
            guard let starts else {
                let used = isUsed.indices.filter { isUsed[$0] }.map { Int32(truncatingIfNeeded: $0) }
                let width = leaf.dictionaryWidth ?? 0
                return withUnsafeTemporaryAllocation(byteCount: max(1, used.count * width), alignment: 8) { target in
                    guard let target = target.baseAddress else { return (.none, false) }
                    used.withUnsafeBufferPointer { used in
                        if let first = used.baseAddress { ValueKernels.gather(base, width: width, first, target, count: used.count) }
                    }
                    return BoundsKernels.bounds(leaf, target, count: used.count, byteCount: used.count * width)
                }
            }
            var search = ByteSearch()
            for code in isUsed.indices where isUsed[code] { search.see(base + Int(starts[code]) + 4, Int(starts[code + 1] - starts[code]) - 4) }
            return (search.bounds, false)
        }
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
