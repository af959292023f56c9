import Base
import Columnar
import ObjectStore
import Parquet

/// Writes the rows that a commit takes away for the change feed (protocol, "Add CDC File"), one open file at a time. Used by one task.
final class DeletedRowsWriter {
    private let table: DeltaTable
    private let snapshot: Snapshot
    private let staged: StagedFiles
    private let fields: [Field]
    private let targetFileSize: Int64
    private var current: OpenFile?
    private var sequence = 0
    private(set) var files: [AddChangeData] = []

    private struct OpenFile {
        let file: NewFile
        let partition: PartitionKey
        let calendar: [FileMetadata.KeyValue]
        var rows: Int64 = 0
    }

    private static let batchRows = 65_536

    /// Throws ``DeltaError/invalidMetadata(reason:)`` for a table with a column of the name that change files give to theirs.
    init(table: DeltaTable, snapshot: Snapshot, staged: StagedFiles) throws(DeltaError) {
        self.table = table
        self.snapshot = snapshot
        self.staged = staged
        fields = snapshot.metadata.dataFields.map(snapshot.metadata.columnMapping.physical)
        targetFileSize = snapshot.metadata.targetFileSize ?? OptimizeOptions.defaultTargetFileSize
        if fields.contains(where: { $0.name.lowercased() == ChangesReader.typeColumn }) {
            throw .invalidMetadata(reason: "its column \(ChangesReader.typeColumn) has the name of one of the change feed's")
        }
    }

    /// Rows of a file of the table. Those of one partition should come one behind the other: each change of the partition starts a new file.
    func write(_ rows: LiveRows, of view: FileView) async throws {
        let place = try table.files.place(of: view.path)
        let whole = try await DataFile.open(
            place.store, place.path, sizeInBytes: view.size, mapping: snapshot.metadata.columnMapping, fields: fields, hidden: [])
        let source = try whole.only(rows)
        try source.checkCalendarCarries()
        let partition = PartitionKey(view.partitionValues)
        let scan = try source.scan()
        while let run = try await scan.next(maxRows: Self.batchRows) {
            try Task.checkCancellation()
            let batch = try source.wanted(of: run)
            guard batch.rowCount > 0 else { continue }
            let type = try Column.repeating(.string("delete"), type: .string, count: batch.rowCount)
            var open = try await file(for: partition, calendar: source.calendarEntries)
            try await open.file.writer.write(
                try ColumnBatch(schema: open.file.writer.schema, columns: batch.columns + [type], rowCount: batch.rowCount))
            open.rows += Int64(batch.rowCount)
            current = open
        }
    }

    /// Ends the last file; then ``files`` is complete.
    func finish() async throws {
        guard let open = current else { return }
        current = nil
        do {
            let add = try await open.file.finish(table: table, partitionKeys: snapshot.files.partitionKeys, expectedRows: open.rows, dataChange: false)
            files.append(AddChangeData(path: add.path, partitionValues: add.partitionValues, size: add.size))
        } catch {
            await open.file.abort()
            throw error
        }
        FaultPoint.hit("changes.written")
    }

    func abort() async {
        await current?.file.abort()
        current = nil
    }

    private func file(for partition: PartitionKey, calendar: [FileMetadata.KeyValue]) async throws -> OpenFile {
        if let open = current, open.partition == partition, open.calendar == calendar, open.file.writer.sizeInBytes < targetFileSize { return open }
        try await finish()
        var format = NewFileFormat(
            snapshot, hidden: [Field(ChangesReader.typeColumn, .string)], compression: .zstd(), environment: table.environment)
        format.keyValues = calendar
        let file = try await NewFile(
            table: table, staged: staged, format: format, kind: .changes, metadata: snapshot.metadata, partitionValues: partition.values, sequence: sequence)
        sequence += 1
        return OpenFile(file: file, partition: partition, calendar: calendar)
    }
}
