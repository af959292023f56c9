import Base
import Columnar
import ObjectStore
import Parquet

/// A data file of the table, open, with its columns seen as the table's.
struct DataFile: Sendable {
    let file: ParquetFile
    /// The table's columns that were asked for.
    let fields: [Field]
    /// For each of them its position in the file's schema; nil for one that the file does not have, whose rows are null.
    let positions: [Int?]

    /// Opens the file and compares its columns with those wanted.
    ///
    /// Throws ``DeltaError/corruptDataFile(path:reason:)`` where a column cannot be the table's: of another type, or missing where it must not be.
    static func open(_ store: any ObjectStore, _ path: ObjectPath, sizeInBytes: Int64?, fields: [Field]) async throws -> DataFile {
        var names = Set(fields.map(\.name))
        var file = try await ParquetFile.open(store, path, sizeInBytes: sizeInBytes, columns: names)
        if names.contains(where: { file.schema.index(of: $0) == nil }) {
            // Names that differ in case only are the same column to Spark, which may have written the file.
            let lowercased = Set(names.map { $0.lowercased() })
            let others = file.metadata.schema.roots.map(\.name).filter { !names.contains($0) && lowercased.contains($0.lowercased()) }
            if !others.isEmpty {
                names.formUnion(others)
                file = try await ParquetFile.open(store, path, sizeInBytes: sizeInBytes, columns: names)
            }
        }
        var positions: [Int?] = []
        for field in fields {
            let position = ColumnAdapter.match(field.name, in: file.schema.fields)
            if let position {
                let stored = file.schema.fields[position].type
                guard ColumnAdapter.canAdapt(stored, to: field.type) else {
                    throw DeltaError.corruptDataFile(path: path.string, reason: "column \(field.name) is stored as \(stored), the table says \(field.type)")
                }
            } else if !field.nullable {
                throw DeltaError.corruptDataFile(path: path.string, reason: "it has no column \(field.name), which the table says is never null")
            }
            positions.append(position)
        }
        return DataFile(file: file, fields: fields, positions: positions)
    }

    var rowGroups: [RowGroupMetadata] { file.metadata.rowGroups }

    /// A row group's rows as the table's columns, in batches of at most `batchRows` rows.
    func batches(rowGroup: Int, batchRows: Int) async throws -> RowGroupBatches {
        let stored = positions.compactMap { $0 }
        let readers = stored.isEmpty ? [] : try await file.columnReaders(rowGroup: rowGroup, columns: stored)
        return RowGroupBatches(
            fields: fields, positions: positions, readers: readers, rowCount: Int(clamping: rowGroups[rowGroup].rowCount), batchRows: batchRows)
    }
}

/// Decodes a row group batch by batch. Synchronous CPU work, used by one task at a time.
final class RowGroupBatches: @unchecked Sendable {
    // Safe to hand from task to task: its one user at a time is `TableReader`'s caller.
    private let fields: [Field]
    private let schema: Schema
    private let readers: [ColumnChunkReader]
    /// For each field the place of its reader.
    private let places: [Int?]
    /// What a reader gave beyond the last batch: columns come in runs of different lengths.
    private var pending: [Column?]
    private var rowsLeft: Int
    private let batchRows: Int

    init(fields: [Field], positions: [Int?], readers: [ColumnChunkReader], rowCount: Int, batchRows: Int) {
        self.fields = fields
        schema = Schema(fields)
        self.readers = readers
        var next = 0
        places = positions.map { position in
            guard position != nil else { return nil }
            defer { next += 1 }
            return next
        }
        pending = Array(repeating: nil, count: readers.count)
        rowsLeft = rowCount
        self.batchRows = batchRows
    }

    func next() throws -> ColumnBatch? {
        guard rowsLeft > 0 else { return nil }
        var rows = min(rowsLeft, batchRows)
        for (place, reader) in readers.enumerated() {
            if pending[place] == nil { pending[place] = try reader.next(maxRows: rows) }
            guard let column = pending[place] else {
                throw ParquetError.damaged(file: reader.field.name, place: "column", offset: nil, reason: "it ends before the other columns of its row group")
            }
            rows = min(rows, column.count)
        }
        rowsLeft -= rows
        var columns: [Column] = []
        for (field, place) in zip(fields, places) {
            guard let place, let column = pending[place] else {
                columns.append(.nulls(field.type, count: rows))
                continue
            }
            pending[place] = column.count > rows ? column.slice(rows..<column.count) : nil
            columns.append(try ColumnAdapter.adapt(column.slice(0..<rows), to: field.type))
        }
        return try ColumnBatch(schema: schema, columns: columns, rowCount: rows)
    }
}

extension DataFile {
    /// Whether Spark wrote dates and times in the calendar that its versions before 3.0 used, which must not be mixed with others'.
    var hasLegacyCalendar: Bool {
        ["org.apache.spark.legacyDateTime", "org.apache.spark.legacyINT96"].contains { file.metadata.value(forKey: $0) != nil }
    }
}
