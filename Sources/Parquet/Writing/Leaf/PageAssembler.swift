import Base
import Columnar

/// Makes pages of levels and values: compresses them, puts headers before them, and keeps what the footer and the indexes will say.
struct PageAssembler {
    private let leaf: SchemaLeaf
    private let type: DataType
    private let options: WriterOptions
    private let compressor: PageCompressor
    /// Level bytes and values in one piece, where they do not lie so already.
    private let body = ReusableMemory()
    private let output = ReusableMemory()
    private var dictionaryPage: EncodedPage?
    private var pages: [EncodedPage] = []
    private var open = EncodedPage.Facts()
    private var sawNaN = false
    private var hasPlainPages = false

    init(leaf: SchemaLeaf, type: DataType, options: WriterOptions) {
        self.leaf = leaf
        self.type = type
        self.options = options
        compressor = PageCompressor(options.compression)
    }

    /// Counts entries into the page that is being filled.
    mutating func add(entries: Int, nulls: Int, rows: Int) {
        open.entryCount += entries
        open.nullCount += nulls
        open.rowCount += rows
    }

    /// Ends the page: values in PLAIN encoding.
    mutating func add(
        plain: UnsafeRawBufferPointer, count: Int, _ definitions: inout LevelBuffer, _ repetitions: inout LevelBuffer
    ) throws(Damage) {
        if let base = plain.baseAddress, count > 0 {
            let (bounds, sawNaN) = BoundsKernels.bounds(leaf, base, count: count, byteCount: plain.count)
            open.bounds = bounds
            self.sawNaN = self.sawNaN || sawNaN
        }
        hasPlainPages = true
        var content = BytesBuilder()
        repetitions.flush(to: &content)
        definitions.flush(to: &content)
        if content.count == 0 { return try endDataPage(plain, .plain) }
        try content.withUnsafeMutableBytes { (levels) throws(Damage) in
            let joined = body.memory(levels.count + plain.count)
            joined.copyMemory(from: UnsafeRawBufferPointer(levels))
            UnsafeMutableRawBufferPointer(rebasing: joined[levels.count...]).copyMemory(from: plain)
            try endDataPage(UnsafeRawBufferPointer(rebasing: joined[..<(levels.count + plain.count)]), .plain)
        }
    }

    /// Ends the page: codes of a dictionary.
    mutating func add(
        codes: UnsafeBufferPointer<UInt32>, _ dictionary: DictionaryBuilder, _ definitions: inout LevelBuffer, _ repetitions: inout LevelBuffer
    ) throws(Damage) {
        var marks = [UInt8](repeating: 0, count: dictionary.count)
        marks.withUnsafeMutableBufferPointer { marks in for code in codes { marks[Int(code)] = 1 } }
        let (bounds, sawNaN) = marks.withUnsafeBufferPointer { marks in
            dictionary.withEntries { entries in marks.baseAddress.map { BoundsKernels.bounds(leaf, entries, marks: $0) } ?? (.none, false) }
        }
        open.bounds = bounds
        self.sawNaN = self.sawNaN || sawNaN
        var content = BytesBuilder()
        repetitions.flush(to: &content)
        definitions.flush(to: &content)
        content.append(UInt8(truncatingIfNeeded: dictionary.codeWidth))
        RunEncoder.encode(codes, width: dictionary.codeWidth, to: &content)
        try content.withUnsafeMutableBytes { (raw) throws(Damage) in try endDataPage(UnsafeRawBufferPointer(raw), .rleDictionary) }
    }

    private mutating func endDataPage(_ content: UnsafeRawBufferPointer, _ encoding: Encoding) throws(Damage) {
        let valueCount = Int32(truncatingIfNeeded: open.entryCount)
        pages.append(
            try page(content, facts: open) { writer, uncompressed, compressed in
                writer.field(1, Int32(0))
                writer.field(2, uncompressed)
                writer.field(3, compressed)
                writer.structure(5) { writer in
                    writer.field(1, valueCount)
                    writer.field(2, encoding.rawValue)
                    writer.field(3, Encoding.rle.rawValue)
                    writer.field(4, Encoding.rle.rawValue)
                }
            })
        open = EncodedPage.Facts()
    }

    private func page(
        _ content: UnsafeRawBufferPointer, facts: EncodedPage.Facts, _ header: (inout CompactWriter, _ uncompressed: Int32, _ compressed: Int32) -> Void
    ) throws(Damage) -> EncodedPage {
        let isStored = options.compression == .uncompressed
        var compressed = content
        if !isStored {
            let target = output.memory(compressor.bound(content.count))
            compressed = UnsafeRawBufferPointer(rebasing: target[..<(try compressor.compress(content, into: target))])
        }
        guard let uncompressedSize = Int32(exactly: content.count), let compressedSize = Int32(exactly: compressed.count) else {
            throw Damage("a page of \(content.count) bytes is too large for the format")
        }
        var writer = CompactWriter()
        writer.structure { writer in header(&writer, uncompressedSize, compressedSize) }
        let head = writer.take()
        let bytes = Bytes(capacity: head.count + compressed.count) { target in
            head.withUnsafeBytes { target.copyMemory(from: $0) }
            UnsafeMutableRawBufferPointer(rebasing: target[head.count...]).copyMemory(from: compressed)
            return target.count
        }
        return EncodedPage(bytes: bytes, uncompressedSize: head.count + content.count, facts: facts)
    }

    /// Ends the dictionary, of which pages have been written, while the chunk goes on without it.
    mutating func keepDictionary(_ dictionary: DictionaryBuilder) throws(Damage) {
        let count = Int32(truncatingIfNeeded: dictionary.count)
        dictionaryPage = try dictionary.takePage().withUnsafeBytes { (content) throws(Damage) in
            try page(content, facts: EncodedPage.Facts()) { writer, uncompressed, compressed in
                writer.field(1, Int32(2))
                writer.field(2, uncompressed)
                writer.field(3, compressed)
                writer.structure(7) { writer in
                    writer.field(1, count)
                    writer.field(2, Encoding.plain.rawValue)
                }
            }
        }
    }

    /// The chunk, with `dictionary` as its dictionary page unless that has been kept already.
    mutating func finish(dictionary: DictionaryBuilder?) throws(Damage) -> EncodedLeaf {
        if let dictionary { try keepDictionary(dictionary) }
        return EncodedLeaf(
            leaf: leaf, type: type, codec: options.compression.codec, dictionaryPage: dictionaryPage, pages: pages, hasPlainPages: hasPlainPages,
            sawNaN: sawNaN)
    }
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
