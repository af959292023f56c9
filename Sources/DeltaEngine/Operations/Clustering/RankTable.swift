import Base
import Columnar
import Glibc

/// Where a value stands among those of a sample: about which part of the rows has a smaller one. Any column is spread evenly over the ranks so, however its
/// values are distributed; one that has few values leaves gaps as wide as they are frequent.
///
/// Nulls have rank 0, and come before all values.
struct RankTable: Sendable {
    private let highest: Int
    /// Rank of everything below the first bound.
    private let first: Int
    private let bounds: Bounds

    private enum Bounds: Sendable {
        /// Values of the sample at equal distances, a frequent one several times; filled up with the largest word to one less than a power of two.
        case words([UInt64], count: Int)
        case wide([UInt128])
        case texts(TextBounds)
    }

    /// - Parameters:
    ///   - sample: of a type that has a form (``SortWords/form(_:)``), nulls as often as in the table.
    ///   - highest: the largest rank.
    init(sample: Column, highest: Int) {
        self.highest = highest
        let present = (0..<sample.count).filter { !sample.isNull(at: $0) }
        // Bounds that fall on nulls are below every value.
        let steps = highest - 1
        let nulls = sample.count - present.count
        func places(_ count: Int) -> [Int] {
            guard count > 0 else { return [] }
            return (1..<max(2, steps)).compactMap { step in
                let place = step * sample.count / max(1, steps) - nulls
                return place >= 0 && place < count ? place : nil
            }
        }
        let chosen = places(present.count)
        first = 1 + (present.isEmpty ? 0 : max(0, steps - 1 - chosen.count))
        switch SortWords.form(sample.type) {
        case .wide:
            let all = SortWords.wideWords(sample)
            let sorted = present.map { all[$0] }.sorted()
            bounds = .wide(chosen.map { sorted[$0] })
        case .texts:
            bounds = .texts(TextBounds(sample, rows: present, places: chosen))
        default:
            let all = SortWords.words(sample)
            let sorted = present.map { all[$0] }.sorted()
            var values = chosen.map { sorted[$0] }
            let count = values.count
            var size = 1
            while size <= count { size *= 2 }
            values += Array(repeating: .max, count: size - 1 - count)
            bounds = .words(values, count: count)
        }
    }

    /// The rank of each row of a column of the sample's type.
    func ranks(_ column: Column) -> [UInt16] {
        var ranks: [UInt16]
        switch bounds {
        case let .words(values, count): ranks = Self.search(SortWords.words(column), values, count, first: first, highest: highest)
        case let .wide(values):
            ranks = SortWords.wideWords(column).map { word in
                UInt16(min(highest, first + Self.lowerBound(values.count) { values[$0] < word }))
            }
        case let .texts(texts): ranks = texts.below(column).map { UInt16(min(highest, first + $0)) }
        }
        if column.nullCount > 0 {
            for row in 0..<column.count where column.isNull(at: row) { ranks[row] = 0 }
        }
        return ranks
    }

    /// Without a branch on the data: a mispredicted one costs as much as four steps.
    private static func search(_ words: [UInt64], _ bounds: [UInt64], _ count: Int, first: Int, highest: Int) -> [UInt16] {
        [UInt16](unsafeUninitializedCapacity: words.count) { ranks, filled in
            bounds.withUnsafeBufferPointer { bounds in
                words.withUnsafeBufferPointer { words in
                    for row in 0..<words.count {
                        let word = words[row]
                        var below = 0
                        var step = (bounds.count &+ 1) >> 1
                        while step > 0 {
                            below &+= bounds[below &+ step &- 1] < word ? step : 0
                            step >>= 1
                        }
                        ranks[row] = UInt16(truncatingIfNeeded: min(highest, first &+ min(below, count)))
                    }
                }
            }
            filled = words.count
        }
    }

    /// How many of `count` ascending things are below.
    static func lowerBound(_ count: Int, _ isBelow: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) >> 1
            if isBelow(middle) { low = middle &+ 1 } else { high = middle }
        }
        return low
    }
}

/// The bounds of text and binary. All of a table's values may begin with the same characters, so that what tells them apart is looked for behind those.
private struct TextBounds: Sendable {
    /// Different ones, ascending, and how many bounds are below each of them; at the end the number of all.
    private let texts: [Bytes]
    private let below: [Int]
    /// What all of them begin with, and the eight bytes of each behind it.
    private let prefix: Bytes
    private let words: [UInt64]

    init(_ sample: Column, rows: [Int], places: [Int]) {
        var sorted: [Bytes] = []
        if case let .variable(offsets, data) = sample.values {
            sorted = rows.map { data.slice(Self.range(offsets, $0)) ?? .empty }.sorted { Self.order($0, $1) < 0 }
        }
        var texts: [Bytes] = []
        var below: [Int] = []
        for (count, place) in places.enumerated() where texts.last.map({ Self.order($0, sorted[place]) != 0 }) ?? true {
            // The sample's memory goes, these stay.
            texts.append(sorted[place].withUnsafeBytes { Bytes(copying: $0) })
            below.append(count)
        }
        var shared = 0
        if let first = texts.first?.array, let last = texts.last?.array {
            while shared < min(first.count, last.count), first[shared] == last[shared] { shared += 1 }
        }
        self.texts = texts
        self.below = below + [places.count]
        prefix = texts.first?.prefix(shared) ?? .empty
        words = texts.map { text in text.withUnsafeBytes { Self.word($0, from: shared) } }
    }

    /// For each row, how many bounds are below it.
    func below(_ column: Column) -> [Int] {
        guard case let .variable(offsets, data) = column.values, !texts.isEmpty else { return [Int](repeating: 0, count: column.count) }
        return data.withUnsafeBytes { data in
            prefix.withUnsafeBytes { prefix in
                (0..<column.count).map { row in below[lowerBound(UnsafeRawBufferPointer(rebasing: data[Self.range(offsets, row)]), prefix)] }
            }
        }
    }

    private func lowerBound(_ text: UnsafeRawBufferPointer, _ prefix: UnsafeRawBufferPointer) -> Int {
        let order = Self.order(UnsafeRawBufferPointer(rebasing: text.prefix(prefix.count)), prefix)
        if order != 0 { return order < 0 ? 0 : texts.count }
        let word = Self.word(text, from: prefix.count)
        return RankTable.lowerBound(words.count) { index in
            if words[index] != word { return words[index] < word }
            return texts[index].withUnsafeBytes { Self.order($0, text) < 0 }
        }
    }

    /// The eight bytes from a place on as a number, zeros where there are none.
    private static func word(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt64 {
        if bytes.count &- start >= 8 { return UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)) }
        var word: UInt64 = 0
        for place in 0..<8 { word = word << 8 | (start + place < bytes.count ? UInt64(bytes[start + place]) : 0) }
        return word
    }

    private static func order(_ left: Bytes, _ right: Bytes) -> Int {
        left.withUnsafeBytes { left in right.withUnsafeBytes { order(left, $0) } }
    }

    /// Below zero, zero, or above, as unsigned bytes compare.
    private static func order(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let shared = min(left.count, right.count)
        if let from = left.baseAddress, let to = right.baseAddress, shared > 0 {
            let order = memcmp(from, to, shared)
            if order != 0 { return Int(order) }
        }
        return left.count - right.count
    }

    private static func range(_ offsets: Bytes, _ row: Int) -> Range<Int> {
        offsets.withUnsafeBytes { raw in
            let values = raw.assumingMemoryBound(to: Int32.self)
            return Int(values[row])..<Int(values[row + 1])
        }
    }
}
