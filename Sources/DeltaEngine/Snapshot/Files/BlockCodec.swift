import Base
import CZstd

/// Fast compression of blocks that never leave the process.
enum BlockCodec {
    /// Faster than level 1 at a ratio that is still above five for statistics.
    private static let level: Int32 = -1

    static func compress(_ source: UnsafeRawBufferPointer) -> Bytes {
        let packed = Bytes(capacity: ZSTD_compressBound(source.count)) { target in
            let length = ZSTD_compress(target.baseAddress, target.count, source.baseAddress, source.count, level)
            return ZSTD_isError(length) != 0 ? 0 : length
        }
        // A copy of the right size: the bound's memory is an eighth larger than the source.
        return packed.withUnsafeBytes { Bytes(copying: $0) }
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
