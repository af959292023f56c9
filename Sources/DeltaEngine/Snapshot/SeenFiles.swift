/// The logical files that newer parts of the log have spoken of: the newest word on a file is the one that counts (protocol, "Action Reconciliation").
///
/// An open-addressing table of row numbers beside their hashes; a file costs 16 bytes and no object.
struct SeenFiles {
    private var segments: [FileSegment] = []
    /// Segment in the upper half, row in the lower; `free` where nothing is.
    private var slots: [UInt64]
    private var hashes: [UInt64]
    private var used = 0

    private static let free = UInt64.max

    init(capacity: Int) {
        var size = 64
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: Self.free, count: size)
        hashes = Array(repeating: 0, count: size)
    }

    /// Announces a segment; returns the number by which ``insert(_:_:)`` knows it.
    mutating func add(_ segment: FileSegment) -> Int {
        segments.append(segment)
        return segments.count - 1
    }

    /// Whether the row's file has been seen.
    func contains(_ segment: FileSegment, _ row: Int) -> Bool {
        let hash = segment.hashes[row]
        var place = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[place] != Self.free {
            if hashes[place] == hash {
                let other = segments[Int(slots[place] >> 32)]
                if FileSegment.sameFile(segment, row, other, Int(slots[place] & 0xffff_ffff)) { return true }
            }
            place = (place + 1) & (slots.count - 1)
        }
        return false
    }

    /// Records the row's file; false where it had been seen.
    mutating func insert(_ number: Int, _ row: Int) -> Bool {
        let segment = segments[number]
        guard !contains(segment, row) else { return false }
        if (used + 1) * 2 > slots.count { grow() }
        place(UInt64(number) << 32 | UInt64(row), hash: segment.hashes[row])
        used += 1
        return true
    }

    private mutating func place(_ value: UInt64, hash: UInt64) {
        var place = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[place] != Self.free { place = (place + 1) & (slots.count - 1) }
        slots[place] = value
        hashes[place] = hash
    }

    private mutating func grow() {
        let (oldSlots, oldHashes) = (slots, hashes)
        slots = Array(repeating: Self.free, count: oldSlots.count * 2)
        hashes = Array(repeating: 0, count: oldSlots.count * 2)
        for (slot, hash) in zip(oldSlots, oldHashes) where slot != Self.free { place(slot, hash: hash) }
    }
}
