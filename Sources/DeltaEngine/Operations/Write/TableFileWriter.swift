import Base
import Columnar
import Parquet

/// Writes rows into new files of the table, one open file per partition, within a memory budget. Used by one task.
final class TableFileWriter {
    private let table: DeltaTable
    private let metadata: TableMetadata
    private let partitionKeys: [String]
    private let format: NewFileFormat
    private let staged: StagedFiles
    private let split: PartitionSplit
    private let rules: RowRules
    private let targetFileSize: Int64

    private struct OpenFile {
        let file: NewFile
        var rows: Int64 = 0
        /// Of values that wait for their row group to be full, roughly.
        var bufferedBytes = 0
        var lastUse = 0
    }

    private var open: [PartitionKey: OpenFile] = [:]
    private var uses = 0
    private var sequence = 0
    private(set) var adds: [AddFile] = []
    private(set) var rowCount: Int64 = 0

    /// Each open file has a descriptor in the store.
    private static let mostOpenFiles = 128

    /// Throws ``DeltaError/unsupportedFeature(feature:access:reason:)`` where the table has a rule for its rows that Levee cannot check.
    init(table: DeltaTable, snapshot: Snapshot, format: NewFileFormat, staged: StagedFiles) throws(DeltaError) {
        self.table = table
        metadata = snapshot.metadata
        partitionKeys = snapshot.files.partitionKeys
        self.format = format
        self.staged = staged
        split = PartitionSplit(schema: snapshot.schema, partitionColumns: snapshot.metadata.partitionColumns)
        rules = try RowRules(snapshot, now: table.environment.clock.now())
        targetFileSize = snapshot.metadata.targetFileSize ?? OptimizeOptions.defaultTargetFileSize
    }

    /// Rows with all of the table's columns, in its order. Throws ``DeltaError/invalidData(source:reason:)`` for a row that the table's rules forbid.
    func write(_ batch: ColumnBatch) async throws {
        try rules.check(batch)
        for part in try split.parts(of: batch) where part.batch.rowCount > 0 {
            var entry = try await openFile(for: part.partition)
            try await entry.file.writer.write(part.batch)
            uses += 1
            entry.lastUse = uses
            entry.rows += Int64(part.batch.rowCount)
            entry.bufferedBytes += part.batch.columns.reduce(0) { $0 + $1.sizeInBytes }
            if entry.bufferedBytes >= format.writerOptions.rowGroupBytes { entry.bufferedBytes = 0 }
            rowCount += Int64(part.batch.rowCount)
            open[part.partition] = entry
            if entry.file.writer.sizeInBytes >= targetFileSize { try await finish(part.partition) }
        }
        try await relieve()
    }

    /// Ends all files; then ``adds`` is complete.
    func finish() async throws {
        for key in open.sorted(by: { $0.value.lastUse < $1.value.lastUse }).map(\.key) { try await finish(key) }
    }

    func abort() async {
        for entry in open.values { await entry.file.abort() }
        open = [:]
    }

    private func openFile(for partition: PartitionKey) async throws -> OpenFile {
        if let entry = open[partition] { return entry }
        if open.count >= Self.mostOpenFiles, let idle = open.min(by: { $0.value.lastUse < $1.value.lastUse }) { try await finish(idle.key) }
        FaultPoint.hit("write.beforeFile")
        let file = try await NewFile(
            table: table, staged: staged, format: format, metadata: metadata, partitionValues: partition.values, sequence: sequence)
        sequence += 1
        return OpenFile(file: file)
    }

    private func finish(_ key: PartitionKey) async throws {
        guard let entry = open.removeValue(forKey: key) else { return }
        do {
            adds.append(try await entry.file.finish(table: table, partitionKeys: partitionKeys, expectedRows: entry.rows, dataChange: true))
        } catch {
            await entry.file.abort()
            throw error
        }
        FaultPoint.hit("write.afterFile")
    }

    /// Where many partitions wait for full row groups, those with the most in memory get theirs early.
    private func relieve() async throws {
        var buffered = open.values.reduce(0) { $0 + $1.bufferedBytes }
        let budget = Int(clamping: table.environment.memoryBudget / 2)
        while buffered > budget, let largest = open.max(by: { $0.value.bufferedBytes < $1.value.bufferedBytes }), largest.value.bufferedBytes > 0 {
            try await largest.value.file.writer.endRowGroup()
            buffered -= largest.value.bufferedBytes
            open[largest.key]?.bufferedBytes = 0
        }
    }
}
