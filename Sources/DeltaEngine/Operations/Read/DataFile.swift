import Base
import Columnar
import ObjectStore
import Parquet

/// A data file of the table, open, with its columns seen as those that were asked for and without the rows that its deletion vector takes away.
struct DataFile: Sendable {
    let file: ParquetFile
    /// The columns that were asked for.
    let fields: [Field]
    /// For each of them its position in the file's schema; nil for one that the file does not have, whose rows are null.
    let positions: [Int?]
    /// The rows that are left.
    let liveRows: Int64
    /// ``fields`` by the names that the file has for them, nested ones included.
    private let stored: [Field]
    private let deleted: DeletedRows?
    /// The place in the file of each row group's first row, and at the end the number of rows.
    private let starts: [Int64]

    /// - Parameter stored: the fields as the file calls them; as they are where nil.
    init(file: ParquetFile, fields: [Field], positions: [Int?], stored: [Field]? = nil, deleted: DeletedRows? = nil) {
        self.file = file
        self.fields = fields
        self.positions = positions
        self.stored = stored ?? fields
        self.deleted = deleted
        var starts: [Int64] = [0]
        for group in file.metadata.rowGroups { starts.append(starts[starts.count - 1].saturatingAdding(group.rowCount)) }
        self.starts = starts
        liveRows = starts[starts.count - 1] - (deleted?.count ?? 0)
    }

    /// Opens the file, compares its columns with those wanted, and reads its deletion vector.
    ///
    /// - Parameter fields: with the metadata of the table's schema, by which columns are mapped; what names they have is up to the caller.
    ///
    /// Throws ``DeltaError/corruptDataFile(path:reason:)`` where a column cannot be the table's: of another type, or missing where it must not be;
    /// ``DeltaError/corruptDeletionVector(path:reason:)``.
    static func open(_ store: any ObjectStore, _ view: FileView, mapping: ColumnMapping, fields: [Field]) async throws -> DataFile {
        let path = try view.path.object(in: store)
        async let vector = deletedRows(view, store)
        let (file, stored) = try await open(store, path, sizeInBytes: view.size, mapping, fields)
        var positions: [Int?] = []
        for (field, wanted) in zip(fields, stored) {
            let position = ColumnAdapter.match(wanted.name, in: file.schema.fields)
            if let position {
                let type = file.schema.fields[position].type
                guard ColumnAdapter.canAdapt(type, to: wanted.type) else {
                    throw DeltaError.corruptDataFile(path: path.string, reason: "column \(field.name) is stored as \(type), the table says \(field.type)")
                }
            } else if !field.nullable {
                throw DeltaError.corruptDataFile(path: path.string, reason: "it has no column \(field.name), which the table says is never null")
            }
            positions.append(position)
        }
        let deleted = try await vector
        let rows = file.metadata.rowGroups.reduce(Int64(0)) { $0.saturatingAdding($1.rowCount) }
        if let deleted, deleted.count(in: 0..<rows) != deleted.count {
            throw DeltaError.corruptDeletionVector(
                path: view.deletionVector?.pathOrInlineDv ?? "", reason: "it deletes rows behind the \(rows) that \(path.string) has")
        }
        return DataFile(file: file, fields: fields, positions: positions, stored: stored, deleted: deleted)
    }

    private static func deletedRows(_ view: FileView, _ store: any ObjectStore) async throws -> DeletedRows? {
        guard let descriptor = view.deletionVector else { return nil }
        return try await DeletionVectorReader(store: store).read(descriptor)
    }

    /// The file with the columns wanted, and what it calls them.
    private static func open(
        _ store: any ObjectStore, _ path: ObjectPath, sizeInBytes: Int64, _ mapping: ColumnMapping, _ fields: [Field]
    ) async throws -> (ParquetFile, [Field]) {
        let guess = Set(fields.map { mapping.mode == .none ? $0.name : ColumnMapping.physicalName($0) })
        let file = try await ParquetFile.open(store, path, sizeInBytes: sizeInBytes, columns: guess)
        let stored = try mapping.stored(fields, in: file.metadata.schema, path: path.string)
        var names = Set(stored.map(\.name))
        if mapping.mode == .none, names.contains(where: { file.schema.index(of: $0) == nil }) {
            // Names that differ in case only are the same column to Spark, which may have written the file.
            let lowercased = Set(names.map { $0.lowercased() })
            names.formUnion(file.metadata.schema.roots.map(\.name).filter { lowercased.contains($0.lowercased()) })
        }
        if names == guess { return (file, stored) }
        return (try await ParquetFile.open(store, path, sizeInBytes: sizeInBytes, columns: names), stored)
    }

