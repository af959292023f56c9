import Base
import CDeflate
import CSnappy
import CZstd

/// How a writer compresses its pages.
public enum Compression: Sendable, Hashable {
    case uncompressed
    case snappy
    /// Levels 1 (fastest) to 22.
    case zstd(level: Int = 1)
    /// Levels 1 (fastest) to 12.
    case gzip(level: Int = 6)

    public var codec: CompressionCodec {
        switch self {
        case .uncompressed: .uncompressed
        case .snappy: .snappy
        case .zstd: .zstd
        case .gzip: .gzip
        }
    }
}

extension Compression {
    /// See ``WriterOptions/minimumSavings``.
    var defaultMinimumSavings: Double { self == .snappy ? 0.125 : 0 }
}

/// Compresses pages, with the libraries' contexts kept from page to page. Used by one thread at a time.
final class PageCompressor {
    private let compression: Compression
    private var zstd: OpaquePointer?
    private var deflate: OpaquePointer?

    init(_ compression: Compression) { self.compression = compression }

    deinit {
        ZSTD_freeCCtx(zstd)
        libdeflate_free_compressor(deflate)
    }

    /// The most bytes that compressing `count` bytes can take.
    func bound(_ count: Int) -> Int {
        switch compression {
        case .uncompressed: count
        case .snappy: snappy_max_compressed_length(count)
        case .zstd: ZSTD_compressBound(count)
        // libdeflate's bound without a compressor holds for all of them.
        case .gzip: libdeflate_gzip_compress_bound(nil, count)
        }
    }

    /// Compresses into `target`, which must have room for ``bound(_:)``; returns the bytes written.
    func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(Damage) -> Int {
        switch compression {
        case .uncompressed:
            target.copyMemory(from: source)
            return source.count
        case .snappy:
            var length = target.count
            let status = snappy_compress(
                source.assumingMemoryBound(to: CChar.self).baseAddress, source.count, target.assumingMemoryBound(to: CChar.self).baseAddress, &length)
            guard status == SNAPPY_OK else { throw Damage("snappy could not compress a page of \(source.count) bytes") }
            return length
        case let .zstd(level):
            if zstd == nil { zstd = ZSTD_createCCtx() }
            guard let zstd else { throw Damage("zstd has no memory") }
            let result = ZSTD_compressCCtx(zstd, target.baseAddress, target.count, source.baseAddress, source.count, Int32(min(max(level, 1), 22)))
            guard ZSTD_isError(result) == 0 else { throw Damage("zstd could not compress: \(String(cString: ZSTD_getErrorName(result)))") }
            return result
        case let .gzip(level):
            if deflate == nil { deflate = libdeflate_alloc_compressor(Int32(min(max(level, 1), 12))) }
            guard let deflate else { throw Damage("libdeflate has no memory") }
            let result = libdeflate_gzip_compress(deflate, source.baseAddress, source.count, target.baseAddress, target.count)
            guard result > 0 else { throw Damage("gzip could not compress a page of \(source.count) bytes") }
            return result
        }
    }
}
