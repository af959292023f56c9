import Base
import Columnar
import Glibc

/// The distinct values of a column chunk in the order of their first occurrence, in PLAIN encoding, and a hash table over them.
///
/// Open addressing with a seed of the process's own, so that no input can be made to collide.
final class DictionaryBuilder {
    /// The bytes of a value; nil for values with a length each.
    let width: Int?
    private(set) var count = 0
    /// The values in PLAIN encoding, one after the other.
    private var entries = BytesBuilder()
    /// Where each entry begins, for values with a length each (its length included).
    private var starts = BytesBuilder()
    /// The entry's hash in the high half of each slot, its code + 1 in the low half; 0 where it is free.
    private var slots: UnsafeMutablePointer<UInt64>
    private var mask: Int

    private static let seed = UInt64.random(in: .min ... .max) | 1

    init(width: Int?) {
        self.width = width
        mask = (1 << 10) - 1
        slots = .allocate(capacity: mask + 1)
        slots.initialize(repeating: 0, count: mask + 1)
    }

    deinit { slots.deallocate() }

    /// The bytes of the dictionary page before compression.
    var sizeInBytes: Int { entries.count }

    /// The bits of a code now.
    var codeWidth: Int { Self.codeWidth(count) }

    /// The bits of a code of a dictionary with `count` entries.
    static func codeWidth(_ count: Int) -> Int { count <= 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount }

    // MARK: Interning

    /// What the loops look at: loaded once per block rather than once per value, and again when an entry was added.
    private struct Table {
        let slots: UnsafeMutablePointer<UInt64>
        let mask: Int
        let entries: UnsafeRawPointer
        let starts: UnsafePointer<UInt32>
    }

    private var table: Table {
        entries.withUnsafeMutableBytes { entries in
            starts.withUnsafeMutableBytes { starts in
                let spare = UnsafeRawPointer(slots)
                return Table(
                    slots: slots, mask: mask, entries: entries.baseAddress.map { UnsafeRawPointer($0) } ?? spare,
                    starts: (starts.baseAddress.map { UnsafeRawPointer($0) } ?? spare).assumingMemoryBound(to: UInt32.self))
            }
        }
    }

    /// The codes of values of 4 or 8 bytes: those at `rows`, or `count` from `first` on.
    func codes<Value: FixedWidthInteger & BitwiseCopyable>(
        of source: UnsafeRawPointer, rows: UnsafePointer<Int32>?, first: Int, count: Int, as: Value.Type, to output: UnsafeMutablePointer<UInt32>
    ) {
        var table = table
        for index in 0..<count {
            let row = rows.map { Int($0[index]) } ?? first &+ index
            let value = source.loadUnaligned(fromByteOffset: row &* MemoryLayout<Value>.size, as: Value.self)
            let hash = Self.mix(UInt64(truncatingIfNeeded: value) ^ Self.seed)
            var slot = Int(hash) & table.mask
            while true {
                let found = UInt32(truncatingIfNeeded: table.slots[slot])
                if found == 0 {
                    entries.append(value)
                    output[index] = add(hash, slot)
                    table = self.table
                    break
                }
                if table.entries.loadUnaligned(fromByteOffset: Int(found &- 1) &* MemoryLayout<Value>.size, as: Value.self) == value {
                    output[index] = found &- 1
                    break
                }
                slot = (slot &+ 1) & table.mask
            }
        }
    }

    /// The codes of values of any length: `value` says where the value of a row lies, without a length before it. At least eight bytes behind each
    /// value must be readable.
    @inline(__always)
    func codes(
        rows: UnsafePointer<Int32>?, first: Int, count: Int, to output: UnsafeMutablePointer<UInt32>, _ value: (Int) -> (UnsafeRawPointer, Int)
    ) {
        var table = table
        for index in 0..<count {
            let (source, length) = value(rows.map { Int($0[index]) } ?? first &+ index)
            let hash = Self.hash(source, length)
            var slot = Int(hash) & table.mask
            while true {
                let found = table.slots[slot]
                if found == 0 {
                    output[index] = insert(source, length, hash, slot)
                    table = self.table
                    break
                }
                if UInt32(truncatingIfNeeded: found >> 32) == hash, isEntry(table, Int(UInt32(truncatingIfNeeded: found) &- 1), source, length) {
                    output[index] = UInt32(truncatingIfNeeded: found) &- 1
                    break
                }
                slot = (slot &+ 1) & table.mask
            }
        }
    }

    /// The code of one value of any length.
    func code(of source: UnsafeRawPointer, length: Int) -> UInt32 {
        var code: UInt32 = 0
        if width == 4 {
            codes(of: source, rows: nil, first: 0, count: 1, as: UInt32.self, to: &code)
        } else if width == 8 {
            codes(of: source, rows: nil, first: 0, count: 1, as: UInt64.self, to: &code)
        } else {
            codes(rows: nil, first: 0, count: 1, to: &code) { _ in (source, length) }
        }
        return code
    }

