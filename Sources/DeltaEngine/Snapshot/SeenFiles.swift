/// The logical files that newer parts of the log have spoken of: the newest word on a file is the one that counts (protocol, "Action Reconciliation").
///
/// An open-addressing table; a file costs eight bytes at most three quarters of the time and no object.
struct SeenFiles {
    private var segments: [FileSegment] = []
    /// The number of each segment's first row among the rows of all of them.
    private var starts: [Int] = []
    private var rowCount = 0
    /// The high half of a file's hash in the upper half, the number of its row in the lower; `free` where nothing is. Rows are far fewer than four
    /// billion, which would fill a terabyte with their columns.
    private var slots: [UInt64]
    private var used = 0

    private static let free = UInt64.max

    init(capacity: Int) {
        var size = 64
        while size * 3 < capacity * 4 { size *= 2 }
        slots = Array(repeating: Self.free, count: size)
    }

    /// Announces a segment; returns the number by which ``insert(_:_:)`` knows it.
    mutating func add(_ segment: FileSegment) -> Int {
        segments.append(segment)
        starts.append(rowCount)
        rowCount += segment.count
        return segments.count - 1
    }

    /// Whether the row's file has been seen.
    func contains(_ segment: FileSegment, _ row: Int) -> Bool {
        used > 0 && slots.withUnsafeBufferPointer { contains(segment, row, hash: segment.hashes[row], $0) }
    }

    /// The rows of a part that have been seen, as positions in it. For parts of millions of rows, of which hardly any has.
    func positions(in part: FileRows.Part) -> [Int] {
        guard used > 0 else { return [] }
        var found: [Int] = []
        part.segment.hashes.withUnsafeBufferPointer { hashes in
            slots.withUnsafeBufferPointer { slots in
                switch part.live {
                case .all:
                    for row in 0..<hashes.count where contains(part.segment, row, hash: hashes[row], slots) { found.append(row) }
                case let .some(rows):
                    for (position, row) in rows.enumerated() where contains(part.segment, Int(row), hash: hashes[Int(row)], slots) {
                        found.append(position)
                    }
                }
            }
        }
        return found
    }

    @inline(__always)
    private func contains(_ segment: FileSegment, _ row: Int, hash: UInt64, _ slots: UnsafeBufferPointer<UInt64>) -> Bool {
        let mask = slots.count &- 1
        var place = Self.place(hash) & mask
        while slots[place] != Self.free {
            if slots[place] >> 32 == hash >> 32, isSame(segment, row, Int(slots[place] & 0xffff_ffff)) { return true }
            place = (place &+ 1) & mask
        }
        return false
    }

    private func isSame(_ segment: FileSegment, _ row: Int, _ number: Int) -> Bool {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= number { low = middle } else { high = middle }
        }
        return FileSegment.sameFile(segment, row, segments[low], number - starts[low])
    }

    /// Records the row's file; false where it had been seen.
    mutating func insert(_ number: Int, _ row: Int) -> Bool {
        let segment = segments[number]
        guard !contains(segment, row) else { return false }
        if (used + 1) * 4 > slots.count * 3 { grow() }
        place((segment.hashes[row] & 0xffff_ffff_0000_0000) | UInt64(starts[number] + row))
        used += 1
        return true
    }

    /// By the half of the hash that the slots keep, so that growing needs nothing else.
    @inline(__always)
    private static func place(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 32) }

    private mutating func place(_ value: UInt64) {
        var place = Self.place(value) & (slots.count - 1)
        while slots[place] != Self.free { place = (place + 1) & (slots.count - 1) }
        slots[place] = value
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Self.free, count: old.count * 2)
        for slot in old where slot != Self.free { place(slot) }
    }
}
