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
    private let scan: FileScan

    private static let batchRows = 65_536

    /// - Parameters:
    ///   - file: opened with the fields that are no constants, in any order.
    ///   - keepingDictionary: as for ``DataFile/scan(where:keepingDictionary:)``.
    init(file: DataFile, query: RowQuery, constants: [String: Scalar?], keepingDictionary: Bool = false) throws(ParquetError) {
        self.file = file
        fields = query.needed
        self.constants = constants
        scan = try file.scan(where: query.rowCondition(file, constants: constants), keepingDictionary: keepingDictionary)
    }

    /// Rows, and where in the file they are.
    struct Placed {
        let batch: ColumnBatch
        fileprivate let first: Int64
        fileprivate let kept: [Int32]?

        /// The place in the file of a row of the batch.
        func place(of row: Int) -> Int64 { first &+ Int64(kept.map { Int($0[row]) } ?? row) }
    }

    /// The next rows, none where all of them are left out; nil at the end.
    func next() async throws -> ColumnBatch? { try await nextPlaced()?.batch }

    /// As ``next()``.
    func nextPlaced() async throws -> Placed? {
        guard let run = try await scan.next(maxRows: Self.batchRows) else { return nil }
        return Placed(
            batch: try completed(try file.wanted(of: run)), first: file.firstRow(rowGroup: run.rowGroup) + run.rows.lowerBound,
            kept: file.kept(rowGroup: run.rowGroup, rows: run.rows))
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
