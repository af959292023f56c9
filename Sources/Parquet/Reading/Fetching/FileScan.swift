import Base
import Columnar
import ObjectStore

/// Reads a file's rows, row group after row group, in batches; while one row group is decoded, the bytes of the next are on their way.
///
/// Pulled by one task at a time. Memory is the compressed bytes of at most two row groups (of one, where two would pass the budget), and a batch.
public final class FileScan {
    /// The columns asked for, in that order.
    public let schema: Schema

    private let source: Source
    private let readAheadBytes: Int64
    private var nextGroup = 0
    private var ahead: Task<Opened?, any Error>?
    private var current: Opened?
    /// What each reader gave beyond the last batch: columns may come in runs of different lengths.
    private var pending: [Column?] = []

    /// - Parameters:
    ///   - columns: positions in the file's schema, none twice.
    ///   - condition: leaves out row groups and pages of which it cannot hold; the rows that come must still be filtered.
    ///   - readAheadBytes: the next row group is fetched ahead only if it and the current one are no larger.
    ///   - keepingDictionary: as for ``ParquetFile/columnReader(rowGroup:column:selection:keepingDictionary:)``.
    public init(
        _ file: ParquetFile, columns: [Int], where condition: RowCondition? = nil, readAheadBytes: Int64 = 64 << 20, keepingDictionary: Bool = false
    ) throws(ParquetError) {
        for column in columns where !file.schema.fields.indices.contains(column) {
            throw .noSuchColumn(file: file.path.string, column: "number \(column)")
        }
        source = Source(file: file, columns: columns, condition: condition, keepsDictionary: keepingDictionary)
        self.readAheadBytes = readAheadBytes
        schema = Schema(columns.map { file.schema.fields[$0] })
    }

    deinit { ahead?.cancel() }

    /// The next rows, at least one and at most `maxRows`; nil after the last.
    public func next(maxRows: Int) async throws -> ColumnBatch? {
        guard maxRows > 0 else { return nil }
        while current.map({ $0.rowsLeft == 0 }) ?? true {
            try Task.checkCancellation()
            guard let opened = try await open() else { return nil }
            current = opened
            pending = Array(repeating: nil, count: schema.fields.count)
            lookAhead(beyond: opened.rowGroup)
        }
        guard let opened = current else { return nil }
        var rows = min(opened.rowsLeft, Int64(maxRows))
        for (place, reader) in opened.readers.enumerated() {
            if pending[place] == nil { pending[place] = try reader.next(maxRows: Int(rows)) }
            guard let column = pending[place], column.count > 0 else {
                throw ParquetError.damaged(
                    file: source.file.path.string, place: "row group \(opened.rowGroup), column \(reader.field.name)", offset: nil,
                    reason: "it ends \(opened.rowsLeft) rows early")
            }
            rows = min(rows, Int64(column.count))
        }
        var taken: [Column] = []
        for (place, column) in pending.enumerated() {
            guard let column else { continue }
            taken.append(column.slice(0..<Int(rows)))
            pending[place] = column.count > Int(rows) ? column.slice(Int(rows)..<column.count) : nil
        }
        current?.rowsLeft -= rows
        return ColumnBatch(trusted: schema, columns: taken, rowCount: Int(rows))
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

    private func lookAhead(beyond rowGroup: Int) {
        nextGroup = rowGroup + 1
        guard nextGroup < source.file.metadata.rowGroups.count, source.size(rowGroup) + source.size(nextGroup) <= readAheadBytes else { return }
        let (source, first) = (source, nextGroup)
        ahead = Task { try await source.open(from: first) }
    }
}

/// What is read, and of it a row group at a time.
private struct Source: Sendable {
    let file: ParquetFile
    let columns: [Int]
    let condition: RowCondition?
    let keepsDictionary: Bool

    func size(_ rowGroup: Int) -> Int64 { columns.reduce(0) { $0 + file.compressedSize(rowGroup: rowGroup, column: $1) } }

    /// The first row group from `first` on that has rows to read.
    func open(from first: Int) async throws -> Opened? {
        var rowGroup = first
        while rowGroup < file.metadata.rowGroups.count {
            var selection: RowSelection?
            if let condition { selection = try await file.selectRows(rowGroup: rowGroup, where: condition) }
            let rows = selection?.count ?? file.metadata.rowGroups[rowGroup].rowCount
            if rows > 0 {
                let readers =
                    columns.isEmpty
                    ? [] : try await file.columnReaders(rowGroup: rowGroup, columns: columns, selection: selection, keepingDictionary: keepsDictionary)
                return Opened(readers: readers, rowGroup: rowGroup, rowsLeft: rows)
            }
            rowGroup += 1
        }
        return nil
    }
}

private struct Opened: Sendable {
    let readers: [ColumnChunkReader]
    let rowGroup: Int
    var rowsLeft: Int64
}
