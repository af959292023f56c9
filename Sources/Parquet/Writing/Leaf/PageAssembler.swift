import Base
import Columnar

/// Makes pages of levels and values, and keeps what the footer and the indexes will say of them.
struct PageAssembler {
    private let leaf: SchemaLeaf
    private let type: DataType
    private let version: DataPageVersion
    private var sealer: PageSealer
    private(set) var values: ValueEncoder
    private let bloomFilter: BloomFilterCell?
    /// Level bytes and values in one piece, where there is no room for the levels before the values.
    private let body = ReusableMemory()
    private var dictionaryPage: EncodedPage?
    private var pages: [EncodedPage] = []
    private var open = EncodedPage.Facts()
    private var sawNaN = false

    init(leaf: SchemaLeaf, type: DataType, options: WriterOptions) {
        self.leaf = leaf
        self.type = type
        version = options.pageVersion
        sealer = PageSealer(options.compression, minimumSavings: options.minimumSavings, writesChecksums: options.writesChecksums)
        values = ValueEncoder(leaf: leaf, allowed: options.encodings)
        bloomFilter = options.bloomFilters[leaf.name].map { BloomFilterCell(BloomFilterBuilder($0)) }
    }

    /// The bytes before a page's values in which its levels are put: enough for those of a column without nulls.
    static let headroom = 16

    /// Counts entries into the page that is being filled.
    mutating func add(entries: Int, nulls: Int, rows: Int) {
        open.entryCount += entries
        open.nullCount += nulls
        open.rowCount += rows
    }

    /// Ends the page: `count` values in PLAIN encoding, with ``headroom`` before them.
    mutating func add(
        plain: UnsafeMutableRawBufferPointer, count: Int, _ definitions: inout LevelBuffer, _ repetitions: inout LevelBuffer
    ) throws(Damage) {
        let plainValues = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(plain).dropFirst(Self.headroom))
        if let base = plainValues.baseAddress, count > 0 {
            let (bounds, sawNaN) = BoundsKernels.bounds(leaf, base, count: count, byteCount: plainValues.count)
            open.bounds = bounds
            self.sawNaN = self.sawNaN || sawNaN
            bloomFilter?.builder.insert(plain: base, count: count, leaf)
            if values.choice == nil {
                let sealer = sealer
                try values.decide(plainValues, count: count) { (page) throws(Damage) in try sealer.compressedSize(page) }
            }
        }
        var levels = BytesBuilder()
        let repetitionBytes = repetitions.flush(to: &levels, version)
        let definitionBytes = definitions.flush(to: &levels, version)
        if let choice = values.choice, choice != .plain {
            values.encode(choice, plainValues, count: count, to: &levels)
            return try levels.withUnsafeMutableBytes { (raw) throws(Damage) in
                try endDataPage(UnsafeRawBufferPointer(raw), repetitionBytes, definitionBytes, choice)
            }
        }
        try levels.withUnsafeMutableBytes { (levels) throws(Damage) in
            let start = Self.headroom - levels.count
            let joined: UnsafeMutableRawBufferPointer
            if start >= 0, plain.count >= Self.headroom {
                joined = UnsafeMutableRawBufferPointer(rebasing: plain[start...])
            } else {
                joined = UnsafeMutableRawBufferPointer(rebasing: body.memory(levels.count + plainValues.count)[..<(levels.count + plainValues.count)])
                UnsafeMutableRawBufferPointer(rebasing: joined[levels.count...]).copyMemory(from: plainValues)
            }
            joined.copyMemory(from: UnsafeRawBufferPointer(levels))
            try endDataPage(UnsafeRawBufferPointer(joined), repetitionBytes, definitionBytes, .plain)
        }
    }

    /// Ends the page: codes of a dictionary.
    mutating func add(
        codes: UnsafeBufferPointer<UInt32>, _ dictionary: DictionaryBuilder, _ definitions: inout LevelBuffer, _ repetitions: inout LevelBuffer
    ) throws(Damage) {
        let (bounds, sawNaN) = dictionary.bounds(leaf, of: codes)
        open.bounds = bounds
        self.sawNaN = self.sawNaN || sawNaN
        var content = BytesBuilder()
        let repetitionBytes = repetitions.flush(to: &content, version)
        let definitionBytes = definitions.flush(to: &content, version)
        content.append(UInt8(truncatingIfNeeded: dictionary.codeWidth))
        // Codes say nothing of how the dictionary will compress.
        sealer.keepCodec()
        RunEncoder.encode(codes, width: dictionary.codeWidth, to: &content)
        try content.withUnsafeMutableBytes { (raw) throws(Damage) in
            try endDataPage(UnsafeRawBufferPointer(raw), repetitionBytes, definitionBytes, .rleDictionary)
        }
    }

    private mutating func endDataPage(
        _ content: UnsafeRawBufferPointer, _ repetitionBytes: Int, _ definitionBytes: Int, _ encoding: Encoding
    ) throws(Damage) {
        pages.append(
            try sealer.data(
                .init(bytes: content, version: version, repetitionBytes: repetitionBytes, definitionBytes: definitionBytes, encoding: encoding), open))
        open = EncodedPage.Facts()
    }

    /// Ends the dictionary, of which pages have been written, while the chunk goes on without it.
    mutating func keepDictionary(_ dictionary: DictionaryBuilder) throws(Damage) {
        let count = dictionary.count
        let entries = dictionary.takePage()
        dictionaryPage = try entries.withUnsafeBytes { (content) throws(Damage) in
            if let base = content.baseAddress { bloomFilter?.builder.insert(plain: base, count: count, leaf) }
            return try sealer.dictionary(content, count: count)
        }
    }

    /// The chunk, with `dictionary` as its dictionary page unless that has been kept already.
    mutating func finish(dictionary: DictionaryBuilder?) throws(Damage) -> EncodedLeaf {
        if let dictionary { try keepDictionary(dictionary) }
        return EncodedLeaf(
            leaf: leaf, type: type, codec: sealer.codec, dictionaryPage: dictionaryPage, pages: pages, sawNaN: sawNaN,
            bloomFilter: bloomFilter?.builder.finish())
    }
}

/// A place for what cannot be copied, in a structure that can.
private final class BloomFilterCell {
    var builder: BloomFilterBuilder

    init(_ builder: consuming BloomFilterBuilder) { self.builder = builder }
}

/// Memory that is kept from page to page and only grows.
private final class ReusableMemory {
    private var buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { buffer.deallocate() }

    func memory(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if buffer.count < count {
            buffer.deallocate()
            buffer = .allocate(byteCount: count, alignment: 64)
        }
        return buffer
    }
}
