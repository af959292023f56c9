import Columnar

/// Rows from outside of the table, pulled batch by batch so that memory does not grow with the input.
///
/// Batches have the columns of the schema that the source was opened with, in that order; what does not fit is an error, never dropped.
public protocol RowSource: AnyObject, Sendable {
    /// The next rows; nil at the end. One caller at a time.
    func next() async throws -> ColumnBatch?
}
