/// XXH64 with seed 0, the hash of Parquet's bloom filters (BloomFilter.md).
enum XXHash64 {
    private static let prime1: UInt64 = 0x9e37_79b1_85eb_ca87
    private static let prime2: UInt64 = 0xc2b2_ae3d_27d4_eb4f
    private static let prime3: UInt64 = 0x1656_67b1_9e37_79f9
    private static let prime4: UInt64 = 0x85eb_ca77_c2b2_ae63
    private static let prime5: UInt64 = 0x27d4_eb2f_1656_67c5

    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        guard let base = bytes.baseAddress else { return avalanche(prime5) }
        return hash(base, bytes.count)
    }

    static func hash(_ base: UnsafeRawPointer, _ count: Int) -> UInt64 {
        func word(_ offset: Int) -> UInt64 { UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
        var position = 0
        var state: UInt64
        if count >= 32 {
            var (a, b, c, d) = (prime1 &+ prime2, prime2, UInt64(0), 0 &- prime1)
            while position &+ 32 <= count {
                a = round(a, word(position))
                b = round(b, word(position &+ 8))
                c = round(c, word(position &+ 16))
                d = round(d, word(position &+ 24))
                position &+= 32
            }
            state = rotate(a, 1) &+ rotate(b, 7) &+ rotate(c, 12) &+ rotate(d, 18)
            for lane in [a, b, c, d] { state = (state ^ round(0, lane)) &* prime1 &+ prime4 }
        } else {
            state = prime5
        }
        state &+= UInt64(truncatingIfNeeded: count)
        while position &+ 8 <= count {
            state = rotate(state ^ round(0, word(position)), 27) &* prime1 &+ prime4
            position &+= 8
        }
        if position &+ 4 <= count {
            let half = UInt64(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
            state = rotate(state ^ (half &* prime1), 23) &* prime2 &+ prime3
            position &+= 4
        }
        while position < count {
            state = rotate(state ^ (UInt64(base.load(fromByteOffset: position, as: UInt8.self)) &* prime5), 11) &* prime1
            position &+= 1
        }
        return avalanche(state)
    }

    @inline(__always)
    private static func round(_ state: UInt64, _ word: UInt64) -> UInt64 { rotate(state &+ word &* prime2, 31) &* prime1 }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value &<< bits | value &>> (64 &- bits) }

    @inline(__always)
    private static func avalanche(_ state: UInt64) -> UInt64 {
        var state = state
        state = (state ^ state >> 33) &* prime2
        state = (state ^ state >> 29) &* prime3
        return state ^ state >> 32
    }
}
