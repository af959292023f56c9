import Base
import Columnar
import ObjectStore
import Parquet

/// A data file of the table, open, with its columns seen as those that were asked for and without the rows that are not wanted of it.
struct DataFile: Sendable {
    let file: ParquetFile
    /// The columns that were asked for.
    let fields: [Field]
    /// For each of them its position in the file's schema; nil for one that the file does not have, whose rows are null.
    let positions: [Int?]
    /// How many rows are wanted.
    let liveRows: Int64
    /// ``fields`` by the names that the file has for them, nested ones included.
    private let stored: [Field]
    private let live: LiveRows
    /// The place in the file of each row group's first row, and at the end the number of rows.
    private let starts: [Int64]

    /// - Parameter stored: the fields as the file calls them; as they are where nil.
    init(file: ParquetFile, fields: [Field], positions: [Int?], stored: [Field]? = nil, live: LiveRows = .all) {
        self.file = file
        self.fields = fields
        self.positions = positions
        self.stored = stored ?? fields
        self.live = live
        var starts: [Int64] = [0]
        for group in file.metadata.rowGroups { starts.append(starts[starts.count - 1].saturatingAdding(group.rowCount)) }
        self.starts = starts
        liveRows = live.count(in: 0..<starts[starts.count - 1])
    }

    /// Opens a file of the table, compares its columns with those wanted, and reads its deletion vector.
    ///
    /// - Parameters:
    ///   - deleted: rows to leave out in place of those that its deletion vector says; nil to go by that.
    ///   - fields: with the metadata of the table's schema, by which columns are mapped; what names they have is up to the caller.
    ///   - hidden: columns that are not the table's, which files have under these very names; they come behind ``fields``.
    ///
    /// Throws ``DeltaError/corruptDataFile(path:reason:)`` where a column cannot be the table's: of another type, or missing where it must not be;
    /// ``DeltaError/corruptDeletionVector(path:reason:)``.
    static func open(
        _ files: TableFiles, _ view: FileView, deleting deleted: DeletedRows? = nil, mapping: ColumnMapping, fields: [Field], hidden: [Field] = []
    ) async throws -> DataFile {
        let place = try files.place(of: view.path)
        if let deleted {
            return try await open(place.store, place.path, sizeInBytes: view.size, mapping: mapping, fields: fields, hidden: hidden).only(.without(deleted))
        }
        async let live = LiveRows.without(view.deletionVector, in: files)
        let whole = try await open(place.store, place.path, sizeInBytes: view.size, mapping: mapping, fields: fields, hidden: hidden)
        return try await whole.only(live)
    }

    /// As ``open(_:_:deleting:mapping:fields:hidden:)``, for a file by its path: all of its rows.
    ///
    /// - Parameters:
    ///   - sizeInBytes: nil where it is not known.
    ///   - verifyingChecksums: of the pages that have one.
    static func open(
        _ store: any ObjectStore, _ path: ObjectPath, sizeInBytes: Int64?, mapping: ColumnMapping, fields: [Field], hidden: [Field],
        verifyingChecksums: Bool = false
    ) async throws -> DataFile {
        let (file, stored) = try await open(store, path, sizeInBytes, mapping, fields, hidden, verifyingChecksums)
        let fields = fields + hidden
        var positions: [Int?] = []
        for (field, wanted) in zip(fields, stored) {
            let position = ColumnAdapter.match(wanted.name, in: file.schema.fields)
            if let position {
                let type = file.schema.fields[position].type
                guard !type.isShredded(as: wanted.type) else {
                    throw DeltaError.unsupportedFeature(
                        feature: TableFeature.variantShredding.name, access: .read,
                        reason: "\(path) has parts of column \(field.name) as typed values, which Levee does not put together yet")
                }
                guard ColumnAdapter.canAdapt(type, to: wanted.type) else {
                    throw DeltaError.corruptDataFile(path: path.string, reason: "column \(field.name) is stored as \(type), the table says \(field.type)")
                }
            } else if !field.nullable {
                throw DeltaError.corruptDataFile(path: path.string, reason: "it has no column \(field.name), which must have a value in every row")
            }
            positions.append(position)
        }
        return DataFile(file: file, fields: fields, positions: positions, stored: stored)
    }

    /// The file with only these of its rows. Throws ``DeltaError/corruptDeletionVector(path:reason:)`` for a vector with rows that the file has not.
    func only(_ live: LiveRows) throws(DeltaError) -> DataFile {
        let rows = starts[starts.count - 1]
        if let vector = live.vector, vector.count(in: 0..<rows) != vector.count {
            throw .corruptDeletionVector(path: "of \(file.path)", reason: "it has rows behind the \(rows) of the file")
        }
        return DataFile(file: file, fields: fields, positions: positions, stored: stored, live: live)
    }

    /// The file with the columns wanted, and what it calls them.
    private static func open(
        _ store: any ObjectStore, _ path: ObjectPath, _ sizeInBytes: Int64?, _ mapping: ColumnMapping, _ fields: [Field], _ hidden: [Field],
        _ verifyingChecksums: Bool
    ) async throws -> (ParquetFile, [Field]) {
        let guess = Set(fields.map { mapping.mode == .none ? $0.name : ColumnMapping.physicalName($0) } + hidden.map(\.name))
        let file = try await ParquetFile.open(store, path, sizeInBytes: sizeInBytes, columns: guess, verifyingChecksums: verifyingChecksums)
        let stored = try mapping.stored(fields, in: file.metadata.schema, path: path.string) + hidden
        var names = Set(stored.map(\.name))
        if mapping.mode == .none, names.contains(where: { file.schema.index(of: $0) == nil }) {
            // Names that differ in case only are the same column to Spark, which may have written the file.
            let lowercased = Set(names.map { $0.lowercased() })
            names.formUnion(file.metadata.schema.roots.map(\.name).filter { lowercased.contains($0.lowercased()) })
        }
        if names == guess { return (file, stored) }
        return (
            try await ParquetFile.open(store, path, sizeInBytes: file.sizeInBytes, columns: names, verifyingChecksums: verifyingChecksums), stored
        )
    }

