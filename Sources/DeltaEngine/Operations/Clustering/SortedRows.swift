import Base
import Columnar

/// The rows of runs in the order of the curve, in batches that fit into memory. Used by one task.
final class SortedRows {
    /// Rows that are put in order together.
    struct Batch: Sendable {
        let runs: RowRuns
        let pieces: [RowRuns.Piece]
        /// Only rows of these keys; nil for all.
        var keys: Range<UInt64>?
        /// Whether all have one key: then they are in order as they are.
        var isUniform = false
        /// In memory, roughly.
        let sizeInBytes: Int
    }

    private let runs: RowRuns
    private let written: [RowRuns.Run]
    private let sizes: [Int]
    private let targetBytes: Int
    private let parallelism: Int
    private var nextRange = 0
    /// Of the ranges from ``nextRange`` on, the nearest first at the end.
    private var pieces: [[RowRuns.Piece]] = []
    /// Of ranges before that, in reverse.
    private var batches: [Batch] = []
    /// The rows of a range before that which was too large.
    private var distributed: SortedRows?

    /// Keys of a range that are looked at to cut it up.
    private static let sampledKeys = 1 << 16
    /// Pieces that are read at once where most of their rows are not wanted.
    private static let piecesAtOnce = 16
    /// A range that is so many times too large is put aside once more rather than read as often.
    private static let mostReadings = 4
    /// Pieces that are looked up at once.
    private static let knownPieces = 1 << 14

    /// - Parameter targetBytes: of a batch. One may become larger by some times, where the sample was wrong about the rows.
    init(_ runs: RowRuns, _ written: [RowRuns.Run], targetBytes: Int, parallelism: Int) {
        self.runs = runs
        self.written = written
        self.targetBytes = targetBytes
        self.parallelism = parallelism
        sizes = runs.sizesOfRanges
    }

    /// nil at the end.
    func next() async throws -> Batch? {
        if let batch = try await distributed?.next() { return batch }
        distributed = nil
        while batches.isEmpty, nextRange < sizes.count {
            try Task.checkCancellation()
            if pieces.isEmpty {
                let end = min(sizes.count, nextRange + max(1, Self.knownPieces / max(1, written.count)))
                pieces = try await runs.pieces(written, ranges: nextRange..<end).reversed()
            }
            batches = try await cut(nextRange, pieces.removeLast()).reversed()
            nextRange += 1
            if let batch = try await distributed?.next() { return batch }
        }
        return batches.popLast()
    }

    private func cut(_ range: Int, _ pieces: [RowRuns.Piece]) async throws -> [Batch] {
        if pieces.isEmpty { return [] }
        if sizes[range] <= targetBytes * 2 { return [Batch(runs: runs, pieces: pieces, sizeInBytes: sizes[range])] }
        if runs.ranges.range(range).isOneKey { return uniform(pieces) }
        return try await cut(pieces, sizes[range])
    }

    /// Rows of one key in batches.
    ///
    /// - Parameter share: of the pieces' rows that have the key.
    private func uniform(_ pieces: [RowRuns.Piece], keys: Range<UInt64>? = nil, share: Double = 1) -> [Batch] {
        var batches: [Batch] = []
        var current: [RowRuns.Piece] = []
        var size = 0.0
        for piece in pieces {
            current.append(piece)
            size += Double(piece.range.count) * share
            guard size >= Double(targetBytes) else { continue }
            batches.append(Batch(runs: runs, pieces: current, keys: keys, isUniform: true, sizeInBytes: Int(size)))
            (current, size) = ([], 0)
        }
        if !current.isEmpty { batches.append(Batch(runs: runs, pieces: current, keys: keys, isUniform: true, sizeInBytes: Int(size))) }
        return batches
    }

