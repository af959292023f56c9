import Base
import Columnar
import Parquet

/// Rows picked here and there from the files to be sorted: what their values are like, and what they take in memory. The same rows each time.
struct ClusterSample: Sendable {
    /// The values of each column to cluster by, row by row.
    let columns: [Column]
    /// In memory, of all columns.
    let bytesPerRow: Double
    let rowsPerFile: Double
    /// What new files are to be compressed with.
    let compression: Compression

    private static let rows = 200_000
    private static let mostFiles = 512
    /// Rows that are picked next to each other: decoding begins with a page whatever is wanted of it.
    private static let runRows: Int64 = 32
    /// What longer texts begin with has to do: they are told apart by it, or lie together.
    private static let textBytes = 64
    /// Files of which some rows are decoded whole.
    private static let measuredFiles = 8
    private static let measuredRows = 4096

    private struct Part: Sendable {
        let columns: [Column]
        let liveRows: Int64
        let codecs: CodecSizes
        let measuredRows: Int
        let measuredBytes: Int
    }

    /// - Parameter open: opens one of the files with all of its columns.
    static func take(
        of views: [FileView], _ columns: [ClusterColumn], _ codec: OptimizeOptions.Codec, parallelism: Int,
        open: @escaping @Sendable (FileView) async throws -> DataFile
    ) async throws -> ClusterSample {
        let random = SeededRandomSource(seed: 0x1EEE)
        let chosen = evenly(views.count, mostFiles, random).map { views[$0] }
        let known = chosen.compactMap(\.numRecords)
        let knownRows = known.reduce(Int64(0)) { $0.saturatingAdding($1) }
        // Files of which nobody says how many rows they have give as many each.
        let fraction = known.isEmpty ? nil : Double(rows) * Double(known.count) / (max(1, Double(knownRows)) * Double(chosen.count))
        let each = Double(rows) / Double(max(1, chosen.count))
        let measured = Set(evenly(chosen.count, measuredFiles, random))
        let work = chosen.enumerated().map { (view: $1, isMeasured: measured.contains($0), seed: random.next()) }
        let parts = try await concurrentMap(work, limit: parallelism + 1) { view, isMeasured, seed in
            let file = try await open(view)
            let picked = try await pick(
                file, columns, fraction: fraction ?? each / Double(max(1, file.rowCount)), SeededRandomSource(seed: seed))
            let (rows, bytes) = isMeasured ? try await measure(file) : (0, 0)
            return Part(
                columns: picked, liveRows: file.liveRows, codecs: [file].reduce(into: CodecSizes()) { $0.add($1) }, measuredRows: rows, measuredBytes: bytes)
        }
        var joined: [Column] = []
        for (place, column) in columns.enumerated() { joined.append(try Column.concatenate(parts.map { $0.columns[place] }, type: column.type)) }
        let (measuredRows, measuredBytes) = parts.reduce((0, 0)) { ($0.0 + $1.measuredRows, $0.1 + $1.measuredBytes) }
        let liveRows = parts.reduce(Int64(0)) { $0.saturatingAdding($1.liveRows) }
        return ClusterSample(
            columns: joined, bytesPerRow: measuredRows == 0 ? 64 : max(1, Double(measuredBytes) / Double(measuredRows)),
            rowsPerFile: Double(liveRows) / Double(max(1, parts.count)), compression: parts.reduce(into: CodecSizes()) { $0.add($1.codecs) }.compression(codec))
    }

    /// Some of `count` numbers, ascending, one from each of as many equal stretches.
    private static func evenly(_ count: Int, _ wanted: Int, _ random: any RandomSource) -> [Int] {
        if count <= wanted { return Array(0..<count) }
        return (0..<wanted).map { index in
            let (start, end) = (index * count / wanted, (index + 1) * count / wanted)
            return start + random.integer(below: end - start)
        }
    }

    /// The values of the columns to cluster by in some rows of each row group.
    private static func pick(_ file: DataFile, _ columns: [ClusterColumn], fraction: Double, _ random: any RandomSource) async throws -> [Column] {
        let tops = Array(Set(columns.map { $0.places[0] })).sorted()
        var picked: [[Column]] = columns.map { _ in [] }
        for group in file.rowGroups.indices where file.liveRows(rowGroup: group) > 0 {
            try Task.checkCancellation()
            let selection = select(file.rowGroups[group].rowCount, fraction: fraction, random)
            let stored = tops.filter { file.positions[$0] != nil }
            let readers = try await file.file.columnReaders(
                rowGroup: group, columns: stored.compactMap { file.positions[$0] }, selection: selection)
            var values: [Int: Column] = [:]
            for (top, reader) in zip(stored, readers) { values[top] = try file.adapt(try reader.readAll(), top) }
            for (place, column) in columns.enumerated() {
                let top = column.places[0]
                let leaf = column.leaf(of: values[top] ?? .nulls(file.fields[top].type, count: Int(selection.count)))
                picked[place].append(try leaf.cut(to: textBytes))
            }
        }
        var joined: [Column] = []
        for (place, column) in columns.enumerated() { joined.append(try Column.concatenate(picked[place], type: column.type)) }
        return joined
    }

    private static func select(_ rows: Int64, fraction: Double, _ random: any RandomSource) -> RowSelection {
        let wanted = Int64((Double(rows) * min(1, fraction)).rounded(.up))
        guard wanted * 2 < rows else { return RowSelection(0..<rows) }
        let runs = max(1, (wanted + runRows - 1) / runRows)
        func select(_ range: Range<Int64>) -> RowSelection {
            if range.count > 1 {
                let middle = range.lowerBound + Int64(range.count) / 2
                return select(range.lowerBound..<middle).union(select(middle..<range.upperBound))
            }
            let (start, end) = (range.lowerBound * rows / runs, range.upperBound * rows / runs)
            let length = min(runRows, wanted, end - start)
            let first = start + Int64(random.integer(below: Int(end - start - length) + 1))
            return RowSelection(first..<(first + length))
        }
        return select(0..<runs)
    }

    private static func measure(_ file: DataFile) async throws -> (rows: Int, bytes: Int) {
        guard let run = try await file.scan().next(maxRows: measuredRows) else { return (0, 0) }
        let columns = try file.wanted(of: run)
        return (columns.rowCount, columns.columns.reduce(0) { $0 + $1.sizeInBytes })
    }
}

extension Column {
    /// The beginnings of texts that are long; the column as it is where they are not, or are none.
    fileprivate func cut(to length: Int) throws(ColumnarError) -> Column {
        guard case let .variable(offsets, data) = values, sizeInBytes > (length + 4) * count else { return self }
        let builder = ColumnBuilder(type: type, capacity: count)
        for row in 0..<count {
            if isNull(at: row) {
                builder.appendNull()
            } else {
                let range = ColumnValues.span(offsets.dropFirst(row * 4), 1)
                let text = data.slice(range.lowerBound..<min(range.upperBound, range.lowerBound + length)) ?? .empty
                try text.withUnsafeBytes { (bytes) throws(ColumnarError) in try builder.append(bytes: bytes) }
            }
        }
        return builder.finish()
    }
}
