import Base

/// How a column's bloom filters are made.
public struct BloomFilterOptions: Sendable, Hashable {
    /// The share of absent values that the filter may take for present ones.
    public var falsePositiveRate: Double
    /// The most bytes of one column chunk's filter. One that would have to be larger for the rate is written at this size and is worse.
    public var maximumBytes: Int

    public init(falsePositiveRate: Double = 0.01, maximumBytes: Int = 1 << 20) {
        self.falsePositiveRate = falsePositiveRate
        self.maximumBytes = maximumBytes
    }
}

/// Where a hash's bits are in a split-block bloom filter (BloomFilter.md): one bit in each of the eight words of one block.
enum SplitBlock {
    private static let salt = SIMD8<UInt32>(0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31)

    @inline(__always)
    static func block(_ hash: UInt64, of blockCount: Int) -> Int {
        Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(truncatingIfNeeded: blockCount)) >> 32)
    }

    @inline(__always)
    static func masks(_ hash: UInt64) -> SIMD8<UInt32> {
        SIMD8<UInt32>(repeating: 1) &<< ((salt &* SIMD8(repeating: UInt32(truncatingIfNeeded: hash))) &>> 27)
    }
}

/// Collects a column chunk's values into a split-block bloom filter (BloomFilter.md).
///
/// How many distinct values there will be is not known beforehand, so the filter starts at the size allowed and is folded at the end: the block of a
/// hash in a filter of half the size is half its number, so that two neighbours become one by OR.
struct BloomFilterBuilder: ~Copyable {
    private let options: BloomFilterOptions
    private var words: [UInt32]
    private var blockCount: Int

    private static let wordsPerBlock = 8

    init(_ options: BloomFilterOptions) {
        self.options = options
        let blocks = min(max(options.maximumBytes / (Self.wordsPerBlock * 4), 1), 1 << 22)
        blockCount = 1 << (Int.bitWidth - 1 - blocks.leadingZeroBitCount)
        words = [UInt32](repeating: 0, count: blockCount * Self.wordsPerBlock)
    }

    /// Inserts `count` values in PLAIN encoding.
    mutating func insert(plain source: UnsafeRawPointer, count: Int, _ leaf: SchemaLeaf) {
        switch leaf.physicalType {
        // ``ParquetWriter`` makes none: two values need no filter.
        case .boolean: break
        case .int32: insert(source, count: count, width: 4)
        case .int64: insert(source, count: count, width: 8)
        case .float: insert(source, count: count, as: Float.self)
        case .double: insert(source, count: count, as: Double.self)
        case .int96: insert(source, count: count, width: 12)
        case .fixedLengthByteArray: insert(source, count: count, width: leaf.typeLength)
        case .byteArray:
            var position = 0
            for _ in 0..<count {
                let length = Int(source.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                insert(XXHash64.hash(source + position + 4, length))
                position &+= 4 &+ length
            }
        }
    }

    private mutating func insert(_ source: UnsafeRawPointer, count: Int, width: Int) {
        for index in 0..<count { insert(XXHash64.hash(source + index &* width, width)) }
    }

    /// The two zeros are one number to who looks for it, and two to the hash: both are inserted for either.
    private mutating func insert<Value: BinaryFloatingPoint & BitwiseCopyable>(_ source: UnsafeRawPointer, count: Int, as: Value.Type) {
        insert(source, count: count, width: MemoryLayout<Value>.size)
        for index in 0..<count where source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Value>.size, as: Value.self) == 0 {
            for zero in [Value.zero, -Value.zero] { insert(withUnsafeBytes(of: zero) { XXHash64.hash($0) }) }
            return
        }
    }

    private mutating func insert(_ hash: UInt64) {
        let masks = SplitBlock.masks(hash)
        let offset = SplitBlock.block(hash, of: blockCount) &* 32
        words.withUnsafeMutableBytes { raw in
            let old = raw.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt32>.self)
            raw.storeBytes(of: old | masks, toByteOffset: offset, as: SIMD8<UInt32>.self)
        }
    }

    /// The filter as it is in the file, header first, at the smallest size that keeps the rate.
    mutating func finish() -> Bytes {
        while blockCount > 1 {
            let half = folded()
            if Self.falsePositiveRate(half) > options.falsePositiveRate { break }
            words = half
            blockCount /= 2
        }
        let byteCount = words.count * 4
        var writer = CompactWriter()
        writer.structure { writer in
            writer.field(1, Int32(truncatingIfNeeded: byteCount))
            // The only algorithm, hash and compression that there are (BLOCK, XXHASH, UNCOMPRESSED).
            for field in 2...4 { writer.structure(field) { writer in writer.structure(1) { _ in } } }
        }
        let header = writer.take()
        return Bytes(capacity: header.count + byteCount) { target in
            header.withUnsafeBytes { target.copyMemory(from: $0) }
            words.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[header.count...]).copyMemory(from: $0) }
            return target.count
        }
    }

    private borrowing func folded() -> [UInt32] {
        let half = blockCount / 2
        return [UInt32](unsafeUninitializedCapacity: half * Self.wordsPerBlock) { target, count in
            for block in 0..<half {
                for word in 0..<Self.wordsPerBlock {
                    let position = block &* 2 &* Self.wordsPerBlock &+ word
                    target[block &* Self.wordsPerBlock &+ word] = words[position] | words[position &+ Self.wordsPerBlock]
                }
            }
            count = half * Self.wordsPerBlock
        }
    }

    /// How probable it is that all eight bits of a value that was not inserted are set.
    private static func falsePositiveRate(_ words: [UInt32]) -> Double {
        var total = 0.0
        for block in stride(from: 0, to: words.count, by: wordsPerBlock) {
            var rate = 1.0
            for word in block..<(block + wordsPerBlock) { rate *= Double(words[word].nonzeroBitCount) / 32 }
            total += rate
        }
        return total / Double(max(1, words.count / wordsPerBlock))
    }
}