    /// A range that is too large is read once for each of the parts that its own keys cut it into, or distributed by them as all rows were.
    private func cut(_ pieces: [RowRuns.Piece], _ size: Int) async throws -> [Batch] {
        let rows = pieces.reduce(0) { $0 + $1.rows }
        let stride = max(1, rows / Self.sampledKeys)
        var sample: [UInt64] = []
        var next = 0
        for piece in pieces {
            guard let keys = try await runs.readKeys([piece]).first else { continue }
            while next < keys.count {
                sample.append(keys[next])
                next += stride
            }
            next -= keys.count
        }
        let ranges = KeyRanges(sample: sample, count: (size + targetBytes - 1) / targetBytes)
        if size > Self.mostReadings * targetBytes {
            distributed = try await distribute(pieces, by: ranges)
            return []
        }
        var counts = [Int](repeating: 0, count: ranges.count)
        for range in ranges.ranges(of: sample) { counts[Int(range)] += 1 }
        return (0..<ranges.count).flatMap { index -> [Batch] in
            let keys = ranges.range(index)
            let share = Double(counts[index]) / Double(max(1, sample.count))
            if keys.isOneKey { return uniform(pieces, keys: keys, share: share) }
            return [Batch(runs: runs, pieces: pieces, keys: keys, sizeInBytes: Int(Double(size) * share))]
        }
    }

    private func distribute(_ pieces: [RowRuns.Piece], by ranges: KeyRanges) async throws -> SortedRows {
        let (finer, targetBytes) = (try runs.finer(ranges), targetBytes)
        var written: [RowRuns.Run] = []
        var rest = pieces[...]
        let pipeline = OrderedPipeline(concurrency: parallelism, maximumWeight: Int64(parallelism) * Int64(targetBytes) * 3)
        try await pipeline.run(
            next: {
                var some: [RowRuns.Piece] = []
                var size = 0
                while let piece = rest.first, some.isEmpty || size + piece.range.count <= targetBytes {
                    some.append(piece)
                    size += piece.range.count
                    rest.removeFirst()
                }
                return some.isEmpty ? nil : (some, Int64(size) * 3)
            },
            body: { [runs] (some: [RowRuns.Piece]) in try await finer.makeRun(try await runs.read(some)) },
            consume: { (run: RowRuns.Run) in written.append(run) })
        return SortedRows(finer, written, targetBytes: targetBytes, parallelism: parallelism)
    }

    /// The columns of a batch's rows in their order. There may be none.
    static func read(_ batch: Batch) async throws -> [Column] {
        let runs = batch.runs
        var parts = batch.keys == nil ? try await runs.read(batch.pieces) : []
        if let keys = batch.keys {
            var rest = batch.pieces[...]
            while !rest.isEmpty {
                try Task.checkCancellation()
                let some = Array(rest.prefix(piecesAtOnce))
                rest = rest.dropFirst(some.count)
                for piece in try await runs.read(some) {
                    let own = piece[0].keys
                    let rows = own.indices.filter { keys.contains(own[$0]) }.map { Int32($0) }
                    if rows.isEmpty { continue }
                    parts.append(try piece.map { column throws(ColumnarError) in try column.gathering(rows) })
                }
            }
        }
        if parts.count > RowsOfParts.mostParts { parts = try joined(parts) }
        let order =
            batch.isUniform
            ? nil : RowsOfParts(RowOrder.sorted(parts.flatMap { $0[0].keys }), counts: parts.map { $0[0].count })
        var columns: [Column] = []
        for (place, type) in runs.columnTypes.enumerated() {
            try Task.checkCancellation()
            let column = parts.map { $0[place + 1] }
            for index in parts.indices { parts[index][place + 1] = .nulls(.null, count: 0) }
            if let order {
                columns.append(try Column.gathering(order, from: column, type: type))
            } else {
                columns.append(try Column.concatenate(column, type: type))
            }
        }
        return columns
    }
}

extension SortedRows {
    /// The same rows in fewer parts.
    private static func joined(_ parts: [[Column]]) throws(ColumnarError) -> [[Column]] {
        var joined: [[Column]] = []
        var rest = parts[...]
        while !rest.isEmpty {
            let some = rest.prefix(max(2, parts.count / (RowsOfParts.mostParts / 2) + 1))
            rest = rest.dropFirst(some.count)
            var columns: [Column] = []
            for (place, column) in parts[0].enumerated() { columns.append(try Column.concatenate(some.map { $0[place] }, type: column.type)) }
            joined.append(columns)
        }
        return joined
    }
}

extension Range<UInt64> {
    fileprivate var isOneKey: Bool { upperBound - lowerBound == 1 }
}
