import Columnar

/// The rows that a query asked for, of one file after another. One caller at a time.
struct QueriedRows {
    private var query: RowQuery
    private var current: FileBatches?

    init(_ query: RowQuery) { self.query = query }

    /// The next rows, never none; nil at the end.
    ///
    /// - Parameter nextFile: opens the file that comes next; nil after the last.
    mutating func next(_ nextFile: (RowQuery) async throws -> FileBatches?) async throws -> ColumnBatch? {
        while !query.isSatisfied {
            try Task.checkCancellation()
            if let batch = try await current?.next() {
                let taken = try query.take(batch)
                if taken.rowCount > 0 { return taken }
            } else {
                current = try await nextFile(query)
                if current == nil { return nil }
            }
        }
        return nil
    }
}
