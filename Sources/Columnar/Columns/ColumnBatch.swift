/// Rows of a schema: one column per field, all of the same length.
public struct ColumnBatch: Sendable {
    public let schema: Schema
    public let columns: [Column]
    /// Kept beside the columns, since a batch may have rows and no column (a table whose columns are all partition columns).
    public let rowCount: Int

    /// Throws where a column's type or length does not fit the schema and `rowCount`.
    public init(schema: Schema, columns: [Column], rowCount: Int) throws(ColumnarError) {
        guard columns.count == schema.fields.count else { throw .unequalLengths(expected: schema.fields.count, found: columns.count) }
        for (column, field) in zip(columns, schema.fields) {
            guard column.count == rowCount else { throw .unequalLengths(expected: rowCount, found: column.count) }
            guard column.type == field.type else { throw .typeMismatch(expected: field.type.description, found: column.type.description) }
        }
        self.schema = schema
        self.columns = columns
        self.rowCount = rowCount
    }

    /// The column of the first field of exactly this name.
    public func column(named name: String) -> Column? { schema.index(of: name).map { columns[$0] } }

    /// The rows `range`, sharing buffers. Clamped to the rows there are.
    public func slice(_ range: Range<Int>) -> ColumnBatch {
        let range = range.clamped(to: 0..<rowCount)
        return ColumnBatch(trusted: schema, columns: columns.map { $0.slice(range) }, rowCount: range.count)
    }

    /// The batch with only the columns at these positions, in this order. Positions must exist.
    public func selecting(_ positions: [Int]) -> ColumnBatch {
        ColumnBatch(trusted: Schema(positions.map { schema.fields[$0] }), columns: positions.map { columns[$0] }, rowCount: rowCount)
    }

    package init(trusted schema: Schema, columns: [Column], rowCount: Int) {
        self.schema = schema
        self.columns = columns
        self.rowCount = rowCount
    }
}
