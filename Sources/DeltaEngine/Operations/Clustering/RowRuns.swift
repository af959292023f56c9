import Base
import Columnar

/// Rows that have been read, by the range of the curve that they lie in: on their way to ``SortedRows``.
///
/// A run is as many rows as fit into a part of memory, put in the order of the ranges; each range of it can be read on its own. Where in it each range lies
/// is written behind it: runs times ranges would outgrow memory.
final class RowRuns: Sendable {
    struct Run: Sendable {
        let extent: SpillFile.Extent
        /// Where in the extent its index begins.
        let indexStart: Int
    }

    /// The rows of a range in one run.
    struct Piece: Sendable {
        let extent: SpillFile.Extent
        let range: Range<Int>
        let rows: Int
    }

    let ranges: KeyRanges
    private let types: [DataType]
    private let positions: RowPositions
    private let file: SpillFile
    private let counts: Lock<(bytes: [Int], rows: [Int])>

    /// What each range takes in all runs so far.
    var sizesOfRanges: [Int] { counts.withLock { $0.bytes } }
    /// The rows of each range in all runs so far.
    var rowsOfRanges: [Int] { counts.withLock { $0.rows } }

    /// - Parameter fields: the columns of the rows.
    convenience init(fields: [Field], positions: RowPositions, ranges: KeyRanges, file: SpillFile) {
        self.init(types: [.long] + fields.map(\.type), positions: positions, ranges: ranges, file: file)
    }

    private init(types: [DataType], positions: RowPositions, ranges: KeyRanges, file: SpillFile) {
        self.types = types
        self.positions = positions
        self.ranges = ranges
        self.file = file
        let none = [Int](repeating: 0, count: ranges.count)
        counts = Lock((none, none))
    }

    /// Of the same rows in other ranges, where these are.
    func finer(_ ranges: KeyRanges) throws(DeltaError) -> RowRuns { RowRuns(types: types, positions: positions, ranges: ranges, file: try file.another()) }

    // MARK: Writing

    /// Makes a run of some batches, all with the columns in their order.
    func makeRun(of batches: [[Column]]) async throws -> Run {
        try await makeRun(batches.map { [Column(keys: positions.keys(of: $0, rowCount: $0[0].count))] + $0 })
    }

    /// Makes a run of rows that have been read of others, the keys first in each.
    func makeRun(_ parts: [[Column]]) async throws -> Run {
        var parts = parts
        let counts = parts.map { $0[0].count }
        let keys = parts.flatMap { $0[0].keys }
        let (rows, starts) = RowOrder.grouped(ranges.ranges(of: keys), count: ranges.count)
        let order = RowsOfParts(rows, counts: counts)
        var ordered = [try Column(keys: keys).gathering(rows)]
        for (place, type) in types.dropFirst().enumerated() {
            try Task.checkCancellation()
            ordered.append(try Column.gathering(order, from: parts.map { $0[place + 1] }, type: type))
            for index in parts.indices { parts[index][place + 1] = .nulls(.null, count: 0) }
        }
        let indexBytes = (ranges.count + 1) * Self.entryBytes
        var target = BytesBuilder(
            capacity: ordered.reduce(0) { $0 + $1.sizeInBytes } * 9 / 8 + min(rows.count, ranges.count) * types.count * 32 + indexBytes)
        var index = BytesBuilder(capacity: indexBytes)
        for range in 0..<ranges.count {
            index.append(UInt64(target.count))
            index.append(UInt64(starts[range]))
            if starts[range + 1] > starts[range] { try SpilledRows.append(ordered, rows: starts[range]..<starts[range + 1], to: &target) }
        }
        let indexStart = target.count
        index.append(UInt64(indexStart))
        index.append(UInt64(rows.count))
        ordered = []
        let entries = index.take()
        count(entries)
        entries.withUnsafeBytes { target.append(contentsOf: $0) }
        return Run(extent: try await file.append(target.take()), indexStart: indexStart)
    }

    private func count(_ entries: Bytes) {
        entries.withUnsafeBytes { entries in
            counts.withLock { counts in
                for range in counts.rows.indices {
                    let (here, next) = (Self.entry(entries, range), Self.entry(entries, range + 1))
                    counts.bytes[range] += next.start - here.start
                    counts.rows[range] += next.row - here.row
                }
            }
        }
    }

    // MARK: The index

    /// Where a range's rows begin in the run's extent, and how many rows are before them; one more entry says where the last one ends.
    private static let entryBytes = 16

    private static func entry(_ entries: UnsafeRawBufferPointer, _ place: Int) -> (start: Int, row: Int) {
        let offset = place * entryBytes
        return (
            Int(entries.loadUnaligned(fromByteOffset: offset, as: UInt64.self)), Int(entries.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
        )
    }

    /// For each of some neighbouring ranges its pieces, in the order of the runs.
    func pieces(_ runs: [Run], ranges: Range<Int>) async throws -> [[Piece]] {
        let stretch = (ranges.lowerBound * Self.entryBytes)..<((ranges.upperBound + 1) * Self.entryBytes)
        let indexes = try await file.read(
            runs.map { run in (run.extent, (run.indexStart + stretch.lowerBound)..<(run.indexStart + stretch.upperBound)) })
        var pieces = [[Piece]](repeating: [], count: ranges.count)
        for (run, index) in zip(runs, indexes) {
            index.withUnsafeBytes { index in
                for place in 0..<ranges.count {
                    let (here, next) = (Self.entry(index, place), Self.entry(index, place + 1))
                    if next.row > here.row { pieces[place].append(Piece(extent: run.extent, range: here.start..<next.start, rows: next.row - here.row)) }
                }
            }
        }
        return pieces
    }

    // MARK: Reading

    /// For each piece its keys and columns, the keys first.
    func read(_ pieces: [Piece]) async throws -> [[Column]] {
        let bytes = try await file.read(pieces.map { ($0.extent, $0.range) })
        return zip(pieces, bytes).map { SpilledRows.columns(types, rows: $0.rows, $1) }
    }

    /// For each piece its keys alone.
    func readKeys(_ pieces: [Piece]) async throws -> [[UInt64]] {
        let bytes = try await file.read(
            pieces.map { piece in (piece.extent, piece.range.lowerBound..<(piece.range.lowerBound + SpilledRows.sizeOfLongs(piece.rows))) })
        return zip(pieces, bytes).map { SpilledRows.columns([.long], rows: $0.rows, $1)[0].keys }
    }

    var columnTypes: ArraySlice<DataType> { types.dropFirst() }
}

extension Column {
    /// Positions on a curve, as a column of longs with the same bits.
    fileprivate init(keys: [UInt64]) {
        self.init(trusted: .long, count: keys.count, nullCount: 0, validity: nil, values: .fixed(keys.withUnsafeBytes { Bytes(copying: $0) }))
    }

    var keys: [UInt64] {
        guard case let .fixed(bytes) = values else { return [] }
        return bytes.withUnsafeBytes { bytes in
            [UInt64](unsafeUninitializedCapacity: count) { keys, filled in
                UnsafeMutableRawBufferPointer(keys).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count * 8)))
                filled = count
            }
        }
    }
}
