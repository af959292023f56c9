import Base

/// The rows of one data file that a deletion vector takes away: positions from 0, kept as the roaring containers they came in.
///
/// A container holds the positions of one run of 65,536 rows, so that memory follows the vector's own size, not the file's rows.
struct DeletedRows: Sendable {
    /// Positions within the 65,536 rows from `base` on.
    struct Container: Sendable {
        let base: Int64
        let content: Content
    }

    enum Content: Sendable {
        /// Ascending.
        case positions([UInt16])
        /// 1024 words, the lowest bit first.
        case bitmap([UInt64])
        /// Ascending, apart from each other; `last` is included.
        case runs([Run])
    }

    struct Run: Sendable {
        let first: UInt16
        let last: UInt16
    }

    static let rowsPerContainer: Int64 = 1 << 16

    /// Ascending by ``Container/base``.
    let containers: [Container]
    let count: Int64

    init(containers: [Container], count: Int64) {
        self.containers = containers
        self.count = count
    }

    /// How many of the rows in the range are deleted.
    func count(in range: Range<Int64>) -> Int64 {
        var count: Int64 = 0
        forEachRun(in: range) { count += Int64($0.count) }
        return count
    }

    /// The rows of the range that stay, counted from its start; nil where all do. The range must be of less than 2^31 rows.
    func kept(in range: Range<Int64>) -> [Int32]? {
        var isDeleted: [Bool] = []
        var deleted = 0
        forEachRun(in: range) { run in
            if isDeleted.isEmpty { isDeleted = Array(repeating: false, count: range.count) }
            deleted += run.count
            for row in run { isDeleted[Int(row - range.lowerBound)] = true }
        }
        guard deleted > 0 else { return nil }
        var kept: [Int32] = []
        kept.reserveCapacity(range.count - deleted)
        for (row, isDeleted) in isDeleted.enumerated() where !isDeleted { kept.append(Int32(truncatingIfNeeded: row)) }
        return kept
    }

    /// The rows of the range that are deleted, counted from its start. The range must be of less than 2^31 rows.
    func rows(in range: Range<Int64>) -> [Int32] {
        var rows: [Int32] = []
        forEachRun(in: range) { run in
            for row in run { rows.append(Int32(truncatingIfNeeded: row - range.lowerBound)) }
        }
        return rows
    }

    /// The rows that are deleted here and not there.
    func subtracting(_ other: DeletedRows) -> DeletedRows {
        var theirs = other.containers[...]
        var left: [Container] = []
        var total: Int64 = 0
        for container in containers {
            theirs = theirs.drop { $0.base < container.base }
            guard let match = theirs.first, match.base == container.base else {
                left.append(container)
                container.forEachRun { total += Int64($0.count) }
                continue
            }
            let words = zip(container.words, match.words).map { $0 & ~$1 }
            let count = words.reduce(0) { $0 + $1.nonzeroBitCount }
            if count > 0 { left.append(Container(base: container.base, content: .bitmap(words))) }
            total += Int64(count)
        }
        return DeletedRows(containers: left, count: total)
    }

    /// Calls `body` with runs of deleted rows inside of the range, in ascending order.
    private func forEachRun(in range: Range<Int64>, _ body: (Range<Int64>) -> Void) {
        guard !range.isEmpty else { return }
        var low = 0
        var high = containers.count
        while low < high {
            let middle = (low + high) / 2
            if containers[middle].base + Self.rowsPerContainer <= range.lowerBound { low = middle + 1 } else { high = middle }
        }
        for container in containers[low...] {
            guard container.base < range.upperBound else { return }
            container.forEachRun { run in
                let clamped = run.clamped(to: range)
                if !clamped.isEmpty { body(clamped) }
            }
        }
    }
}

extension DeletedRows.Container {
    /// As a bitmap, whatever the content.
    var words: [UInt64] {
        if case let .bitmap(words) = content { return words }
        var words = [UInt64](repeating: 0, count: 1024)
        forEachRun { run in
            for row in run { words[Int(row - base) / 64] |= 1 << UInt64((row - base) % 64) }
        }
        return words
    }

    func forEachRun(_ body: (Range<Int64>) -> Void) {
        switch content {
        case let .positions(positions):
            for position in positions { body((base + Int64(position))..<(base + Int64(position) + 1)) }
        case let .runs(runs):
            for run in runs { body((base + Int64(run.first))..<(base + Int64(run.last) + 1)) }
        case let .bitmap(words):
            for (index, word) in words.enumerated() {
                var word = word
                while word != 0 {
                    let row = base + Int64(index * 64 + word.trailingZeroBitCount)
                    body(row..<(row + 1))
                    word &= word &- 1
                }
            }
        }
    }
}
