import Base
import CLZ4

/// LZ4 blocks: LZ4_RAW, and the deprecated codec LZ4, under whose name there are files of two kinds (Compression.md).
enum LZ4 {
    /// One block; returns how many bytes it became. `target` may be larger than that.
    static func block(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) throws(Damage) -> Int {
        guard let length = blockLength(source, target) else { throw Damage("invalid LZ4 data") }
        return length
    }

    /// What Hadoop wrote (parquet-java before LZ4_RAW) has frames around its blocks, what parquet-cpp wrote is one block, and nothing says which it
    /// is. Frames of the right sizes, whose blocks decompress to exactly what is said, are frames.
    static func hadoopOrBlock(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) throws(Damage) -> Int {
        if hadoopFrames(source, target) { return target.count }
        return try block(source, target)
    }

    /// Frames of Hadoop's BlockCompressorStream: the bytes that the frame becomes, then blocks with the compressed bytes of each before it, until
    /// there are as many; numbers are big-endian. True if they fill `target` exactly.
    private static func hadoopFrames(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) -> Bool {
        var read = 0
        var written = 0
        while read < source.count {
            guard let size = number(source, read), size <= target.count - written else { return false }
            read += 4
            let end = written + size
            while written < end {
                guard let length = number(source, read), length > 0, length <= source.count - read - 4 else { return false }
                let block = UnsafeRawBufferPointer(rebasing: source[(read + 4)..<(read + 4 + length)])
                guard let became = blockLength(block, UnsafeMutableRawBufferPointer(rebasing: target[written..<end])), became > 0 else { return false }
                read += 4 + length
                written += became
            }
        }
        return written == target.count
    }

    private static func number(_ source: UnsafeRawBufferPointer, _ position: Int) -> Int? {
        guard source.count - position >= 4 else { return nil }
        return Int(source.loadUnaligned(fromByteOffset: position, as: UInt32.self).bigEndian)
    }

    private static func blockLength(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) -> Int? {
        // The library counts in 32 bits.
        guard let sourceCount = Int32(exactly: source.count), let targetCount = Int32(exactly: target.count) else { return nil }
        let from = source.assumingMemoryBound(to: CChar.self).baseAddress
        let length = LZ4_decompress_safe(from, target.assumingMemoryBound(to: CChar.self).baseAddress, sourceCount, targetCount)
        return length >= 0 ? Int(length) : nil
    }
}
