import Base
import Columnar

/// Puts one leaf's column chunks together into one without decoding values. Synchronous, used by one thread at a time.
///
/// Pages go over as they are wherever they can. Those in dictionary encoding get the union of the dictionaries, and only their codes are rewritten;
/// where the dictionaries have so little in common that their union would not pay, these pages are spelled out instead. Levels are always kept.
final class LeafCopier {
    private let leaf: SchemaLeaf
    private let type: DataType
    private let options: WriterOptions
    private let decompressor = PageDecompressor()
    /// Set by the first chunk.
    private var sealer: PageSealer?

    private enum Dictionary {
        case none
        /// The only chunk so far that has one: whether a union pays shows with the second.
        case held(Chunk)
        case union(DictionaryBuilder)
        /// None, or no longer: pages in dictionary encoding are spelled out.
        case spellingOut
    }

    private struct Chunk {
        let source: ColumnPages
        let pages: [OpenedPage]
        let facts: [EncodedPage.Facts]
        let dictionary: DictionaryPage?
    }

    private var dictionary = Dictionary.none
    private var dictionaryPage: EncodedPage?
    private var pages: [EncodedPage] = []
    private var chunkBounds = Bounds.none
    private var sawNaN = false

    init(leaf: SchemaLeaf, type: DataType, options: WriterOptions) {
        self.leaf = leaf
        self.type = type
        self.options = options
    }

    // MARK: Appending

    func append(_ source: ColumnPages) throws(ParquetError) {
        let pages = source.pages.filter { $0.kind != .dictionary }.map { OpenedPage($0, of: source, decompressor) }
        let dictionary = try source.dictionary(decompressor)
        let facts = try source.facts(pages, dictionary)
        chunkBounds = chunkBounds.union(facts.bounds)
        sawNaN = sawNaN || facts.sawNaN
        do throws(Damage) {
            try append(Chunk(source: source, pages: pages, facts: facts.pages, dictionary: dictionary))
        } catch {
            throw source.place.error(error, base: source.pages.first?.offset)
        }
    }

    private func append(_ chunk: Chunk) throws(Damage) {
        guard chunk.dictionary != nil else {
            // Pages come in the order of their rows.
            try settle()
            return try copy(chunk, mapping: nil)
        }
        switch dictionary {
        case .none: dictionary = .held(chunk)
        case let .held(first):
            let union = DictionaryBuilder(width: leaf.dictionaryWidth)
            let mappings = [first, chunk].map { $0.dictionary?.merge(into: union) ?? [] }
            if paysOff(union, [first, chunk]) {
                dictionary = .union(union)
                try copy(first, mapping: mappings[0])
                try copy(chunk, mapping: mappings[1])
            } else {
                dictionary = .spellingOut
                try copy(first, mapping: nil)
                try copy(chunk, mapping: nil)
            }
        case let .union(union):
            let mapping = chunk.dictionary?.merge(into: union)
            try copy(chunk, mapping: mapping)
            if union.sizeInBytes > options.dictionaryBytes { try endDictionary(union) }
        case .spellingOut: try copy(chunk, mapping: nil)
        }
    }

    /// Whether the union of two dictionaries makes their pages small enough, or will when more of the like follow.
    private func paysOff(_ union: DictionaryBuilder, _ chunks: [Chunk]) -> Bool {
        var values = 0
        for chunk in chunks {
            for (page, facts) in zip(chunk.pages, chunk.facts) where page.raw.encoding.isDictionary { values += facts.entryCount - facts.nullCount }
        }
        guard union.count > 0 else { return true }
        let plainBytes = Int(Double(values) * Double(union.sizeInBytes) / Double(union.count))
        return DictionaryGain(
            values: values, distinct: union.count, dictionaryBytes: union.sizeInBytes, plainBytes: plainBytes, limit: options.dictionaryBytes
        ).isWorthwhile(rows: options.rowGroupRows)
    }

    /// Ends the wait for a second dictionary: the first one is taken as it is.
    private func settle() throws(Damage) {
        guard case let .held(chunk) = dictionary else { return }
        let union = DictionaryBuilder(width: leaf.dictionaryWidth)
        let mapping = chunk.dictionary?.merge(into: union)
        dictionary = .union(union)
        try copy(chunk, mapping: mapping)
    }

    private func endDictionary(_ union: DictionaryBuilder) throws(Damage) {
        let count = union.count
        dictionary = .spellingOut
        dictionaryPage = try union.takePage().withUnsafeBytes { (content) throws(Damage) in try sealer?.dictionary(content, count: count) }
    }

    // MARK: Pages

    /// Appends a chunk's data pages; codes become those of the union by `mapping`, or values where there is none.
    private func copy(_ chunk: Chunk, mapping: [UInt32]?) throws(Damage) {
        let codec = chunk.source.metadata.codec
        var sealer = sealer ?? makeSealer(chunk)
        defer { self.sealer = sealer }
        let isIdentity = mapping.map { $0.enumerated().allSatisfy { $0.offset == Int($0.element) } } ?? false
        // Codes say nothing of how values compress.
        if mapping != nil { sealer.keepCodec() }
        for (page, facts) in zip(chunk.pages, chunk.facts) {
            defer { page.close() }
            let isIndex = page.raw.encoding.isDictionary
            if codec == sealer.codec, !isIndex || isIdentity {
                sealer.keepCodec()
                pages.append(EncodedPage(copying: page.raw, facts))
            } else if isIndex {
                guard let dictionary = chunk.dictionary else { throw Damage("a page in dictionary encoding without a dictionary") }
                pages.append(try rewrite(page, facts, dictionary, mapping, chunk.source, &sealer))
            } else {
                let body = try page.body()
                pages.append(try seal(body, body.values, page.raw.encoding, facts, &sealer))
            }
        }
    }

