/// Decodes the RLE/bit-packed hybrid (Encodings.md): definition and repetition levels, dictionary indices, RLE booleans.
///
/// A cursor over somebody else's memory: it holds positions, and each call is given the same base again. The memory must be readable for 8
/// bytes past `end`, as ``Bytes`` is, so that a packed value is one unaligned load.
struct RunDecoder {
    /// The bits of a value, at most 32.
    private let width: Int
    private var position: Int
    private let end: Int
    /// Values left in the current repeated run.
    private var repeatedLeft = 0
    private var repeatedValue: UInt32 = 0
    /// Values left in the current packed run, the first of them at bit `packedBit` of `position`.
    private var packedLeft = 0
    private var packedBit = 0

    init(width: Int, range: Range<Int>) {
        self.width = width
        position = range.lowerBound
        end = range.upperBound
    }

    /// Writes the next `count` values. `Output` must be wide enough for `width` bits.
    mutating func decode<Output: FixedWidthInteger & BitwiseCopyable>(
        _ base: UnsafeRawPointer, into output: UnsafeMutablePointer<Output>, count: Int
    ) throws(Damage) {
        var done = 0
        while done < count {
            if repeatedLeft > 0 {
                let take = min(repeatedLeft, count &- done)
                (output + done).update(repeating: Output(truncatingIfNeeded: repeatedValue), count: take)
                repeatedLeft &-= take
                done &+= take
            } else if packedLeft > 0 {
                let take = min(packedLeft, count &- done)
                unpack(base, into: output + done, count: take)
                done &+= take
            } else {
                try nextRun(base)
            }
        }
    }

    /// If the next `count` values are one repeated run of a value that `isWanted`, takes them and returns true; otherwise takes nothing.
    mutating func takeRepeated(_ base: UnsafeRawPointer, count: Int, _ isWanted: (UInt32) -> Bool) throws(Damage) -> Bool {
        if repeatedLeft == 0, packedLeft == 0 { try nextRun(base) }
        guard repeatedLeft >= count, isWanted(repeatedValue) else { return false }
        repeatedLeft &-= count
        return true
    }

    private mutating func nextRun(_ base: UnsafeRawPointer) throws(Damage) {
        let header = try varint(base)
        if header & 1 == 1 {
            let groups = Int(header >> 1)
            guard groups > 0 else { throw Damage("an empty packed run", at: position) }
            guard width > 0 else {
                // Values of no bits: zeros, of which any number fits in nothing.
                repeatedLeft = groups &* 8
                repeatedValue = 0
                return
            }
            // Some writers leave out the padding of the last group.
            let available = (end &- position) &* 8 / width
            guard available > 0 else { throw Damage("a packed run without values", at: position) }
            packedLeft = min(groups &* 8, available)
            packedBit = 0
        } else {
            let bytes = (width + 7) / 8
            guard end &- position >= bytes else { throw Damage("a repeated run without its value", at: position) }
            var value: UInt32 = 0
            for index in 0..<bytes { value |= UInt32(base.load(fromByteOffset: position &+ index, as: UInt8.self)) << UInt32(index * 8) }
            position &+= bytes
            guard width == 32 || value >> UInt32(width) == 0 else { throw Damage("a repeated value of more than \(width) bits", at: position) }
            guard header >> 1 > 0 else { throw Damage("an empty repeated run", at: position) }
            repeatedLeft = Int(header >> 1)
            repeatedValue = value
        }
    }

    private mutating func varint(_ base: UnsafeRawPointer) throws(Damage) -> UInt32 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard position < end else { throw Damage("the runs end before all values are there", at: position) }
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            position &+= 1
            result |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { break }
            shift += 7
            guard shift < 35 else { throw Damage("a run length of more than 32 bits", at: position) }
        }
        guard let narrowed = UInt32(exactly: result) else { throw Damage("a run length of more than 32 bits", at: position) }
        return narrowed
    }

    /// Blocks from a whole byte on by ``BitUnpacker``; what is before and behind them by one load, shift and mask per value: eight bytes hold a
    /// value of up to 32 bits whatever its first bit is (32 + 7 < 64).
    private mutating func unpack<Output: FixedWidthInteger & BitwiseCopyable>(
        _ base: UnsafeRawPointer, into output: UnsafeMutablePointer<Output>, count: Int
    ) {
        let source = base + position
        let mask = (UInt64(1) << UInt64(width)) &- 1
        var bit = packedBit
        var index = 0
        while index < count {
            let blocks = (count &- index) / BitUnpacker.blockSize
            if bit & 7 == 0, blocks > 0 {
                BitUnpacker.unpack(source + bit >> 3, width: width, into: output + index, blocks: blocks)
                index &+= blocks &* BitUnpacker.blockSize
                bit &+= blocks &* BitUnpacker.blockSize &* width
            } else {
                let word = source.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self)
                output[index] = Output(truncatingIfNeeded: (word >> UInt64(truncatingIfNeeded: bit & 7)) & mask)
                index &+= 1
                bit &+= width
            }
        }
        packedLeft &-= count
        packedBit = bit
        if packedLeft == 0 {
            position = min(end, position &+ (bit &+ 7) >> 3)
            packedBit = 0
        }
    }
}
