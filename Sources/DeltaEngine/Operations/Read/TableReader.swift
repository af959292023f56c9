import Base
import Columnar
import Expressions
import Parquet

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
public final class TableReader: @unchecked Sendable {
    // Safe to hand from task to task: one caller at a time, as documented.

    /// Of the batches: the columns asked for.
    public let schema: Schema

    private let table: DeltaTable
    private let snapshot: Snapshot
    /// What has to be read: the columns asked for, then those that only the condition needs.
    private let needed: [Field]
    private let outputCount: Int
    private let condition: BoundExpression?
    /// The condition, where partition values alone answer it.
    private let filter: PartitionFilter?
    private var rowsLeft: Int64
    private var nextFile = 0
    private var current: (file: DataFile, partition: [Scalar?], rowGroup: Int, batches: RowGroupBatches?)?

    private static let batchRows = 65_536

    /// Throws the registry's refusals for tables that Levee cannot read, ``DeltaError/invalidRequest(reason:)`` for columns and conditions that
    /// are none of the table's.
    public init(table: DeltaTable, snapshot: Snapshot, options: ReadOptions = ReadOptions()) throws(DeltaError) {
        try snapshot.require(.read)
        self.table = table
        self.snapshot = snapshot
        rowsLeft = options.limit ?? .max
        let all = snapshot.schema.fields
        var needed: [Field] = []
        if let names = options.columns {
            for name in names {
                guard let place = ColumnAdapter.match(name, in: all) else {
                    throw .invalidRequest(reason: "the table has no column \(name); it has \(all.map(\.name).joined(separator: ", "))")
                }
                needed.append(all[place])
            }
        } else {
            needed = all
        }
        schema = Schema(needed)
        outputCount = needed.count
        var bound: BoundExpression?
        var filter: PartitionFilter?
        if let text = options.condition {
            let now = table.environment.clock.now()
            do throws(ExpressionError) {
                let expression = try Expression.parse(text)
                let used = try expression.bindCondition(to: all, now: now).columns.map { all[$0] }
                if used.allSatisfy({ snapshot.metadata.partitionColumns.contains($0.name) }) {
                    filter = try? PartitionFilter(text, metadata: snapshot.metadata, now: now)
                }
                for field in used where !needed.contains(where: { $0.name == field.name }) { needed.append(field) }
                bound = try expression.bindCondition(to: needed, now: now)
            } catch {
                throw .invalidRequest(reason: "the condition cannot be used: \(error)")
            }
        }
        self.needed = needed
        self.filter = filter
        condition = filter == nil ? bound : nil
    }

    /// The next rows, never none; nil at the end.
    public func next() async throws -> ColumnBatch? {
        try await DeltaError.wrapping {
            while rowsLeft > 0, let batch = try await nextBatch() {
                try Task.checkCancellation()
                let kept = try select(batch)
                guard kept.rowCount > 0 else { continue }
                let cut = kept.slice(0..<Int(min(Int64(kept.rowCount), rowsLeft)))
                rowsLeft -= Int64(cut.rowCount)
                return cut
            }
            return nil
        }
    }

    private func nextBatch() async throws -> ColumnBatch? {
        while true {
            if let batch = try current?.batches?.next() { return try withPartitionColumns(batch) }
            if let open = current, open.rowGroup < open.file.rowGroups.count {
                current?.batches = try await open.file.batches(rowGroup: open.rowGroup, batchRows: Self.batchRows)
                current?.rowGroup += 1
            } else if try await !openNextFile() {
                return nil
            }
        }
    }

    private func openNextFile() async throws -> Bool {
        current = nil
        while nextFile < snapshot.files.count {
            let file = snapshot.files[nextFile]
            nextFile += 1
            let values = file.partitionValues
            if let filter, try !filter.matches(values) { continue }
            var partition: [Scalar?] = []
            for (field, value) in zip(snapshot.metadata.partitionFields, values) { partition.append(try PartitionValue.parse(value, as: field)) }
            let opened = try await DataFile.open(
                table.store, file, mapping: snapshot.metadata.columnMapping,
                fields: needed.filter { !snapshot.metadata.partitionColumns.contains($0.name) })
            current = (opened, partition, 0, nil)
            return true
        }
        return false
    }

    /// The columns in the order needed, with those that the file's partition stands for.
    private func withPartitionColumns(_ batch: ColumnBatch) throws -> ColumnBatch {
        let partition = current?.partition ?? []
        var stored = batch.columns.makeIterator()
        var columns: [Column] = []
        for field in needed {
            if let place = snapshot.metadata.partitionColumns.firstIndex(of: field.name) {
                columns.append(try Column.repeating(partition[place], type: field.type, count: batch.rowCount))
            } else if let column = stored.next() {
                columns.append(column)
            }
        }
        return try ColumnBatch(schema: Schema(needed), columns: columns, rowCount: batch.rowCount)
    }

    /// The rows for which the condition holds, of the columns asked for.
    private func select(_ batch: ColumnBatch) throws -> ColumnBatch {
        let output = batch.selecting(Array(0..<outputCount))
        guard let condition else { return output }
        let rows: [Int32]
        do {
            rows = try condition.matchingRows(of: batch).map { Int32($0) }
        } catch {
            throw DeltaError.invalidRequest(reason: "the condition cannot be evaluated: \(error)")
        }
        if rows.count == batch.rowCount { return output }
        var columns: [Column] = []
        for column in output.columns { columns.append(try column.gathering(rows)) }
        return try ColumnBatch(schema: schema, columns: columns, rowCount: rows.count)
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
