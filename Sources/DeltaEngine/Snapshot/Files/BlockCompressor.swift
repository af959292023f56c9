import Base
import CZstd

/// Fast compression of blocks that never leave the process. One for many blocks, used by one task at a time.
final class BlockCompressor {
    /// A third faster than level 1 at a ratio that is still above four for statistics.
    private static let level: Int32 = -3

    private var context: OpaquePointer?
    private var target = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit {
        ZSTD_freeCCtx(context)
        target.deallocate()
    }

    /// Nothing for a block that cannot be compressed, which only a lack of memory explains.
    func compress(_ source: UnsafeRawBufferPointer) -> Bytes {
        if context == nil { context = ZSTD_createCCtx() }
        let bound = ZSTD_compressBound(source.count)
        if target.count < bound {
            target.deallocate()
            target = .allocate(byteCount: bound, alignment: 16)
        }
        guard let context else { return .empty }
        let length = ZSTD_compressCCtx(context, target.baseAddress, target.count, source.baseAddress, source.count, Self.level)
        guard ZSTD_isError(length) == 0 else { return .empty }
        // A copy of the right size: the bound's memory is several times what is left of it.
        return Bytes(copying: UnsafeRawBufferPointer(rebasing: target[..<length]))
    }

    /// nil where the block is not one that ``compress(_:)`` made.
    static func expand(_ packed: Bytes, size: Int) -> Bytes? {
        var failed = false
        let text = Bytes(capacity: size) { target in
            packed.withUnsafeBytes { source in
                let length = ZSTD_decompress(target.baseAddress, target.count, source.baseAddress, source.count)
                failed = length != size
                return failed ? 0 : length
            }
        }
        return failed ? nil : text
    }
}
