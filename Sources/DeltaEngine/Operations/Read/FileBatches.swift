import Columnar
import Parquet

/// The rows of one data file that a query may want, beside columns that have one value in all of them: partition columns, and what is known of the file as a whole.
///
/// One caller at a time.
struct FileBatches {
    private let file: DataFile
    /// The columns in the order wanted.
    private let fields: [Field]
    /// By name; a column that is not here is the file's.
    private let constants: [String: Scalar?]
    private let condition: RowCondition
    private var rowGroup = 0
    private var batches: RowGroupBatches?

    private static let batchRows = 65_536

    /// - Parameter file: opened with the fields that are no constants, in any order.
    init(file: DataFile, query: RowQuery, constants: [String: Scalar?]) {
        self.file = file
        fields = query.needed
        self.constants = constants
        condition = query.rowCondition(file, constants: constants)
    }

    /// The next rows, none where all of them are left out; nil at the end.
    mutating func next() async throws -> ColumnBatch? {
        while true {
            if let batch = try batches?.next() { return try completed(batch) }
            guard rowGroup < file.rowGroups.count else { return nil }
            let isWanted = !condition.isNever && file.liveRows(rowGroup: rowGroup) > 0
            batches = isWanted ? try await file.batches(rowGroup: rowGroup, batchRows: Self.batchRows, where: condition) : nil
            rowGroup += 1
        }
    }

    private func completed(_ batch: ColumnBatch) throws -> ColumnBatch {
        var columns: [Column] = []
        for field in fields {
            if let value = constants[field.name] {
                columns.append(try Column.repeating(value, type: field.type, count: batch.rowCount))
            } else if let column = batch.column(named: field.name) {
                columns.append(column)
            }
        }
        return try ColumnBatch(schema: Schema(fields), columns: columns, rowCount: batch.rowCount)
    }
}

extension Column {
    /// One value in every row.
    static func repeating(_ value: Scalar?, type: DataType, count: Int) throws(ColumnarError) -> Column {
        guard let value else { return .nulls(type, count: count) }
        let builder = ColumnBuilder(type: type)
        try builder.append(value)
        return try builder.finish().gathering(Array(repeating: 0, count: count))
    }
}
