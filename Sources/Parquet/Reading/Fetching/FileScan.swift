import Base
import Columnar
import ObjectStore

/// Rows of a row group that lie next to each other, decoded.
public struct RowRun: Sendable {
    public let rowGroup: Int
    /// Counted from the row group's first.
    public let rows: Range<Int64>
    public let batch: ColumnBatch
}

/// Reads a file's rows, row group after row group, in batches; while one row group is decoded, the bytes of the next are on their way.
///
/// Pulled by one task at a time. Memory is the compressed bytes of at most two row groups (of one, where two would pass the budget), and a batch.
public final class FileScan {
    /// The columns asked for, in that order.
    public let schema: Schema

    private let source: Source
    private let readAheadBytes: Int64
    /// The place in the list of row groups.
    private var nextGroup = 0
    private var ahead: Task<Opened?, any Error>?
    private var current: Opened?
    /// What each reader gave beyond the last batch: columns may come in runs of different lengths.
    private var pending: [Column?] = []

    /// - Parameters:
    ///   - columns: positions in the file's schema.
    ///   - rowGroups: those to read; nil for all.
    ///   - condition: leaves out row groups and pages of which it cannot hold; the rows that come must still be filtered.
    ///   - readAheadBytes: the next row group is fetched ahead only if it and the current one are no larger.
    ///   - keepingDictionary: as for ``ParquetFile/columnReader(rowGroup:column:selection:keepingDictionary:)``.
    public init(
        _ file: ParquetFile, columns: [Int], rowGroups: [Int]? = nil, where condition: RowCondition? = nil, readAheadBytes: Int64 = 64 << 20,
        keepingDictionary: Bool = false
    ) throws(ParquetError) {
        for column in columns where !file.schema.fields.indices.contains(column) {
            throw .noSuchColumn(file: file.path.string, column: "number \(column)")
        }
        let all = file.metadata.rowGroups.indices
        for group in rowGroups ?? [] where !all.contains(group) { throw .noSuchColumn(file: file.path.string, column: "of row group \(group)") }
        source = Source(file: file, columns: columns, rowGroups: rowGroups ?? Array(all), condition: condition, keepsDictionary: keepingDictionary)
        self.readAheadBytes = readAheadBytes
        schema = Schema(columns.map { file.schema.fields[$0] })
    }

    deinit { ahead?.cancel() }

    /// The next rows, at least one and at most `maxRows`; nil after the last.
    public func next(maxRows: Int) async throws -> RowRun? {
        guard maxRows > 0 else { return nil }
        while current.map({ $0.rows.isEmpty }) ?? true {
            try Task.checkCancellation()
            guard let opened = try await open() else { return nil }
            current = opened
            pending = Array(repeating: nil, count: schema.fields.count)
            lookAhead(beyond: opened.place)
        }
        guard let opened = current, let range = opened.rows.first else { return nil }
        var rows = min(Int64(range.count), Int64(maxRows))
        for (place, reader) in opened.readers.enumerated() {
            if pending[place] == nil { pending[place] = try reader.next(maxRows: Int(rows)) }
            guard let column = pending[place], column.count > 0 else {
                throw ParquetError.damaged(
                    file: source.file.path.string, place: "row group \(opened.rowGroup), column \(reader.field.name)", offset: nil,
                    reason: "it ends before row \(range.upperBound)")
            }
            rows = min(rows, Int64(column.count))
        }
        var taken: [Column] = []
        for (place, column) in pending.enumerated() {
            guard let column else { continue }
            taken.append(column.slice(0..<Int(rows)))
            pending[place] = column.count > Int(rows) ? column.slice(Int(rows)..<column.count) : nil
        }
        let end = range.lowerBound + rows
        if end == range.upperBound { current?.rows.removeFirst() } else { current?.rows[opened.rows.startIndex] = end..<range.upperBound }
        return RowRun(
            rowGroup: opened.rowGroup, rows: range.lowerBound..<end, batch: ColumnBatch(trusted: schema, columns: taken, rowCount: Int(rows)))
    }

    /// The next row group with rows to read.
    private func open() async throws -> Opened? {
        if let task = ahead {
            ahead = nil
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        }
        return try await source.open(from: nextGroup)
    }

    private func lookAhead(beyond place: Int) {
        nextGroup = place + 1
        let groups = source.rowGroups
        guard nextGroup < groups.count, source.size(groups[place]) + source.size(groups[nextGroup]) <= readAheadBytes else { return }
        let (source, first) = (source, nextGroup)
        ahead = Task { try await source.open(from: first) }
    }
}

/// What is read, and of it a row group at a time.
private struct Source: Sendable {
    let file: ParquetFile
    let columns: [Int]
    let rowGroups: [Int]
    let condition: RowCondition?
    let keepsDictionary: Bool

    func size(_ rowGroup: Int) -> Int64 { columns.reduce(0) { $0 + file.compressedSize(rowGroup: rowGroup, column: $1) } }

    /// The first row group from place `first` on that has rows to read.
    func open(from first: Int) async throws -> Opened? {
        for place in first..<max(first, rowGroups.count) {
            let rowGroup = rowGroups[place]
            var selection = RowSelection(0..<file.metadata.rowGroups[rowGroup].rowCount)
            if let condition { selection = try await file.selectRows(rowGroup: rowGroup, where: condition) }
            if selection.isEmpty { continue }
            let readers =
                columns.isEmpty
                ? [] : try await file.columnReaders(rowGroup: rowGroup, columns: columns, selection: selection, keepingDictionary: keepsDictionary)
            return Opened(readers: readers, place: place, rowGroup: rowGroup, rows: selection.ranges[...])
        }
        return nil
    }
}

private struct Opened: Sendable {
    let readers: [ColumnChunkReader]
    let place: Int
    let rowGroup: Int
    /// The rows to come.
    var rows: ArraySlice<Range<Int64>>
}
