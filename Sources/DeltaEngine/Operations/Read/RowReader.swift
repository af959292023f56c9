import Columnar

/// Rows of a table, pulled batch by batch: what `levee table read` and `levee table changes` print. One caller at a time.
public protocol RowReader: Sendable {
    /// Of the batches.
    var schema: Schema { get }

    /// The next rows, never none; nil at the end.
    func next() async throws -> ColumnBatch?
}
