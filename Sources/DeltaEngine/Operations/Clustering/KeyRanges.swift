/// Stretches of a curve that hold about as many rows each. Pure.
struct KeyRanges: Sendable {
    /// Where the second and later ones begin, ascending.
    let starts: [UInt64]
    /// ``starts``, filled up to one less than a power of two.
    private let padded: [UInt64]

    /// - Parameters:
    ///   - sample: positions of sampled rows.
    ///   - count: how many ranges there should be. A position that many rows share gets a range of its own.
    ///   - others: where ranges are to begin besides.
    init(sample: [UInt64], count: Int, others: [UInt64] = []) {
        let sorted = sample.sorted()
        var starts: [UInt64] = []
        if !sorted.isEmpty, count > 1 {
            var previous: UInt64?
            for step in 1..<count {
                let key = sorted[step * sorted.count / count]
                if key == previous { starts.append(key &+ 1) }
                starts.append(key)
                previous = key
            }
        }
        self.init(starts: starts + others)
    }

    init(starts: [UInt64]) {
        self.starts = Set(starts).sorted()
        var size = 1
        while size <= self.starts.count { size *= 2 }
        padded = self.starts + Array(repeating: .max, count: size - 1 - self.starts.count)
    }

    var count: Int { starts.count + 1 }

    /// The positions in a range; no position is as large as the largest number.
    func range(_ index: Int) -> Range<UInt64> { (index == 0 ? 0 : starts[index - 1])..<(index == starts.count ? .max : starts[index]) }

    /// The range that each position lies in.
    func ranges(of keys: [UInt64]) -> [UInt16] {
        [UInt16](unsafeUninitializedCapacity: keys.count) { ranges, filled in
            padded.withUnsafeBufferPointer { bounds in
                keys.withUnsafeBufferPointer { keys in
                    for row in 0..<keys.count {
                        let key = keys[row]
                        var place = 0
                        var step = (bounds.count &+ 1) >> 1
                        while step > 0 {
                            place &+= bounds[place &+ step &- 1] <= key ? step : 0
                            step >>= 1
                        }
                        ranges[row] = UInt16(truncatingIfNeeded: place)
                    }
                }
            }
            filled = keys.count
        }
    }
}

/// Orders of rows. Pure.
enum RowOrder {
    /// The rows by group, in their order within each, and where each group begins; at the end the number of rows.
    static func grouped(_ groups: [UInt16], count: Int) -> (rows: [Int32], starts: [Int]) {
        var starts = [Int](repeating: 0, count: count + 1)
        for group in groups { starts[Int(group) + 1] += 1 }
        for group in 0..<count { starts[group + 1] += starts[group] }
        var next = starts
        let rows = [Int32](unsafeUninitializedCapacity: groups.count) { rows, filled in
            for (row, group) in groups.enumerated() {
                rows[next[Int(group)]] = Int32(truncatingIfNeeded: row)
                next[Int(group)] += 1
            }
            filled = groups.count
        }
        return (rows, starts)
    }

    /// The rows by key, those of equal keys in their order: least significant digit first, digits that all keys share left out.
    static func sorted(_ keys: [UInt64]) -> [Int32] {
        var rows = [Int32](unsafeUninitializedCapacity: keys.count) { rows, filled in
            for row in 0..<keys.count { rows[row] = Int32(truncatingIfNeeded: row) }
            filled = keys.count
        }
        let all = keys.reduce(into: (or: UInt64(0), and: UInt64.max)) { bits, key in
            bits.or |= key
            bits.and &= key
        }
        let differing = all.or ^ all.and
        guard keys.count > 1, differing != 0 else { return rows }
        var keys = keys
        var otherKeys = keys
        var otherRows = rows
        let digitBits = 11
        var counts = [Int](repeating: 0, count: 1 << digitBits)
        var shift = differing.trailingZeroBitCount
        let top = UInt64.bitWidth - differing.leadingZeroBitCount
        while shift < top {
            let mask = UInt64((1 << digitBits) - 1)
            for digit in counts.indices { counts[digit] = 0 }
            for key in keys { counts[Int((key >> UInt64(shift)) & mask)] &+= 1 }
            var sum = 0
            for digit in counts.indices {
                let count = counts[digit]
                counts[digit] = sum
                sum &+= count
            }
            keys.withUnsafeBufferPointer { keys in
                rows.withUnsafeBufferPointer { rows in
                    otherKeys.withUnsafeMutableBufferPointer { otherKeys in
                        otherRows.withUnsafeMutableBufferPointer { otherRows in
                            counts.withUnsafeMutableBufferPointer { counts in
                                for place in 0..<keys.count {
                                    let digit = Int((keys[place] >> UInt64(shift)) & mask)
                                    let target = counts[digit]
                                    counts[digit] = target &+ 1
                                    otherKeys[target] = keys[place]
                                    otherRows[target] = rows[place]
                                }
                            }
                        }
                    }
                }
            }
            swap(&keys, &otherKeys)
            swap(&rows, &otherRows)
            shift += digitBits
        }
        return rows
    }
}
