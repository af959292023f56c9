/// Puts a deletion vector together from rows in ascending order.
struct DeletedRowsBuilder {
    private var containers: [DeletedRows.Container] = []
    private var count: Int64 = 0
    private var base: Int64 = 0
    private var words = [UInt64](repeating: 0, count: 1024)
    private var held = 0

    /// A container of more positions is a bitmap: it is smaller then.
    static let mostPositions = 4096

    /// `row` must not be below the last one. A row that is there already counts once.
    mutating func append(_ row: Int64) {
        if row &- base >= DeletedRows.rowsPerContainer {
            close()
            base = row & ~(DeletedRows.rowsPerContainer - 1)
        }
        let position = Int(row &- base)
        let bit = UInt64(1) << UInt64(position & 63)
        if words[position >> 6] & bit == 0 {
            words[position >> 6] |= bit
            held += 1
        }
    }

    private mutating func close() {
        guard held > 0 else { return }
        containers.append(DeletedRows.Container(base: base, words: words, count: held))
        count += Int64(held)
        held = 0
        for place in words.indices { words[place] = 0 }
    }

    consuming func finish() -> DeletedRows {
        close()
        return DeletedRows(containers: containers, count: count)
    }
}

extension DeletedRows {
    static let none = DeletedRows(containers: [], count: 0)

    /// The rows that are deleted here or there.
    func union(_ other: DeletedRows) -> DeletedRows {
        var theirs = other.containers[...]
        var merged: [Container] = []
        var total: Int64 = 0
        func take(_ container: Container) {
            merged.append(container)
            total += Int64(container.count)
        }
        for container in containers {
            while let next = theirs.first, next.base < container.base {
                take(next)
                theirs.removeFirst()
            }
            if let match = theirs.first, match.base == container.base {
                theirs.removeFirst()
                let words = zip(container.words, match.words).map { $0 | $1 }
                take(Container(base: container.base, words: words, count: words.reduce(0) { $0 + $1.nonzeroBitCount }))
            } else {
                take(container)
            }
        }
        for container in theirs { take(container) }
        return DeletedRows(containers: merged, count: total)
    }
}

extension DeletedRows.Container {
    /// In the smaller of the two forms.
    init(base: Int64, words: [UInt64], count: Int) {
        self.base = base
        guard count <= DeletedRowsBuilder.mostPositions else {
            content = .bitmap(words)
            return
        }
        var positions: [UInt16] = []
        positions.reserveCapacity(count)
        for (index, word) in words.enumerated() {
            var word = word
            while word != 0 {
                positions.append(UInt16(index * 64 + word.trailingZeroBitCount))
                word &= word &- 1
            }
        }
        content = .positions(positions)
    }

    var count: Int {
        switch content {
        case let .positions(positions): positions.count
        case let .bitmap(words): words.reduce(0) { $0 + $1.nonzeroBitCount }
        case let .runs(runs): runs.reduce(0) { $0 + Int($1.last) - Int($1.first) + 1 }
        }
    }

    /// The container as runs of rows.
    var runs: [DeletedRows.Run] {
        if case let .runs(runs) = content { return runs }
        var runs: [DeletedRows.Run] = []
        forEachRun { run in
            // A bitmap and a list come row by row.
            let first = UInt16(truncatingIfNeeded: run.lowerBound - base)
            let last = UInt16(truncatingIfNeeded: run.upperBound - 1 - base)
            if let previous = runs.last, Int(previous.last) + 1 == Int(first) {
                runs[runs.count - 1] = DeletedRows.Run(first: previous.first, last: last)
            } else {
                runs.append(DeletedRows.Run(first: first, last: last))
            }
        }
        return runs
    }
}
