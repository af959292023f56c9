import Base
import Columnar
import Glibc

/// Finds the bounds of values in PLAIN encoding.
enum BoundsKernels {
    /// The bounds of `count` values at `source`, and whether a NaN was among them.
    static func bounds(_ leaf: SchemaLeaf, _ source: UnsafeRawPointer, count: Int, byteCount: Int) -> (bounds: Bounds, sawNaN: Bool) {
        guard count > 0 else { return (.none, false) }
        switch leaf.physicalType {
        case .boolean:
            let set = Bitmap.popcount(source, count: count)
            return (.integers(set == count ? 1 : 0, set > 0 ? 1 : 0), false)
        case .int32:
            let (low, high) = integers(source, count, as: Int32.self)
            return (.integers(Int64(low), Int64(high)), false)
        case .int64:
            let (low, high) = integers(source, count, as: Int64.self)
            return (.integers(low, high), false)
        case .float: return floats(source, count, as: Float.self)
        case .double: return floats(source, count, as: Double.self)
        case .byteArray: return (bytes(source, byteCount), false)
        case .fixedLengthByteArray: return (wide(source, count, leaf.typeLength), false)
        case .int96: return (.none, false)
        }
    }

    /// The bounds of `count` entries of a dictionary.
    static func bounds(
        _ leaf: SchemaLeaf, _ entries: DictionaryBuilder.Entries, codes: UnsafePointer<UInt32>, count: Int
    ) -> (bounds: Bounds, sawNaN: Bool) {
        if leaf.physicalType == .byteArray {
            var search = ByteSearch()
            for index in 0..<count {
                let (start, length) = entries.range(Int(codes[index]))
                search.see(entries.base + start, length)
            }
            return (search.bounds, false)
        }
        let width = entries.range(0).length
        return withUnsafeTemporaryAllocation(byteCount: max(1, count * width), alignment: 8) { values in
            guard let values = values.baseAddress else { return (.none, false) }
            codes.withMemoryRebound(to: Int32.self, capacity: count) { ValueKernels.gather(entries.base, width: width, $0, values, count: count) }
            return bounds(leaf, values, count: count, byteCount: count * width)
        }
    }

    private static func integers<Value: FixedWidthInteger & BitwiseCopyable>(_ source: UnsafeRawPointer, _ count: Int, as: Value.Type) -> (Value, Value) {
        var low = Value.max
        var high = Value.min
        for index in 0..<count {
            let value = source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Value>.size, as: Value.self)
            low = min(low, value)
            high = max(high, value)
        }
        return (low, high)
    }

    private static func floats<Value: BinaryFloatingPoint & BitwiseCopyable>(
        _ source: UnsafeRawPointer, _ count: Int, as: Value.Type
    ) -> (Bounds, Bool) {
        var low = Value.infinity
        var high = -Value.infinity
        var numbers = 0
        for index in 0..<count {
            let value = source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Value>.size, as: Value.self)
            // Comparisons with NaN are false, so it never becomes a bound.
            low = value < low ? value : low
            high = value > high ? value : high
            numbers &+= value == value ? 1 : 0
        }
        guard numbers > 0 else { return (.none, count > 0) }
        // Readers may take the zeros for different numbers (parquet.thrift, Statistics): the bounds must hold both.
        let minimum = low == 0 ? -0.0 : Double(low)
        let maximum = high == 0 ? 0.0 : Double(high)
        return (.floats(minimum, maximum), numbers < count)
    }

    private static func wide(_ source: UnsafeRawPointer, _ count: Int, _ length: Int) -> Bounds {
        var low = Int128.max
        var high = Int128.min
        for index in 0..<count {
            var value: Int128 = Int8(bitPattern: source.load(fromByteOffset: index &* length, as: UInt8.self)) < 0 ? -1 : 0
            for byte in 0..<length { value = value << 8 | Int128(source.load(fromByteOffset: index &* length &+ byte, as: UInt8.self)) }
            low = min(low, value)
            high = max(high, value)
        }
        return .wide(low, high)
    }

    private static func bytes(_ source: UnsafeRawPointer, _ byteCount: Int) -> Bounds {
        var search = ByteSearch()
        var position = 0
        while position < byteCount {
            let length = Int(source.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            search.see(source + position + 4, length)
            position &+= 4 &+ length
        }
        return search.bounds
    }
}

/// The least and greatest of byte strings, compared by their first eight bytes as long as those decide.
struct ByteSearch {
    private var low: UnsafeRawBufferPointer?
    private var high: UnsafeRawBufferPointer?
    private var lowPrefix = UInt64.max
    private var highPrefix = UInt64.min

    /// The bytes must stay where they are until ``bounds`` is taken, and be readable for eight bytes past their end.
    @inline(__always)
    mutating func see(_ source: UnsafeRawPointer, _ length: Int) {
        var prefix = UInt64(bigEndian: source.loadUnaligned(as: UInt64.self))
        if length < 8 { prefix = length == 0 ? 0 : prefix & (UInt64.max << UInt64(64 &- length &* 8)) }
        if prefix <= lowPrefix { seeLow(UnsafeRawBufferPointer(start: source, count: length), prefix) }
        if prefix >= highPrefix { seeHigh(UnsafeRawBufferPointer(start: source, count: length), prefix) }
    }

    private mutating func seeLow(_ value: UnsafeRawBufferPointer, _ prefix: UInt64) {
        if let low, prefix == lowPrefix, !Self.precedes(value, low) { return }
        low = value
        lowPrefix = prefix
    }

    private mutating func seeHigh(_ value: UnsafeRawBufferPointer, _ prefix: UInt64) {
        if let high, prefix == highPrefix, !Self.precedes(high, value) { return }
        high = value
        highPrefix = prefix
    }

    private static func precedes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard let l = left.baseAddress, let r = right.baseAddress else { return left.count < right.count }
        let order = memcmp(l, r, min(left.count, right.count))
        return order == 0 ? left.count < right.count : order < 0
    }

    var bounds: Bounds {
        guard let low, let high else { return .none }
        return .bytes(Bytes(copying: low), Bytes(copying: high))
    }
}

extension DictionaryBuilder.Entries {
    /// The bounds of the values that `codes` stand for, and whether a NaN is among them.
    func bounds(_ leaf: SchemaLeaf, of codes: UnsafeBufferPointer<UInt32>) -> (bounds: Bounds, sawNaN: Bool) {
        guard let base = codes.baseAddress, !codes.isEmpty else { return (.none, false) }
        // Each entry once, where there are fewer of them than codes.
        guard count < codes.count else { return BoundsKernels.bounds(leaf, self, codes: base, count: codes.count) }
        return withUnsafeTemporaryAllocation(byteCount: count * 5, alignment: 4) { scratch in
            guard let used = scratch.baseAddress?.assumingMemoryBound(to: UInt32.self) else { return (.none, false) }
            let marks = UnsafeMutableRawPointer(used + count).assumingMemoryBound(to: UInt8.self)
            marks.initialize(repeating: 0, count: count)
            for code in codes { marks[Int(code)] = 1 }
            var found = 0
            for code in 0..<count {
                used[found] = UInt32(truncatingIfNeeded: code)
                found &+= Int(marks[code])
            }
            return BoundsKernels.bounds(leaf, self, codes: used, count: found)
        }
    }
}
