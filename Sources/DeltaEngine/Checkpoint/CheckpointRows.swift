import Base
import Columnar

/// A snapshot as the rows of a checkpoint, a batch at a time, in the columns of a ``CheckpointSchema``.
struct CheckpointRows {
    private let snapshot: Snapshot
    private let schema: CheckpointSchema
    private let fields: [Field]
    private let filesOnly: Bool
    private let now: Timestamp

    /// Files per batch: what is in memory besides the row group that is being written.
    private static let filesPerBatch = 4096

    /// - Parameter filesOnly: what a sidecar has: `add` and `remove`, and no other column.
    init(_ snapshot: Snapshot, _ schema: CheckpointSchema, filesOnly: Bool = false, now: Timestamp) {
        self.snapshot = snapshot
        self.schema = schema
        self.filesOnly = filesOnly
        fields = filesOnly ? [schema.add, CheckpointSchema.remove] : schema.fields
        self.now = now
    }

    /// Calls `body` with each batch and returns how many rows there were. While `body` has one, the next are put together by `tasks` others.
    func forEachBatch(tasks: Int, _ body: (ColumnBatch) async throws -> Void) async throws -> Int {
        var rows = 0
        func emit(_ column: Column, _ name: String) async throws {
            guard column.count > 0 else { return }
            rows += column.count
            try await body(try batch(column, name))
        }
        if !filesOnly {
            try await emit(try protocolColumn(), "protocol")
            try await emit(try metadataColumn(), "metaData")
            try await emit(try transactionColumn(), "txn")
            try await emit(try domainColumn(), "domainMetadata")
        }
        var start = 0
        let pipeline = OrderedPipeline(concurrency: tasks, maximumWeight: Int64(tasks) + 1)
        try await pipeline.run { () -> (job: Range<Int>, weight: Int64)? in
            guard start < snapshot.files.count else { return nil }
            defer { start += Self.filesPerBatch }
            return (start..<min(start + Self.filesPerBatch, snapshot.files.count), 1)
        } body: { [snapshot, schema] positions in
            let adds = AddColumnBuilder(schema, snapshot.metadata)
            for position in positions { try adds.append(snapshot.files[position]) }
            return adds.finish()
        } consume: { column in
            try await emit(column, "add")
        }
        let removes = RemoveColumnBuilder(partitionKeys: snapshot.files.partitionKeys)
        for tombstone in snapshot.tombstones where tombstone.isRetained(at: now, retention: snapshot.metadata.deletedFileRetention) {
            try removes.append(tombstone)
            if removes.count == Self.filesPerBatch { try await emit(removes.finish(), "remove") }
        }
        try await emit(removes.finish(), "remove")
        return rows
    }

    /// One column filled, nulls in all others.
    private func batch(_ column: Column, _ name: String) throws -> ColumnBatch {
        try ColumnBatch(
            schema: Schema(fields), columns: fields.map { $0.name == name ? column : Column.nulls($0.type, count: column.count) },
            rowCount: column.count)
    }

    private func protocolColumn() throws -> Column {
        let builder = ColumnBuilder(type: CheckpointSchema.protocolAction.type)
        let action = snapshot.protocol
        try builder.children[0].append(Int64(action.minReaderVersion))
        try builder.children[1].append(Int64(action.minWriterVersion))
        try builder.children[2].append(texts: action.readerFeatures)
        try builder.children[3].append(texts: action.writerFeatures)
        try builder.appendNested()
        return builder.finish()
    }

    private func metadataColumn() throws -> Column {
        let builder = ColumnBuilder(type: CheckpointSchema.metadata.type)
        let metadata = snapshot.metadata
        try builder.children[0].append(metadata.id)
        try builder.children[1].append(optional: metadata.name)
        try builder.children[2].append(optional: metadata.description)
        let format = builder.children[3]
        try format.children[0].append(metadata.formatProvider)
        try format.children[1].append(map: metadata.formatOptions)
        try format.appendNested()
        try builder.children[4].append(metadata.schemaString)
        try builder.children[5].append(texts: metadata.partitionColumns)
        try builder.children[6].append(map: metadata.configuration)
        try builder.children[7].append(optional: metadata.createdTime)
        try builder.appendNested()
        return builder.finish()
    }

    /// Without those that have outlived `delta.setTransactionRetentionDuration`, where that is set.
    var transactions: [SetTransaction] {
        let oldest = snapshot.metadata.transactionRetention.map { now - $0 }
        return snapshot.transactions.values.sorted { $0.appId < $1.appId }.filter { transaction in
            guard let oldest, let updated = transaction.lastUpdated else { return true }
            return Timestamp(milliseconds: updated) >= oldest
        }
    }

    private func transactionColumn() throws -> Column {
        let builder = ColumnBuilder(type: CheckpointSchema.transaction.type)
        for transaction in transactions {
            try builder.children[0].append(transaction.appId)
            try builder.children[1].append(transaction.version)
            try builder.children[2].append(optional: transaction.lastUpdated)
            try builder.appendNested()
        }
        return builder.finish()
    }

    private func domainColumn() throws -> Column {
        let builder = ColumnBuilder(type: CheckpointSchema.domain.type)
        for domain in snapshot.domainMetadata.values.sorted(by: { $0.domain < $1.domain }) {
            try builder.children[0].append(domain.domain)
            try builder.children[1].append(domain.configuration)
            try builder.children[2].append(domain.removed)
            try builder.appendNested()
        }
        return builder.finish()
    }
}

extension ColumnBuilder {
    func append(optional text: String?) throws(ColumnarError) {
        if let text { try append(text) } else { appendNull() }
    }

    func append(optional number: Int64?) throws(ColumnarError) {
        if let number { try append(number) } else { appendNull() }
    }

    /// For a list of texts; null for nil.
    func append(texts: [String]?) throws(ColumnarError) {
        guard let texts else { return appendNull() }
        for text in texts { try children[0].append(text) }
        try appendNested()
    }

    /// For a map from text to text; null for nil. Sorted, so that equal maps are equal bytes.
    func append(map: [String: String]?) throws(ColumnarError) {
        guard let map else { return appendNull() }
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            try children[0].append(key)
            try children[1].append(value)
        }
        try appendNested()
    }

    /// For a map of partition values.
    func append(partition keys: [String], _ values: (Int) -> String?) throws(ColumnarError) {
        for (place, key) in keys.enumerated() {
            try children[0].append(key)
            try children[1].append(optional: values(place))
        }
        try appendNested()
    }

    /// For the struct of ``CheckpointSchema/deletionVector``.
    func append(vector: DeletionVectorDescriptor?) throws(ColumnarError) {
        guard let vector else { return appendNull() }
        try children[0].append(vector.storageType)
        try children[1].append(vector.pathOrInlineDv)
        try children[2].append(optional: vector.offset.map(Int64.init))
        try children[3].append(Int64(vector.sizeInBytes))
        try children[4].append(vector.cardinality)
        try appendNested()
    }
}
