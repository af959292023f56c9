import Base
import Columnar

/// The distinct values of a column chunk in the order of their first occurrence, in PLAIN encoding, and a hash table over them.
///
/// Open addressing with a seed of the process's own, so that no input can be made to collide.
final class DictionaryBuilder {
    /// The bytes of a value; nil for values with a length each.
    private let width: Int?
    private(set) var count = 0
    /// The values in PLAIN encoding, one after the other.
    private var entries = BytesBuilder()
    /// Where each entry begins, for values with a length each (its length included).
    private var starts = BytesBuilder()
    private var hashes = BytesBuilder()
    /// Code + 1 of the entry in each slot, 0 where it is free.
    private var slots: UnsafeMutablePointer<UInt32>
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
    var codeWidth: Int { count <= 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount }

    // MARK: Interning

    /// The code of a value of 4 or 8 bytes.
    func code<Value: FixedWidthInteger & BitwiseCopyable>(of value: Value) -> UInt32 {
        let hash = Self.mix(UInt64(truncatingIfNeeded: value) ^ Self.seed)
        var slot = Int(hash) & mask
        while true {
            let found = slots[slot]
            if found == 0 { break }
            let matches = entries.withUnsafeMutableBytes {
                $0.loadUnaligned(fromByteOffset: Int(found &- 1) &* MemoryLayout<Value>.size, as: Value.self) == value
            }
            if matches { return found &- 1 }
            slot = (slot &+ 1) & mask
        }
        entries.append(value)
        return add(hash, slot)
    }

    /// The code of a value of any length, without a length before it.
    func code(of source: UnsafeRawPointer, length: Int) -> UInt32 {
        let hash = Self.hash(source, length)
        var slot = Int(hash) & mask
        while true {
            let found = slots[slot]
            if found == 0 { break }
            if hashOf(found &- 1) == hash, isEntry(Int(found &- 1), source, length) { return found &- 1 }
            slot = (slot &+ 1) & mask
        }
        if width == nil {
            starts.append(UInt32(truncatingIfNeeded: entries.count))
            entries.append(UInt32(truncatingIfNeeded: length))
        }
        entries.append(contentsOf: UnsafeRawBufferPointer(start: source, count: length))
        return add(hash, slot)
    }

    private func hashOf(_ code: UInt32) -> UInt32 {
        hashes.withUnsafeMutableBytes { $0.loadUnaligned(fromByteOffset: Int(code) &* 4, as: UInt32.self) }
    }

    private func isEntry(_ code: Int, _ source: UnsafeRawPointer, _ length: Int) -> Bool {
        withEntries { entries in
            let (start, size) = entries.range(code)
            return size == length && Self.areEqual(entries.base + start, source, length)
        }
    }

    private func add(_ hash: UInt32, _ slot: Int) -> UInt32 {
        hashes.append(hash)
        count += 1
        slots[slot] = UInt32(truncatingIfNeeded: count)
        if count * 2 > mask { grow() }
        return UInt32(truncatingIfNeeded: count &- 1)
    }

    private func grow() {
        let size = (mask + 1) * 4
        slots.deallocate()
        slots = .allocate(capacity: size)
        slots.initialize(repeating: 0, count: size)
        mask = size - 1
        hashes.withUnsafeMutableBytes { raw in
            for code in 0..<count {
                var slot = Int(raw.loadUnaligned(fromByteOffset: code * 4, as: UInt32.self)) & mask
                while slots[slot] != 0 { slot = (slot + 1) & mask }
                slots[slot] = UInt32(truncatingIfNeeded: code + 1)
            }
        }
    }

    // MARK: Hashing

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt32 {
        let product = value.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        let folded = product.high ^ product.low
        return UInt32(truncatingIfNeeded: folded ^ folded >> 32)
    }

    /// Eight bytes at a time, each folded in by a full multiplication.
    private static func hash(_ source: UnsafeRawPointer, _ length: Int) -> UInt32 {
        var state = seed ^ UInt64(truncatingIfNeeded: length)
        var offset = 0
        while offset &+ 8 <= length {
            let product = (state ^ source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
            state = product.high ^ product.low
            offset &+= 8
        }
        var tail: UInt64 = 0
        while offset < length {
            tail = tail << 8 | UInt64(source.load(fromByteOffset: offset, as: UInt8.self))
            offset &+= 1
        }
        return mix(state ^ tail)
    }

    @inline(__always)
    private static func areEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ length: Int) -> Bool {
        UnsafeRawBufferPointer(start: left, count: length).elementsEqual(UnsafeRawBufferPointer(start: right, count: length))
    }

    // MARK: Entries

    /// The entries while they are being looked at.
    struct Entries {
        let base: UnsafeRawPointer
        fileprivate let starts: UnsafePointer<UInt32>?
        fileprivate let width: Int
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
        entries.withUnsafeMutableBytes { entries in
            starts.withUnsafeMutableBytes { starts in
                let base = UnsafeRawPointer(entries.baseAddress ?? UnsafeMutableRawPointer(slots))
                let begins = width == nil ? UnsafePointer(starts.assumingMemoryBound(to: UInt32.self).baseAddress) : nil
                return body(Entries(base: base, starts: begins, width: width ?? 0, count: count))
            }
        }
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
