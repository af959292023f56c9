import Base
import CDeflate

/// Walks the pages of a column chunk, stretch by stretch.
struct PageReader {
    struct Page {
        let header: PageHeader
        /// The page as it is in the file, behind its header.
        let compressed: Bytes
        /// Where the header begins in the chunk.
        let offset: Int
    }

    private let chunk: ChunkPages
    /// The bytes that are walked now, and where in the chunk they lie.
    private var bytes: Bytes
    private var base: Int
    /// The stretch that they are; nil while they are the dictionary.
    private var stretch: Int?
    private var next = 0
    /// The chunk's bytes behind those that are here; they come by ``feed(_:)``.
    private var missing = 0
    /// After a page could not be read because part of it is missing: how many bytes there must be from ``position`` on.
    private(set) var needed: Int?
    private let codec: CompressionCodec
    private let options: ReadOptions
    private let decompressor = PageDecompressor()

    /// More than page headers take, but for those with long bounds.
    private static let headerBytes = 4 << 10

    init(chunk: ChunkPages, codec: CompressionCodec, options: ReadOptions) {
        self.chunk = chunk
        bytes = chunk.dictionary
        base = 0
        self.codec = codec
        self.options = options
    }

    /// Where in the chunk the next page is.
    var position: Int { base + next }

    /// The number of the stretch that is walked.
    var currentStretch: Int { stretch ?? 0 }

    /// Goes to the stretch that holds `row`, if that is a later one; returns the row with which it begins.
    mutating func seek(_ row: Int64) -> Int64? {
        guard let found = chunk.stretches.lastIndex(where: { $0.firstRow <= row }), found > currentStretch else { return nil }
        enter(found)
        return chunk.stretches[found].firstRow
    }

    private mutating func enter(_ number: Int) {
        stretch = number
        bytes = chunk.stretches[number].bytes
        base = chunk.stretches[number].offset
        next = 0
        missing = number == chunk.stretches.count - 1 ? chunk.following : 0
    }

    /// Goes on with more of the chunk: what lies at ``position``, and of it at least as much as is ``needed``.
    mutating func feed(_ more: Bytes) {
        missing = max(0, missing - (more.count - (bytes.count - next)))
        base = position
        bytes = more
        next = 0
        needed = nil
    }

    /// The dictionary page that was fetched apart from the stretches, if there is one. To be called before ``nextPage()``.
    mutating func dictionaryPage() throws(Damage) -> Page? {
        defer { if !chunk.stretches.isEmpty { enter(0) } }
        return try nextPage()
    }

    /// The next page; nil at the end of the stretch, and where the page is not all there yet: then ``needed`` says so.
    mutating func nextPage() throws(Damage) -> Page? {
        guard next < bytes.count else {
            if missing > 0 { needed = 1 }
            return nil
        }
        let offset = position
        let rest = bytes.dropFirst(next)
        let header: PageHeader
        let length: Int
        do {
            (header, length) = try rest.withUnsafeBytes { (input) throws(Damage) in try PageHeader.read(input) }
        } catch {
            guard missing > 0 else { throw error }
            // Perhaps only cut off; with all of the chunk there is no doubt left.
            needed = min(rest.count + missing, max(2 * rest.count, Self.headerBytes))
            return nil
        }
        if missing > 0, length + header.compressedSize > rest.count, length + header.compressedSize <= rest.count + missing {
            needed = length + header.compressedSize
            return nil
        }
        guard let compressed = rest.slice(length..<(length + header.compressedSize)) else {
            throw Damage("a page of \(header.compressedSize) bytes where the chunk has \(rest.count - length) left", at: offset)
        }
        let limit = options.limits.pageBytes
        guard header.uncompressedSize <= limit else { throw Damage.tooLarge(header.uncompressedSize, limit: limit) }
        if options.verifiesChecksums, let checksum = header.checksum {
            let actual = compressed.withUnsafeBytes { libdeflate_crc32(0, $0.baseAddress, $0.count) }
            guard actual == checksum else { throw Damage("the page's checksum is \(actual), its header says \(checksum)", at: offset) }
        }
        next += length + header.compressedSize
        return Page(header: header, compressed: compressed, offset: offset)
    }

    /// The decompressed body of a v1 data page or a dictionary page.
    func body(_ page: Page) throws(Damage) -> Bytes {
        if page.header.uncompressedSize == 0 { return .empty }
        return try decompressor.decompress(codec, page.compressed, size: page.header.uncompressedSize)
    }

    /// The levels of a v2 page, which are never compressed, and its decompressed values.
    func bodyV2(_ page: Page, levelLength: Int, isCompressed: Bool) throws(Damage) -> (levels: Bytes, values: Bytes) {
        guard levelLength <= page.compressed.count, levelLength <= page.header.uncompressedSize else {
            throw Damage("levels of \(levelLength) bytes in a page of \(page.compressed.count)", at: page.offset)
        }
        let levels = page.compressed.prefix(levelLength)
        let values = page.compressed.dropFirst(levelLength)
        let size = page.header.uncompressedSize - levelLength
        if size == 0 { return (levels, .empty) }
        if !isCompressed { return (levels, try decompressor.decompress(.uncompressed, values, size: size)) }
        return (levels, try decompressor.decompress(codec, values, size: size))
    }
}
