/// The rows of some segments that count: what is left after reconciliation.
struct FileRows: Sendable {
    /// Which rows of a segment are alive.
    enum Live: Sendable {
        case all
        /// In ascending order.
        case some([UInt32])
    }

    struct Part: Sendable {
        let segment: FileSegment
        let live: Live

        var count: Int {
            switch live {
            case .all: segment.count
            case let .some(rows): rows.count
            }
        }

        func row(_ position: Int) -> Int {
            switch live {
            case .all: position
            case let .some(rows): Int(rows[position])
            }
        }

        /// The part without the rows for which `isDead` holds; itself where there are none.
        func without(_ isDead: (Int) -> Bool) -> Part { without(positions: (0..<count).filter { isDead(row($0)) }) }

        /// The part without the rows at `positions`, which ascend.
        func without(positions: [Int]) -> Part {
            guard !positions.isEmpty else { return self }
            var rows: [UInt32] = []
            rows.reserveCapacity(count - positions.count)
            var dead = positions[...]
            for position in 0..<count {
                if dead.first == position { dead = dead.dropFirst() } else { rows.append(UInt32(row(position))) }
            }
            return Part(segment: segment, live: .some(rows))
        }
    }

    let parts: [Part]
    /// The position of each part's first row, and at the end the number of rows.
    private let starts: [Int]

    init(parts: [Part]) {
        self.parts = parts.filter { $0.count > 0 }
        var starts = [0]
        for part in self.parts { starts.append(starts[starts.count - 1] + part.count) }
        self.starts = starts
    }

    static let empty = FileRows(parts: [])

    var count: Int { starts[parts.count] }

    /// Segments smaller than this are put together when there are many.
    private static let smallSegment = 2048
    private static let manyParts = 64

    /// The same rows in fewer parts, where refreshes have left many small ones or mostly dead ones: so that a snapshot that is refreshed for months
    /// holds what the table has, not what it once had. Large segments that are mostly alive are shared as they are.
    func tidied() -> FileRows {
        let wasteful = parts.contains { $0.segment.count >= Self.smallSegment && $0.count * 2 < $0.segment.count }
        guard parts.count > Self.manyParts || wasteful else { return self }
        let merged = FileSegmentBuilder()
        var kept: [Part] = []
        for part in parts {
            if part.segment.count >= Self.smallSegment, part.count * 2 >= part.segment.count {
                kept.append(part)
                continue
            }
            for position in 0..<part.count { merged.append(copying: part.segment, part.row(position)) }
        }
        return FileRows(parts: [Part(segment: merged.finish(), live: .all)] + kept)
    }

    /// Which part a position lies in, and the row there. `position` must be in `0..<count`.
    func locate(_ position: Int) -> (part: Int, row: Int) {
        var low = 0
        var high = parts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= position { low = middle } else { high = middle }
        }
        return (low, parts[low].row(position - starts[low]))
    }
}