    private func insert(_ source: UnsafeRawPointer, _ length: Int, _ hash: UInt32, _ slot: Int) -> UInt32 {
        if width == nil {
            starts.append(UInt32(truncatingIfNeeded: entries.count))
            entries.append(UInt32(truncatingIfNeeded: length))
        }
        entries.append(contentsOf: UnsafeRawBufferPointer(start: source, count: length))
        return add(hash, slot)
    }

    @inline(__always)
    private func isEntry(_ table: Table, _ code: Int, _ source: UnsafeRawPointer, _ length: Int) -> Bool {
        guard width == nil else { return memcmp(table.entries + code &* length, source, length) == 0 }
        let entry = table.entries + Int(table.starts[code])
        return Int(entry.loadUnaligned(as: UInt32.self)) == length && Self.areEqual(entry + 4, source, length)
    }

    private func add(_ hash: UInt32, _ slot: Int) -> UInt32 {
        count += 1
        slots[slot] = UInt64(hash) << 32 | UInt64(UInt32(truncatingIfNeeded: count))
        if count * 2 > mask { grow() }
        return UInt32(truncatingIfNeeded: count &- 1)
    }

    private func grow() {
        let size = (mask + 1) * 4
        let larger = UnsafeMutablePointer<UInt64>.allocate(capacity: size)
        larger.initialize(repeating: 0, count: size)
        for old in 0...mask where slots[old] != 0 {
            var slot = Int(slots[old] >> 32) & (size - 1)
            while larger[slot] != 0 { slot = (slot + 1) & (size - 1) }
            larger[slot] = slots[old]
        }
        slots.deallocate()
        slots = larger
        mask = size - 1
    }

    // MARK: Hashing

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt32 {
        let product = value.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        let folded = product.high ^ product.low
        return UInt32(truncatingIfNeeded: folded ^ folded >> 32)
    }

    /// Eight bytes at a time, each folded in by a full multiplication; the last ones loaded with what lies behind them, which is cut off.
    @inline(__always)
    private static func hash(_ source: UnsafeRawPointer, _ length: Int) -> UInt32 {
        var state = seed ^ UInt64(truncatingIfNeeded: length)
        var offset = 0
        while offset &+ 8 <= length {
            let product = (state ^ source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
            state = product.high ^ product.low
            offset &+= 8
        }
        guard offset < length else { return mix(state) }
        return mix(state ^ (source.loadUnaligned(fromByteOffset: offset, as: UInt64.self) & lowBytes(length &- offset)))
    }

    /// Ones in the lowest `count` (1 to 7) bytes.
    @inline(__always)
    private static func lowBytes(_ count: Int) -> UInt64 { UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- count &* 8) }

    /// As `memcmp`, without the call for the short values that dictionaries are made of. Both sides have eight readable bytes behind them.
    @inline(__always)
    private static func areEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ length: Int) -> Bool {
        if length > 32 { return memcmp(left, right, length) == 0 }
        var offset = 0
        while offset &+ 8 <= length {
            if left.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != right.loadUnaligned(fromByteOffset: offset, as: UInt64.self) { return false }
            offset &+= 8
        }
        guard offset < length else { return true }
        let difference = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        return difference & lowBytes(length &- offset) == 0
    }

    // MARK: Entries

    /// The entries while they are being looked at.
    struct Entries {
        let base: UnsafeRawPointer
        /// Where each value's length stands, the value behind it; nil for values of one width.
        let starts: UnsafePointer<UInt32>?
        let width: Int
        let count: Int

        /// Where a value lies without its length, and how long it is.
        @inline(__always)
        func range(_ code: Int) -> (start: Int, length: Int) {
            guard let starts else { return (code &* width, width) }
            let start = Int(starts[code])
            return (start &+ 4, Int(base.loadUnaligned(fromByteOffset: start, as: UInt32.self)))
        }
    }

    func withEntries<Result>(_ body: (Entries) -> Result) -> Result {
        let table = table
        return body(Entries(base: table.entries, starts: width == nil ? table.starts : nil, width: width ?? 0, count: count))
    }

    /// The bounds of the values that `codes` stand for, and whether a NaN is among them.
    func bounds(_ leaf: SchemaLeaf, of codes: UnsafeBufferPointer<UInt32>) -> (bounds: Bounds, sawNaN: Bool) {
        withEntries { $0.bounds(leaf, of: codes) }
    }

    /// Appends the values that `codes` stand for, in PLAIN encoding.
    func appendValues(_ codes: UnsafePointer<UInt32>, count: Int, to output: inout BytesBuilder) {
        withEntries { entries in
            for index in 0..<count {
                let (start, length) = entries.range(Int(codes[index]))
                let header = width == nil ? 4 : 0
                output.append(contentsOf: UnsafeRawBufferPointer(start: entries.base + start - header, count: length + header))
            }
        }
    }

    /// The dictionary page's body, and an empty dictionary left behind that must not be used further.
    func takePage() -> Bytes { entries.take() }
}
