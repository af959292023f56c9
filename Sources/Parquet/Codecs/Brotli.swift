import Base
import CBrotli

enum Brotli {
    /// One stream; returns how many bytes it became.
    static func decompress(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) throws(Damage) -> Int {
        var length = target.count
        let from = source.assumingMemoryBound(to: UInt8.self).baseAddress
        let to = target.assumingMemoryBound(to: UInt8.self).baseAddress
        guard BrotliDecoderDecompress(source.count, from, &length, to) == BROTLI_DECODER_RESULT_SUCCESS else {
            throw Damage("invalid brotli data, or of more bytes than its page header says")
        }
        return length
    }
}