    /// All rows of the file, wanted or not.
    var rowCount: Int64 { starts[starts.count - 1] }

    var rowGroups: [RowGroupMetadata] { file.metadata.rowGroups }

    /// How many rows of a row group are wanted.
    func liveRows(rowGroup: Int) -> Int64 { live.count(in: starts[rowGroup]..<starts[rowGroup + 1]) }

    /// Which of these rows of a row group are wanted, counted from the first of them; nil where all are.
    func kept(rowGroup: Int, rows: Range<Int64>) -> [Int32]? {
        live.kept(in: (starts[rowGroup] + rows.lowerBound)..<(starts[rowGroup] + rows.upperBound))
    }

    /// The place in the file of a row group's first row.
    func firstRow(rowGroup: Int) -> Int64 { starts[rowGroup] }

    /// Rows of the column as they are in the file, as rows of ``fields``.
    func adapt(_ rows: Column, _ column: Int) throws(ColumnarError) -> Column {
        try ColumnAdapter.adapt(rows, to: stored[column].type).named(as: fields[column].type)
    }

    /// One of ``fields`` by the names that the file has for it and what is in it.
    func storedField(_ column: Int) -> Field { stored[column] }

    /// Whether the file has one of ``fields`` in the very type that is wanted, nested fields in their order.
    func isStoredAsWanted(_ column: Int) -> Bool {
        guard let position = positions[column] else { return false }
        return file.schema.fields[position].type == stored[column].type
    }

    /// What one of ``fields`` is to a condition on the file's bounds.
    func place(_ column: Int) -> FileCondition.Place {
        guard let position = positions[column] else { return .constant(nil) }
        let field = file.schema.fields[position]
        return Self.hasSameLiterals(field.type, fields[column].type) ? .leaf([field.name]) : .unknown
    }

    /// Whether literals of the table's type compare with bounds of the stored type as they are.
    private static func hasSameLiterals(_ stored: DataType, _ table: DataType) -> Bool {
        switch (stored, table) {
        case (.byte, .byte), (.byte, .short), (.byte, .integer), (.byte, .long), (.short, .integer), (.short, .long), (.integer, .long): true
        case (.string, .binary), (.binary, .string), (.decimal, .decimal): true
        default: stored == table
        }
    }

    /// Reads the wanted rows' row groups among these.
    func scan(rowGroups: [Int]) throws(ParquetError) -> FileScan {
        try FileScan(file, columns: positions.compactMap { $0 }, rowGroups: rowGroups.filter { liveRows(rowGroup: $0) > 0 })
    }

    /// Reads the row groups with wanted rows, without what the bounds say that `condition` does not hold of; ``wanted(of:)`` makes rows of the table of it.
    func scan(where condition: RowCondition = .unknown, keepingDictionary: Bool = false) throws(ParquetError) -> FileScan {
        let groups = condition.isNever ? [] : rowGroups.indices.filter { liveRows(rowGroup: $0) > 0 }
        return try FileScan(
            file, columns: positions.compactMap { $0 }, rowGroups: groups, where: condition == .unknown ? nil : condition,
            keepingDictionary: keepingDictionary)
    }

    /// The rows of a run that are wanted, with the columns of ``fields``. There may be none.
    func wanted(of run: RowRun) throws(ColumnarError) -> ColumnBatch {
        let kept = kept(rowGroup: run.rowGroup, rows: run.rows)
        var stored = run.batch.columns.makeIterator()
        var columns: [Column] = []
        for (index, position) in positions.enumerated() {
            guard position != nil, let column = stored.next() else {
                columns.append(.nulls(fields[index].type, count: kept?.count ?? run.rows.count))
                continue
            }
            let adapted = try adapt(column, index)
            columns.append(try kept.map { kept throws(ColumnarError) in try adapted.gathering(kept) } ?? adapted)
        }
        return try ColumnBatch(schema: Schema(fields), columns: columns, rowCount: kept?.count ?? run.rows.count)
    }
}

/// Spark's versions before 3.0 wrote dates and times in another calendar, and later ones do on request; the footer says so.
extension DataFile {
    private static let legacyDates = "org.apache.spark.legacyDateTime"
    private static let legacyINT96 = "org.apache.spark.legacyINT96"

    /// Whether dates and times are in that calendar, so that they must not be mixed with others'.
    var hasLegacyCalendar: Bool { [Self.legacyDates, Self.legacyINT96].contains { file.metadata.value(forKey: $0) != nil } }

    /// The footer's entries that say so, for a file with these dates and times as they are.
    var calendarEntries: [FileMetadata.KeyValue] {
        guard hasLegacyCalendar else { return [] }
        return file.metadata.keyValues.filter { [Self.legacyDates, "org.apache.spark.version", "org.apache.spark.timeZone"].contains($0.key) }
    }

    /// Throws ``DeltaError/unsupportedType(column:type:)`` for a file whose times no other can hold: what its footer says of INT96 goes for no other type.
    func checkCalendarCarries() throws(DeltaError) {
        guard file.metadata.value(forKey: Self.legacyINT96) != nil, file.metadata.schema.leaves.contains(where: { $0.physicalType == .int96 }) else { return }
        throw .unsupportedType(column: "* of \(file.path)", type: "INT96 in Spark's legacy calendar")
    }
}
