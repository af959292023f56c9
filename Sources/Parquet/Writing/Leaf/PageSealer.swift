import Base
import CDeflate

/// Makes bodies into pages: compresses them, puts headers before them.
struct PageSealer {
    private let minimumSavings: Double
    private let writesChecksums: Bool
    private let compressor: PageCompressor
    /// The codec of the whole chunk; decided by its first large page.
    private(set) var codec: CompressionCodec
    private var isCodecDecided: Bool

    /// Pages below this size are no measure of what compression saves.
    private static let telling = 64 << 10

    /// More than any page header takes: a handful of numbers.
    private static let headerRoom = 160

    init(_ compression: Compression, minimumSavings: Double, writesChecksums: Bool) {
        self.minimumSavings = minimumSavings
        self.writesChecksums = writesChecksums
        compressor = PageCompressor(compression)
        codec = compression.codec
        isCodecDecided = minimumSavings <= 0 || codec == .uncompressed
    }

    /// A data page's body: repetition levels, definition levels, values, as the page's version has them.
    struct DataBody {
        let bytes: UnsafeRawBufferPointer
        let version: DataPageVersion
        var repetitionBytes = 0
        var definitionBytes = 0
        let encoding: Encoding
        /// Levels in the old packed form, which only copied pages have.
        var levelEncoding = Encoding.rle
    }

    /// Settles for the codec asked for, whatever the pages to come are like.
    mutating func keepCodec() { isCodecDecided = true }

    mutating func data(_ body: DataBody, _ facts: EncodedPage.Facts) throws(Damage) -> EncodedPage {
        // In v2 levels stay as they are, and nothing is not compressed, which some readers could not undo.
        let plainBytes = body.version == .v2 ? body.repetitionBytes + body.definitionBytes : 0
        let hasValues = body.version == .v1 || body.bytes.count > plainBytes
        return try seal(body.bytes, plainBytes: plainBytes, encoding: body.encoding, facts: facts, kind: body.version == .v1 ? .data : .dataV2) {
            writer, codec in
            switch body.version {
            case .v1:
                writer.structure(5) { writer in
                    writer.field(1, Int32(truncatingIfNeeded: facts.entryCount))
                    writer.field(2, body.encoding.rawValue)
                    writer.field(3, body.levelEncoding.rawValue)
                    writer.field(4, body.levelEncoding.rawValue)
                }
            case .v2:
                writer.structure(8) { writer in
                    writer.field(1, Int32(truncatingIfNeeded: facts.entryCount))
                    writer.field(2, Int32(truncatingIfNeeded: facts.nullCount))
                    writer.field(3, Int32(truncatingIfNeeded: facts.rowCount))
                    writer.field(4, body.encoding.rawValue)
                    writer.field(5, Int32(truncatingIfNeeded: body.definitionBytes))
                    writer.field(6, Int32(truncatingIfNeeded: body.repetitionBytes))
                    writer.field(7, hasValues && codec != .uncompressed)
                }
            }
        }
    }

    mutating func dictionary(_ content: UnsafeRawBufferPointer, count: Int) throws(Damage) -> EncodedPage {
        try seal(content, plainBytes: 0, encoding: .plain, facts: EncodedPage.Facts(), kind: .dictionary) { writer, _ in
            writer.structure(7) { writer in
                writer.field(1, Int32(truncatingIfNeeded: count))
                writer.field(2, Encoding.plain.rawValue)
            }
        }
    }

    /// Compresses straight into the memory that will be written, the header put before it when the sizes are known.
    private mutating func seal(
        _ content: UnsafeRawBufferPointer, plainBytes: Int, encoding: Encoding, facts: EncodedPage.Facts, kind: EncodedPage.Kind,
        _ header: (inout CompactWriter, _ codec: CompressionCodec) -> Void
    ) throws(Damage) -> EncodedPage {
        guard let uncompressedSize = Int32(exactly: content.count) else { throw Damage("a page of \(content.count) bytes is too large for the format") }
        let room = Self.headerRoom
        let capacity = room + max(content.count, plainBytes + compressor.bound(content.count - plainBytes))
        var start = room
        let memory = try Bytes(capacity: capacity) { (target) throws(Damage) in
            let body = UnsafeMutableRawBufferPointer(rebasing: target[room...])
            body.copyMemory(from: UnsafeRawBufferPointer(rebasing: content[..<plainBytes]))
            var length = content.count
            if kind != .dataV2 || content.count > plainBytes {
                let values = UnsafeRawBufferPointer(rebasing: content[plainBytes...])
                length = plainBytes + (try compress(values, into: UnsafeMutableRawBufferPointer(rebasing: body[plainBytes...])))
            }
            var writer = CompactWriter()
            writer.structure { writer in
                writer.field(1, kind.rawValue)
                writer.field(2, uncompressedSize)
                writer.field(3, Int32(truncatingIfNeeded: length))
                if writesChecksums { writer.field(4, Int32(bitPattern: libdeflate_crc32(0, body.baseAddress, length))) }
                header(&writer, codec)
            }
            let head = writer.take()
            guard head.count <= room else { throw Damage("a page header of \(head.count) bytes") }
            start = room - head.count
            head.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[start...]).copyMemory(from: $0) }
            return room + length
        }
        let bytes = memory.dropFirst(start)
        // Pages wait for their turn to be written: those that shrank much do not keep the memory that they might have needed.
        let kept = bytes.count >= capacity / 4 * 3 ? bytes : bytes.withUnsafeBytes { Bytes(copying: $0) }
        return EncodedPage(bytes: kept, uncompressedSize: room - start + content.count, facts: facts, kind: kind, encoding: encoding)
    }

    private mutating func compress(_ content: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(Damage) -> Int {
        defer { isCodecDecided = true }
        if codec != .uncompressed {
            let length = try compressor.compress(content, into: target)
            if isCodecDecided || !Self.hardlyShrinks(content.count, to: length, minimumSavings: minimumSavings) { return length }
            codec = .uncompressed
        }
        target.copyMemory(from: content)
        return content.count
    }

    /// Whether compression is not worth its while where so many bytes become so many; false where they are too few to tell.
    static func hardlyShrinks(_ byteCount: Int, to compressedCount: Int, minimumSavings: Double) -> Bool {
        byteCount >= telling && Double(compressedCount) > Double(byteCount) * (1 - minimumSavings)
    }

    /// How many bytes `content` takes when it is compressed: for choosing between encodings.
    func compressedSize(_ content: UnsafeRawBufferPointer) throws(Damage) -> Int {
        guard codec != .uncompressed, !content.isEmpty else { return content.count }
        return try withTemporaryMemory(compressor.bound(content.count)) { (memory) throws(Damage) in try compressor.compress(content, into: memory) }
    }

    private func withTemporaryMemory(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Damage) -> Int) throws(Damage) -> Int {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { memory.deallocate() }
        return try body(memory)
    }
}
