import Base
import CDeflate

/// Walks the pages of a column chunk.
struct PageReader {
    struct Page {
        let header: PageHeader
        /// The page as it is in the file, behind its header.
        let compressed: Bytes
        /// Where the header begins in the chunk.
        let offset: Int
    }

    private let chunk: Bytes
    private let codec: CompressionCodec
    private let options: ReadOptions
    private let decompressor = PageDecompressor()
    private(set) var position = 0

    init(chunk: Bytes, codec: CompressionCodec, options: ReadOptions) {
        self.chunk = chunk
        self.codec = codec
        self.options = options
    }

    /// The next page; nil at the chunk's end.
    mutating func next() throws(Damage) -> Page? {
        guard position < chunk.count else { return nil }
        let offset = position
        let (header, length) = try chunk.dropFirst(offset).withUnsafeBytes { (input) throws(Damage) in try PageHeader.read(input) }
        let start = offset + length
        guard let compressed = chunk.slice(start..<(start + header.compressedSize)) else {
            throw Damage("a page of \(header.compressedSize) bytes where the chunk has \(chunk.count - start) left", at: offset)
        }
        let limit = options.limits.pageBytes
        guard header.uncompressedSize <= limit else { throw Damage.tooLarge(header.uncompressedSize, limit: limit) }
        if options.verifiesChecksums, let checksum = header.checksum {
            let actual = compressed.withUnsafeBytes { libdeflate_crc32(0, $0.baseAddress, $0.count) }
            guard actual == checksum else { throw Damage("the page's checksum is \(actual), its header says \(checksum)", at: offset) }
        }
        position = start + header.compressedSize
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