    var rowGroups: [RowGroupMetadata] { file.metadata.rowGroups }

    /// The rows of a row group that are left.
    func liveRows(rowGroup: Int) -> Int64 {
        let range = starts[rowGroup]..<starts[rowGroup + 1]
        return Int64(range.count) - (deleted?.count(in: range) ?? 0)
    }

    /// Which of these rows of a row group are left, counted from the first of them; nil where all are.
    func kept(rowGroup: Int, rows: Range<Int>) -> [Int32]? {
        deleted?.kept(in: (starts[rowGroup] + Int64(rows.lowerBound))..<(starts[rowGroup] + Int64(rows.upperBound)))
    }

    /// Rows of the column as they are in the file, as rows of ``fields``.
    func adapt(_ rows: Column, _ column: Int) throws(ColumnarError) -> Column {
        try ColumnAdapter.adapt(rows, to: stored[column].type).named(as: fields[column].type)
    }

    /// A row group's rows that are left, in batches of at most `batchRows` rows.
    func batches(rowGroup: Int, batchRows: Int) async throws -> RowGroupBatches {
        let stored = positions.compactMap { $0 }
        let readers = stored.isEmpty ? [] : try await file.columnReaders(rowGroup: rowGroup, columns: stored)
        return RowGroupBatches(file: self, rowGroup: rowGroup, readers: readers, batchRows: batchRows)
    }
}

/// Decodes a row group batch by batch. Synchronous CPU work, used by one task at a time.
final class RowGroupBatches: @unchecked Sendable {
    // Safe to hand from task to task: its one user at a time is `TableReader`'s caller.
    private let file: DataFile
    private let rowGroup: Int
    private let schema: Schema
    private let readers: [ColumnChunkReader]
    /// For each field the place of its reader.
    private let places: [Int?]
    /// What a reader gave beyond the last batch: columns come in runs of different lengths.
    private var pending: [Column?]
    private var nextRow = 0
    private let rowCount: Int
    private let batchRows: Int

    init(file: DataFile, rowGroup: Int, readers: [ColumnChunkReader], batchRows: Int) {
        self.file = file
        self.rowGroup = rowGroup
        schema = Schema(file.fields)
        self.readers = readers
        var next = 0
        places = file.positions.map { position in
            guard position != nil else { return nil }
            defer { next += 1 }
            return next
        }
        pending = Array(repeating: nil, count: readers.count)
        rowCount = Int(clamping: file.rowGroups[rowGroup].rowCount)
        self.batchRows = batchRows
    }

    /// The next rows, none where all of them are deleted; nil at the end.
    func next() throws -> ColumnBatch? {
        guard nextRow < rowCount else { return nil }
        var rows = min(rowCount - nextRow, batchRows)
        for (place, reader) in readers.enumerated() {
            if pending[place] == nil { pending[place] = try reader.next(maxRows: rows) }
            guard let column = pending[place] else {
                throw ParquetError.damaged(file: reader.field.name, place: "column", offset: nil, reason: "it ends before the other columns of its row group")
            }
            rows = min(rows, column.count)
        }
        let kept = file.kept(rowGroup: rowGroup, rows: nextRow..<(nextRow + rows))
        nextRow += rows
        var columns: [Column] = []
        for (index, place) in places.enumerated() {
            guard let place, let column = pending[place] else {
                columns.append(.nulls(file.fields[index].type, count: kept?.count ?? rows))
                continue
            }
            pending[place] = column.count > rows ? column.slice(rows..<column.count) : nil
            let adapted = try file.adapt(column.slice(0..<rows), index)
            columns.append(try kept.map { kept throws(ColumnarError) in try adapted.gathering(kept) } ?? adapted)
        }
        return try ColumnBatch(schema: schema, columns: columns, rowCount: kept?.count ?? rows)
    }
}

extension DataFile {
    /// Whether Spark wrote dates and times in the calendar that its versions before 3.0 used, which must not be mixed with others'.
    var hasLegacyCalendar: Bool {
        ["org.apache.spark.legacyDateTime", "org.apache.spark.legacyINT96"].contains { file.metadata.value(forKey: $0) != nil }
    }
}
