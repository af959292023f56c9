import Base

/// Where to look in a bloom filter (BloomFilter.md), from the header before its bits.
struct BloomFilterLookup {
    /// The header's own bytes, and those of the bits behind it.
    let length: Int
    let bitsLength: Int

    static let bytesPerBlock = 32

    /// Nil for a filter of another algorithm, hash or compression than the ones that there are, and for one that cannot be.
    init?(_ bytes: Bytes) {
        var bitsLength: Int32 = 0
        var known = 0
        var length = 0
        do throws(Damage) {
            length = try bytes.withUnsafeBytes { (raw) throws(Damage) in
                var reader = CompactReader(raw)
                try reader.structure { (reader, id, kind) throws(Damage) in
                    switch (id, kind) {
                    case (1, .int32): bitsLength = try reader.int32()
                    case (2...4, .structure):
                        // Unions whose only member so far is BLOCK, XXHASH and UNCOMPRESSED.
                        try reader.structure { (_, member, _) throws(Damage) in
                            if member == 1 { known += 1 }
                            return false
                        }
                    default: return false
                    }
                    return true
                }
                return reader.position
            }
        } catch {
            return nil
        }
        guard known == 3, bitsLength > 0, Int(bitsLength) % Self.bytesPerBlock == 0 else { return nil }
        self.length = length
        self.bitsLength = Int(bitsLength)
    }

    /// Where, behind the header, the block of a hash lies.
    func block(_ hash: UInt64) -> Range<Int> {
        let start = SplitBlock.block(hash, of: bitsLength / Self.bytesPerBlock) * Self.bytesPerBlock
        return start..<(start + Self.bytesPerBlock)
    }

    /// Whether a value of this hash may be among those that were inserted. `block` is the bytes of ``block(_:)``.
    static func mayContain(_ hash: UInt64, block: Bytes) -> Bool {
        guard block.count == bytesPerBlock else { return true }
        let bits = block.withUnsafeBytes { $0.loadUnaligned(as: SIMD8<UInt32>.self) }
        let masks = SplitBlock.masks(hash)
        return bits & masks == masks
    }
}
