import Base
import CDeflate
import CSnappy
import CZstd

/// Decompresses pages, with the libraries' contexts kept from page to page. Used by one thread at a time.
final class PageDecompressor {
    private var zstd: OpaquePointer?
    private var deflate: OpaquePointer?

    deinit {
        ZSTD_freeDCtx(zstd)
        libdeflate_free_decompressor(deflate)
    }

    /// The most that a byte of input can become, with slack for small inputs: what a page header may claim without lying.
    private static func expansion(_ codec: CompressionCodec) throws(Damage) -> Int {
        switch codec {
        case .uncompressed: 1
        // A copy element of three bytes makes 64.
        case .snappy: 32
        // Deflate's longest match: 258 bytes in two bits.
        case .gzip: 1040
        // A block of one repeated byte: 128 KiB in four bytes.
        case .zstd: 1 << 15
        // A match grows by 255 bytes with each byte of its length.
        case .lz4, .lz4Raw: 255
        // A copy of 16 MiB takes a few bytes.
        case .brotli: 1 << 24
        default: throw Damage.unsupported("codec \(codec)")
        }
    }

    /// Decompresses `input`, which must become exactly `size` bytes.
    func decompress(_ codec: CompressionCodec, _ input: Bytes, size: Int) throws(Damage) -> Bytes {
        let expansion = try Self.expansion(codec)
        guard size <= (input.count + 64) * expansion else { throw Damage("a page of \(input.count) bytes claims to hold \(size) in \(codec)") }
        if codec == .uncompressed {
            guard input.count == size else { throw Damage("an uncompressed page of \(input.count) bytes claims to hold \(size)") }
            return input
        }
        return try Bytes(capacity: size) { (target) throws(Damage) in
            try input.withUnsafeBytes { (source) throws(Damage) in
                let written =
                    switch codec {
                    case .snappy: try snappy(source, target)
                    case .zstd: try zstandard(source, target)
                    case .lz4Raw: try LZ4.block(source, target)
                    case .lz4: try LZ4.hadoopOrBlock(source, target)
                    case .brotli: try Brotli.decompress(source, target)
                    default: try gzip(source, target)
                    }
                guard written == size else { throw Damage("a page decompressed to \(written) bytes, its header says \(size)") }
                return written
            }
        }
    }

    private func snappy(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) throws(Damage) -> Int {
        var length = 0
        let input = source.assumingMemoryBound(to: CChar.self).baseAddress
        guard snappy_uncompressed_length(input, source.count, &length) == SNAPPY_OK else { throw Damage("snappy data without its length") }
        guard length == target.count else { throw Damage("snappy data of \(length) bytes, the page header says \(target.count)") }
        guard length > 0 else { return 0 }
        guard snappy_uncompress(input, source.count, target.assumingMemoryBound(to: CChar.self).baseAddress, &length) == SNAPPY_OK else {
            throw Damage("invalid snappy data")
        }
        return length
    }

    private func zstandard(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) throws(Damage) -> Int {
        if zstd == nil { zstd = ZSTD_createDCtx() }
        guard let zstd else { throw Damage("zstd has no memory") }
        let result = ZSTD_decompressDCtx(zstd, target.baseAddress, target.count, source.baseAddress, source.count)
        guard ZSTD_isError(result) == 0 else { throw Damage("invalid zstd data: \(String(cString: ZSTD_getErrorName(result)))") }
        return result
    }

    /// One or more gzip members after each other (as Hadoop's native codec may write), or a zlib stream, which some writers call gzip.
    private func gzip(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) throws(Damage) -> Int {
        if deflate == nil { deflate = libdeflate_alloc_decompressor() }
        guard let deflate else { throw Damage("libdeflate has no memory") }
        let isGzip = source.count >= 2 && source[0] == 0x1f && source[1] == 0x8b
        var read = 0
        var written = 0
        while read < source.count {
            var inputUsed = 0
            var outputUsed = 0
            let input = UnsafeRawBufferPointer(rebasing: source[read...])
            let output = UnsafeMutableRawBufferPointer(rebasing: target[written...])
            let result =
                isGzip
                ? libdeflate_gzip_decompress_ex(deflate, input.baseAddress, input.count, output.baseAddress, output.count, &inputUsed, &outputUsed)
                : libdeflate_zlib_decompress_ex(deflate, input.baseAddress, input.count, output.baseAddress, output.count, &inputUsed, &outputUsed)
            guard result == LIBDEFLATE_SUCCESS, inputUsed > 0 else {
                throw Damage(result == LIBDEFLATE_INSUFFICIENT_SPACE ? "gzip data of more bytes than its page header says" : "invalid gzip data", at: read)
            }
            read += inputUsed
            written += outputUsed
        }
        return written
    }
}
