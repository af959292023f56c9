import Base
import Columnar

/// Makes pages of levels and values: compresses them, puts headers before them, and keeps what the footer and the indexes will say.
struct PageAssembler {
    private let leaf: SchemaLeaf
    private let type: DataType
    private let options: WriterOptions
    private var compressor: PageCompressor
    /// The codec of the whole chunk; decided by its first large page.
    private var codec: CompressionCodec
    private var isCodecDecided: Bool
    /// Level bytes and values in one piece, where there is no room for the levels before the values.
    private let body = ReusableMemory()
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
        codec = options.compression.codec
        isCodecDecided = options.minimumSavings <= 0 || codec == .uncompressed
    }

    /// The bytes before a page's values in which its levels are put: enough for those of a column without nulls.
    static let headroom = 16

    /// Pages below this size are no measure of what compression saves.
    private static let telling = 64 << 10

    /// More than any page header takes: a handful of numbers.
    private static let headerRoom = 128

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
        let values = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(plain).dropFirst(Self.headroom))
        if let base = values.baseAddress, count > 0 {
            let (bounds, sawNaN) = BoundsKernels.bounds(leaf, base, count: count, byteCount: values.count)
            open.bounds = bounds
            self.sawNaN = self.sawNaN || sawNaN
        }
        hasPlainPages = true
        var levels = BytesBuilder()
        repetitions.flush(to: &levels)
        definitions.flush(to: &levels)
        try levels.withUnsafeMutableBytes { (levels) throws(Damage) in
            let start = Self.headroom - levels.count
            let joined: UnsafeMutableRawBufferPointer
            if start >= 0, plain.count >= Self.headroom {
                joined = UnsafeMutableRawBufferPointer(rebasing: plain[start...])
            } else {
                joined = UnsafeMutableRawBufferPointer(rebasing: body.memory(levels.count + values.count)[..<(levels.count + values.count)])
                UnsafeMutableRawBufferPointer(rebasing: joined[levels.count...]).copyMemory(from: values)
            }
            joined.copyMemory(from: UnsafeRawBufferPointer(levels))
            try endDataPage(UnsafeRawBufferPointer(joined), .plain)
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
        // Codes say nothing of how the dictionary will compress.
        isCodecDecided = true
        RunEncoder.encode(codes, width: dictionary.codeWidth, to: &content)
        try content.withUnsafeMutableBytes { (raw) throws(Damage) in try endDataPage(UnsafeRawBufferPointer(raw), .rleDictionary) }
    }

    private mutating func endDataPage(_ content: UnsafeRawBufferPointer, _ encoding: Encoding) throws(Damage) {
        let valueCount = Int32(truncatingIfNeeded: open.entryCount)
        let page = try page(content, facts: open) { writer, uncompressed, compressed in
            writer.field(1, Int32(0))
            writer.field(2, uncompressed)
            writer.field(3, compressed)
            writer.structure(5) { writer in
                writer.field(1, valueCount)
                writer.field(2, encoding.rawValue)
                writer.field(3, Encoding.rle.rawValue)
                writer.field(4, Encoding.rle.rawValue)
            }
        }
        pages.append(page)
        open = EncodedPage.Facts()
    }

    /// Compresses straight into the memory that will be written, the header put before it when the sizes are known.
    private mutating func page(
        _ content: UnsafeRawBufferPointer, facts: EncodedPage.Facts, _ header: (inout CompactWriter, _ uncompressed: Int32, _ compressed: Int32) -> Void
    ) throws(Damage) -> EncodedPage {
        guard let uncompressedSize = Int32(exactly: content.count) else { throw Damage("a page of \(content.count) bytes is too large for the format") }
        let room = Self.headerRoom
        let capacity = room + max(content.count, compressor.bound(content.count))
        var start = room
        let memory = try Bytes(capacity: capacity) { (target) throws(Damage) in
            let body = UnsafeMutableRawBufferPointer(rebasing: target[room...])
            let length = try compress(content, into: body)
            var writer = CompactWriter()
            writer.structure { writer in header(&writer, uncompressedSize, Int32(truncatingIfNeeded: length)) }
            let head = writer.take()
            guard head.count <= room else { throw Damage("a page header of \(head.count) bytes") }
            start = room - head.count
            head.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[start...]).copyMemory(from: $0) }
            return room + length
        }
        let bytes = memory.dropFirst(start)
        // Pages wait for their turn to be written: those that shrank much do not keep the memory that they might have needed.
        let kept = bytes.count >= capacity / 4 * 3 ? bytes : bytes.withUnsafeBytes { Bytes(copying: $0) }
        return EncodedPage(bytes: kept, uncompressedSize: room - start + content.count, facts: facts)
    }

    private mutating func compress(_ content: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(Damage) -> Int {
        defer { isCodecDecided = true }
        if codec != .uncompressed {
            let length = try compressor.compress(content, into: target)
            let isWorthIt = isCodecDecided || content.count < Self.telling || Double(length) <= Double(content.count) * (1 - options.minimumSavings)
            if isWorthIt { return length }
            codec = .uncompressed
        }
        target.copyMemory(from: content)
        return content.count
    }

    /// Ends the dictionary, of which pages have been written, while the chunk goes on without it.
    mutating func keepDictionary(_ dictionary: DictionaryBuilder) throws(Damage) {
        let count = Int32(truncatingIfNeeded: dictionary.count)
        let entries = dictionary.takePage()
        dictionaryPage = try entries.withUnsafeBytes { (content) throws(Damage) in
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
            leaf: leaf, type: type, codec: codec, dictionaryPage: dictionaryPage, pages: pages, hasPlainPages: hasPlainPages,
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
