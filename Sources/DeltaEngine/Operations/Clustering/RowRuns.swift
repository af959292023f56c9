import Base
import Columnar

/// Rows that have been read, by the range of the curve that they lie in: on their way to ``SortedRows``.
///
/// A run is as many rows as fit into a part of memory, put in the order of the ranges; each range of it can be read on its own.
final class RowRuns: Sendable {
    struct Run: Sendable {
        let extent: SpillFile.Extent
        /// For each range, where its rows begin in the extent; at the end the extent's length.
        let starts: [Int]
        let rows: [Int32]
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

    /// - Parameter fields: the columns of the rows.
    init(fields: [Field], positions: RowPositions, ranges: KeyRanges, file: SpillFile) {
        types = [.long] + fields.map(\.type)
        self.positions = positions
        self.ranges = ranges
        self.file = file
    }

    // MARK: Writing

    /// Makes a run of some batches, all with the columns in their order.
    func makeRun(_ batches: [[Column]]) async throws -> Run {
        var batches = batches
        let counts = batches.map { $0[0].count }
        let keys = zip(batches, counts).flatMap { positions.keys(of: $0, rowCount: $1) }
        let (rows, starts) = RowOrder.grouped(ranges.ranges(of: keys), count: ranges.count)
        let order = RowsOfParts(rows, counts: counts)
        var ordered = [try Column(keys: keys).gathering(rows)]
        for (place, type) in types.dropFirst().enumerated() {
            try Task.checkCancellation()
            ordered.append(try Column.gathering(order, from: batches.map { $0[place] }, type: type))
            for index in batches.indices { batches[index][place] = .nulls(.null, count: 0) }
        }
        var target = BytesBuilder(capacity: ordered.reduce(0) { $0 + $1.sizeInBytes } * 9 / 8 + ranges.count * types.count * 32)
        var offsets: [Int] = []
        var rowsOfRanges: [Int32] = []
        for range in 0..<ranges.count {
            offsets.append(target.count)
            rowsOfRanges.append(Int32(starts[range + 1] - starts[range]))
            if starts[range + 1] > starts[range] { try SpilledRows.append(ordered, rows: starts[range]..<starts[range + 1], to: &target) }
        }
        offsets.append(target.count)
        ordered = []
        return Run(extent: try await file.append(target.take()), starts: offsets, rows: rowsOfRanges)
    }

    // MARK: Reading

    /// The pieces of a range, in the order of the runs.
    static func pieces(_ runs: [Run], range: Int) -> [Piece] {
        runs.compactMap { run in
            run.rows[range] == 0 ? nil : Piece(extent: run.extent, range: run.starts[range]..<run.starts[range + 1], rows: Int(run.rows[range]))
        }
    }

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
