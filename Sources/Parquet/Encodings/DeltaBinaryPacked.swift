import Base

/// DELTA_BINARY_PACKED (Encodings.md): blocks of differences to the previous value, packed in miniblocks of their own width each.
enum DeltaBinaryPacked {
    /// All values, and the bytes that they took.
    static func decode<Value: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
        _ input: Bytes, as: Value.Type, maximum: Int, limits: ReadLimits
    ) throws(Damage) -> (values: Bytes, length: Int) {
        try input.withUnsafeBytes { (raw) throws(Damage) in
            var reader = Reader(raw)
            let blockSize = try reader.count("block size")
            let miniblocks = try reader.count("miniblock count")
            let total = try reader.count("value count")
            let first = try reader.zigzag()
            guard blockSize > 0, blockSize % 128 == 0, miniblocks > 0, blockSize % miniblocks == 0, (blockSize / miniblocks) % 32 == 0 else {
                throw Damage("delta blocks of \(blockSize) values in \(miniblocks) miniblocks")
            }
            guard total <= maximum else { throw Damage("\(total) delta values in a page of \(maximum)") }
            // A miniblock of width 0 holds any number of values in one byte, so the input does not bound the output.
            guard total <= limits.pageBytes / 8 else { throw Damage.tooLarge(total * 8, limit: limits.pageBytes) }
            let size = MemoryLayout<Value>.size
            let values = try Bytes(capacity: total * size) { (target) throws(Damage) in
                let output = target.assumingMemoryBound(to: Value.self)
                guard total > 0 else { return 0 }
                var value = Value(truncatingIfNeeded: first)
                output[0] = value
                var done = 1
                let perMiniblock = blockSize / miniblocks
                let scratch = Scratch()
                while done < total {
                    let minimum = Value(truncatingIfNeeded: try reader.zigzag())
                    let widths = try reader.take(miniblocks)
                    for miniblock in 0..<miniblocks where done < total {
                        let width = Int(raw[widths + miniblock])
                        // DuckDB takes differences of 32-bit numbers in 64 bits; what is too much of them falls away again.
                        guard width <= 64 else { throw Damage("delta values of \(width) bits", at: widths + miniblock) }
                        let wanted = min(perMiniblock, total - done)
                        // The last miniblock may be cut to the values that are there.
                        let start = try reader.take(upTo: perMiniblock / 8 * width, atLeast: (wanted * width + 7) / 8)
                        var bit = start * 8
                        let mask = width == 64 ? UInt64.max : (UInt64(1) << UInt64(width)) &- 1
                        var left = wanted
                        if (1...32).contains(width), let base = raw.baseAddress {
                            while left >= BitUnpacker.blockSize {
                                BitUnpacker.unpack(base + bit >> 3, width: width, into: scratch.base, blocks: 1)
                                for index in 0..<BitUnpacker.blockSize {
                                    value = value &+ minimum &+ Value(truncatingIfNeeded: UInt32(bitPattern: scratch.base[index]))
                                    output[done &+ index] = value
                                }
                                done &+= BitUnpacker.blockSize
                                left &-= BitUnpacker.blockSize
                                bit &+= BitUnpacker.blockSize &* width
                            }
                        }
                        for _ in 0..<left {
                            let delta = Self.bits(raw, bit, width) & mask
                            value = value &+ minimum &+ Value(truncatingIfNeeded: delta)
                            output[done] = value
                            done += 1
                            bit &+= width
                        }
                    }
                }
                return total * size
            }
            return (values, reader.position)
        }
    }

    /// The values alone, which for integers are their own PLAIN encoding.
    static func decodePlain<Value: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
        _ input: Bytes, as type: Value.Type, maximum: Int, limits: ReadLimits
    ) throws(Damage) -> Bytes {
        try decode(input, as: type, maximum: maximum, limits: limits).values
    }

    /// At least `width` bits from `bit` on. Reads up to 9 bytes past the last bit asked for, which ``Bytes/padding`` covers.
    @inline(__always)
    private static func bits(_ raw: UnsafeRawBufferPointer, _ bit: Int, _ width: Int) -> UInt64 {
        guard width > 0, let base = raw.baseAddress else { return 0 }
        let shift = UInt64(truncatingIfNeeded: bit & 7)
        let low = base.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self) >> shift
        guard width > 56, shift > 0 else { return low }
        return low | UInt64(base.load(fromByteOffset: bit >> 3 &+ 8, as: UInt8.self)) << (64 &- shift)
    }

    private struct Reader {
        private let raw: UnsafeRawBufferPointer
        private(set) var position = 0

        init(_ raw: UnsafeRawBufferPointer) { self.raw = raw }

        mutating func varint() throws(Damage) -> UInt64 {
            var result: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                guard position < raw.count else { throw Damage("the delta values end early", at: position) }
                let byte = raw[position]
                position += 1
                result |= UInt64(byte & 0x7f) << shift
                if byte & 0x80 == 0 { return result }
                shift += 7
                guard shift < 64 else { throw Damage("a number is longer than 64 bits", at: position) }
            }
        }

        mutating func zigzag() throws(Damage) -> Int64 {
            let value = try varint()
            return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
        }

        mutating func count(_ what: String) throws(Damage) -> Int {
            let value = try varint()
            guard value <= UInt64(Int32.max) else { throw Damage("a delta \(what) of \(value)", at: position) }
            return Int(value)
        }

        /// Takes `length` bytes; returns where they begin.
        mutating func take(_ length: Int) throws(Damage) -> Int { try take(upTo: length, atLeast: length) }

        mutating func take(upTo length: Int, atLeast needed: Int) throws(Damage) -> Int {
            guard needed <= raw.count - position else { throw Damage("the delta values end early", at: position) }
            defer { position = min(raw.count, position + length) }
            return position
        }
    }
}
