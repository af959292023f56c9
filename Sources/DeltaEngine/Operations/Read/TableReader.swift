import Base
import Columnar

/// Which rows to read.
public struct ReadOptions: Sendable, Hashable {
    /// Names in the order wanted; nil for all columns in the table's order.
    public var columns: [String]?
    /// A Spark SQL condition; only rows for which it is true.
    public var condition: String?
    public var limit: Int64?

    public init(columns: [String]? = nil, condition: String? = nil, limit: Int64? = nil) {
        self.columns = columns
        self.condition = condition
        self.limit = limit
    }
}

/// Reads a snapshot's rows, pulled batch by batch: memory does not grow with the table. Files come in the snapshot's order, rows in the files'.
public final class TableReader: RowReader, @unchecked Sendable {
    // Safe to hand from task to task: one caller at a time, as documented.

    /// Of the batches: the columns asked for.
    public let schema: Schema

    private let table: DeltaTable
    private let snapshot: Snapshot
    private var rows: QueriedRows
    /// The condition, where partition values alone answer it.
    private let filter: PartitionFilter?
    /// Which files the condition leaves.
    private let predicate: FilePredicate?
    private var nextFile = 0

    /// Throws the registry's refusals for tables that Levee cannot read, ``DeltaError/invalidRequest(reason:)`` for columns and conditions that
    /// are none of the table's.
    public init(table: DeltaTable, snapshot: Snapshot, options: ReadOptions = ReadOptions()) throws(DeltaError) {
        try snapshot.require(.read)
        self.table = table
        self.snapshot = snapshot
        let now = table.environment.clock.now()
        var filter: PartitionFilter?
        let query = try RowQuery(options, over: snapshot.schema.fields, now: now) { used, condition in
            guard used.allSatisfy({ snapshot.metadata.partitionColumns.contains($0.name) }) else { return false }
            filter = try? PartitionFilter(condition, metadata: snapshot.metadata, now: now)
            return filter != nil
        }
        schema = query.schema
        rows = QueriedRows(query)
        self.filter = filter
        predicate = try options.condition.map { condition throws(DeltaError) in try FilePredicate(condition, metadata: snapshot.metadata, now: now) }
    }

    /// The next rows, never none; nil at the end.
    public func next() async throws -> ColumnBatch? {
        try await DeltaError.wrapping {
            try await rows.next { query in
                guard let file = try nextMatchingFile() else { return nil }
                let constants = try snapshot.metadata.partitionConstants(file.partitionValues)
                let opened = try await DataFile.open(
                    table.files, file, mapping: snapshot.metadata.columnMapping, fields: query.needed.filter { constants[$0.name] == nil })
                return try FileBatches(file: opened, query: query, constants: constants)
            }
        }
    }

    private func nextMatchingFile() throws(DeltaError) -> FileView? {
        while nextFile < snapshot.files.count {
            let file = snapshot.files[nextFile]
            nextFile += 1
            if predicate?.mayMatch(file) ?? true, try filter?.matches(file.partitionValues) ?? true { return file }
        }
        return nil
    }
}

extension TableMetadata {
    /// The values that the partition columns have in all rows of a file, by name.
    ///
    /// - Parameter values: in the order of the partition columns, as the log has them.
    func partitionConstants(_ values: [String?]) throws(DeltaError) -> [String: Scalar?] {
        var constants: [String: Scalar?] = [:]
        for (field, value) in zip(partitionFields, values) { constants.updateValue(try PartitionValue.parse(value, as: field), forKey: field.name) }
        return constants
    }
}