    /// A page of codes, with other codes or with the values that they stand for.
    private func rewrite(
        _ page: OpenedPage, _ facts: EncodedPage.Facts, _ dictionary: DictionaryPage, _ mapping: [UInt32]?, _ source: ColumnPages,
        _ sealer: inout PageSealer
    ) throws(Damage) -> EncodedPage {
        let body = try page.body()
        let index = try page.codes(dictionary, valueCount: facts.entryCount - facts.nullCount)
        var values = BytesBuilder()
        if let mapping, case let .union(union) = self.dictionary {
            try index.append(to: &values, mapping: mapping, dictionaryCount: union.count)
        } else {
            try index.withCodes { (codes) throws(Damage) in try dictionary.append(codes, to: &values, limits: source.limits) }
        }
        return try seal(body, values.take(), mapping == nil ? .plain : .rleDictionary, facts, &sealer)
    }

    private func seal(
        _ body: PageBody, _ values: Bytes, _ encoding: Encoding, _ facts: EncodedPage.Facts, _ sealer: inout PageSealer
    ) throws(Damage) -> EncodedPage {
        var content = BytesBuilder(capacity: body.levels.count + values.count)
        body.levels.withUnsafeBytes { content.append(contentsOf: $0) }
        values.withUnsafeBytes { content.append(contentsOf: $0) }
        return try content.withUnsafeMutableBytes { (raw) throws(Damage) in
            try sealer.data(
                .init(
                    bytes: UnsafeRawBufferPointer(raw), version: body.version, repetitionBytes: body.repetitionBytes,
                    definitionBytes: body.definitionBytes, encoding: encoding, levelEncoding: body.levelEncoding), facts)
        }
    }

    /// The codec that the first chunk has is kept where it is the one asked for, or where this writer might have left the chunk uncompressed itself. Where it
    /// would have, and the other writer did not, the pages are decompressed: that costs little once, and as much as their values each time that they are read.
    private func makeSealer(_ first: Chunk) -> PageSealer {
        let isUncompressed = first.source.metadata.codec == .uncompressed || (first.dictionary == nil && hardlyShrinks(first))
        return PageSealer(
            isUncompressed && options.minimumSavings > 0 ? .uncompressed : options.compression, minimumSavings: options.minimumSavings,
            writesChecksums: options.writesChecksums)
    }

    private func hardlyShrinks(_ chunk: Chunk) -> Bool {
        let plain = chunk.pages.reduce(0) { $0 + $1.raw.uncompressedSize }
        let stored = chunk.pages.reduce(0) { $0 + $1.raw.body.count }
        return PageSealer.hardlyShrinks(plain, to: stored, minimumSavings: options.minimumSavings)
    }

    /// The chunk. The copier must not be used again.
    func finish() throws(Damage) -> EncodedLeaf {
        try settle()
        if case let .union(union) = dictionary { try endDictionary(union) }
        return EncodedLeaf(
            leaf: leaf, type: type, codec: sealer?.codec ?? options.compression.codec, dictionaryPage: dictionaryPage, pages: pages, sawNaN: sawNaN,
            chunkBounds: chunkBounds)
    }
}

extension ColumnPages {
    func dictionary(_ decompressor: PageDecompressor) throws(ParquetError) -> DictionaryPage? {
        guard let page = pages.first(where: { $0.kind == .dictionary }) else { return nil }
        do throws(Damage) {
            return try DictionaryPage(page, leaf, codec: metadata.codec, decompressor)
        } catch {
            throw place.error(error, base: page.offset)
        }
    }
}

extension Encoding {
    /// Both names of the one encoding.
    var isDictionary: Bool { self == .rleDictionary || self == .plainDictionary }
}

extension SchemaLeaf {
    /// The bytes of a dictionary's value; nil for values with a length each.
    var dictionaryWidth: Int? {
        switch physicalType {
        case .int32, .float: 4
        case .int64, .double: 8
        case .int96: 12
        case .fixedLengthByteArray: typeLength
        case .byteArray, .boolean: nil
        }
    }
}

extension EncodedPage {
    /// A page as another file has it.
    init(copying page: RawPage, _ facts: Facts) {
        let kind: Kind
        var levelEncoding = Encoding.rle
        switch page.header.content {
        case let .data(_, _, definitionEncoding, _):
            kind = .data
            if definitionEncoding == .bitPacked { levelEncoding = .bitPacked }
        case .dataV2: kind = .dataV2
        case .dictionary, .other: kind = .dictionary
        }
        self.init(
            bytes: page.bytes, uncompressedSize: page.headerLength + page.uncompressedSize, facts: facts, kind: kind, encoding: page.encoding,
            levelEncoding: levelEncoding)
    }
}
