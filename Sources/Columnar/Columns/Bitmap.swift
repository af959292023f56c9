import Base

/// Bits in Arrow's order: bit `i` is bit `i & 7`, from the low end, of byte `i >> 3`. All functions trust the caller's sizes.
public enum Bitmap {
    /// The bytes that `bits` bits take.
    @inlinable
    public static func byteCount(_ bits: Int) -> Int { (bits &+ 7) >> 3 }

    @inlinable @inline(__always)
    public static func isSet(_ base: UnsafeRawPointer, _ index: Int) -> Bool {
        base.load(fromByteOffset: index >> 3, as: UInt8.self) & (1 << UInt8(truncatingIfNeeded: index & 7)) != 0
    }

    @inlinable @inline(__always)
    public static func set(_ base: UnsafeMutableRawPointer, _ index: Int) {
        let byte = base.load(fromByteOffset: index >> 3, as: UInt8.self)
        base.storeBytes(of: byte | (1 << UInt8(truncatingIfNeeded: index & 7)), toByteOffset: index >> 3, as: UInt8.self)
    }

    @inlinable @inline(__always)
    public static func clear(_ base: UnsafeMutableRawPointer, _ index: Int) {
        let byte = base.load(fromByteOffset: index >> 3, as: UInt8.self)
        base.storeBytes(of: byte & ~(1 << UInt8(truncatingIfNeeded: index & 7)), toByteOffset: index >> 3, as: UInt8.self)
    }

    /// How many of the first `count` bits are set.
    public static func popcount(_ base: UnsafeRawPointer, count: Int) -> Int {
        var total = 0
        let words = count >> 6
        for word in 0..<words {
            total &+= base.loadUnaligned(fromByteOffset: word << 3, as: UInt64.self).nonzeroBitCount
        }
        for index in (words << 6)..<max(count, words << 6) where isSet(base, index) { total &+= 1 }
        return total
    }

    /// Copies `count` bits from bit `sourceOffset` to bit `targetOffset`. The bits of the target's last byte behind the copied ones become
    /// zero; those before `targetOffset` stay.
    public static func copy(
        from source: UnsafeRawPointer, at sourceOffset: Int, to target: UnsafeMutableRawPointer, at targetOffset: Int, count: Int
    ) {
        guard count > 0 else { return }
        var done = 0
        // Up to a byte boundary of the target bit by bit, then a byte at a time.
        if targetOffset & 7 != 0 {
            let byte = target.load(fromByteOffset: targetOffset >> 3, as: UInt8.self)
            target.storeBytes(of: byte & ((1 << UInt8(targetOffset & 7)) &- 1), toByteOffset: targetOffset >> 3, as: UInt8.self)
            while done < count, (targetOffset &+ done) & 7 != 0 {
                if isSet(source, sourceOffset &+ done) { set(target, targetOffset &+ done) }
                done &+= 1
            }
        }
        guard done < count else { return }
        let shift = UInt8(truncatingIfNeeded: (sourceOffset &+ done) & 7)
        var from = source + ((sourceOffset &+ done) >> 3)
        var to = target + ((targetOffset &+ done) >> 3)
        var left = count &- done
        while left > 0 {
            var byte = from.load(as: UInt8.self) >> shift
            if shift != 0, left > Int(8 &- shift) { byte |= from.load(fromByteOffset: 1, as: UInt8.self) << (8 &- shift) }
            if left < 8 { byte &= (1 << UInt8(truncatingIfNeeded: left)) &- 1 }
            to.storeBytes(of: byte, as: UInt8.self)
            from += 1
            to += 1
            left &-= 8
        }
    }

    /// The bits `range` of `bits`, moved to start at bit 0. `bits` must hold them.
    package static func slice(_ bits: Bytes, _ range: Range<Int>) -> Bytes {
        if range.lowerBound & 7 == 0, let slice = bits.slice((range.lowerBound >> 3)..<byteCount(range.upperBound)) { return slice }
        let length = byteCount(range.count)
        return Bytes(capacity: length) { target in
            bits.withUnsafeBytes { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                copy(from: from, at: range.lowerBound, to: to, at: 0, count: range.count)
            }
            return length
        }
    }
}
