import Base
import Columnar

extension ColumnChunkCopier {
    /// Whether readers would be faster with the column's text encoded anew: few distinct values without a dictionary, or deltas that hardly save anything.
    /// Judged by the first values alone, as the encoder does. Numbers are as quick to read in any encoding.
    ///
    /// - Parameter pages: as ``append(_:)`` takes them.
    public func gainsFromEncoding(_ pages: [ColumnPages]) throws(ParquetError) -> Bool {
        for one in pages where try one.gainsFromEncoding(options) { return true }
        return false
    }
}

extension ColumnPages {
    /// As many as tell a few thousand distinct values from those that do not repeat.
    private static let sampledValues = 8192
    /// What deltas must save of the bytes of PLAIN: they take readers half as long again.
    private static let leastSavings = 0.2

    fileprivate func gainsFromEncoding(_ options: WriterOptions) throws(ParquetError) -> Bool {
        guard leaf.physicalType == .byteArray, !pages.contains(where: { $0.kind == .dictionary }), let page = pages.first(where: { $0.entryCount > 0 })
        else { return false }
        do throws(Damage) {
            let body = try PageBody(page, leaf, codec: metadata.codec, PageDecompressor())
            let count = try page.entryCount - body.nullCount()
            guard count > 0, let values = try plain(body.values, page.encoding, count) else { return false }
            if page.encoding != .plain, options.encodings.isEmpty, Double(body.values.count) > Double(values.count) * (1 - Self.leastSavings) { return true }
            if options.dictionaryBytes == 0 { return false }
            return try Self.gain(values, min(count, Self.sampledValues), options).isWorthwhile(rows: options.rowGroupRows)
        } catch {
            throw place.error(error, base: page.offset)
        }
    }

    private func plain(_ values: Bytes, _ encoding: Encoding, _ count: Int) throws(Damage) -> Bytes? {
        if encoding == .plain { return values }
        return try PlainTranscoder.decode(encoding, values, count: count, physicalType: .byteArray, conversion: .bytes(length: nil), limits: limits)
    }

    /// What a dictionary of the first `count` of `values` saves.
    private static func gain(_ values: Bytes, _ count: Int, _ options: WriterOptions) throws(Damage) -> DictionaryGain {
        let dictionary = DictionaryBuilder(width: nil)
        var position = 0
        try values.withUnsafeBytes { (raw) throws(Damage) in
            guard let base = raw.baseAddress else { throw Damage("\(count) values in an empty page") }
            for _ in 0..<count {
                guard raw.count - position >= 4 else { throw Damage("the page ends early") }
                let length = Int(raw.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                guard length <= raw.count - position - 4 else { throw Damage("a value of \(length) bytes in a page of \(raw.count)") }
                _ = dictionary.code(of: base + position + 4, length: length)
                position += 4 + length
            }
        }
        return DictionaryGain(
            values: count, distinct: dictionary.count, dictionaryBytes: dictionary.sizeInBytes, plainBytes: position, limit: options.dictionaryBytes)
    }
}
