import Base
import Columnar
import ObjectStore
import Parquet

/// What new data files of a table have in common.
struct NewFileFormat: Sendable {
    /// The columns in the files, as files call them: the table's without those it is partitioned by.
    let fields: [Field]
    /// Columns behind them that are none of the table's, and have no statistics.
    let hidden: [Field]
    let compression: Compression
    let statistics: StatisticsColumns
    let createdBy: String
    /// Entries of the footer.
    var keyValues: [FileMetadata.KeyValue] = []
    /// Where a row group ends, other than where the writer's defaults say.
    var rowGroupRows: Int?
    var rowGroupBytes: Int?
    private let parallelism: Int

    init(_ snapshot: Snapshot, hidden: [Field] = [], compression: Compression, environment: EngineEnvironment) {
        let metadata = snapshot.metadata
        self.hidden = hidden
        fields = metadata.dataFields.map(metadata.columnMapping.physical)
        self.compression = compression
        parallelism = environment.parallelism
        // Files of a clustered table must have statistics on its clustering columns (protocol, "Writer Requirements for Clustered Table").
        statistics = StatisticsColumns(
            dataFields: metadata.dataFields, configuration: metadata.configuration, always: snapshot.clusteringColumns.map(\.storedPath),
            storedName: metadata.physicalName)
        let version = environment.engineInfo.split(separator: "/").last.map(String.init) ?? "unknown"
        createdBy = "levee version \(version) (build unknown)"
    }

    var writerOptions: WriterOptions {
        var options = WriterOptions(compression: compression, concurrency: parallelism, createdBy: createdBy, keyValues: keyValues)
        options.rowGroupRows = rowGroupRows ?? options.rowGroupRows
        options.rowGroupBytes = rowGroupBytes ?? options.rowGroupBytes
        return options
    }
}

/// A data file that is being written, and known to ``StagedFiles``, but not yet part of the table. Used by one task at a time.
final class NewFile {
    let path: ObjectPath
    let partitionValues: [String?]
    let writer: ParquetWriter
    private let format: NewFileFormat
    private let staged: StagedFiles

    init(
        table: DeltaTable, staged: StagedFiles, format: NewFileFormat, kind: DataFileName.Kind = .data, metadata: TableMetadata, partitionValues: [String?],
        sequence: Int
    ) async throws {
        path = try DataFileName.make(
            kind, directory: PartitionPath.directory(columns: metadata.partitionColumns, values: partitionValues), sequence: sequence,
            codec: format.compression.fileNamePart, random: table.environment.random)
        self.partitionValues = partitionValues
        self.format = format
        self.staged = staged
        staged.add(path)
        writer = try ParquetWriter(writer: try await table.store.write(path), schema: Schema(format.fields + format.hidden), options: format.writerOptions)
    }

    /// Makes the file whole in the store, checks it there, and returns the action that adds it.
    ///
    /// - Parameter expectedRows: how many rows it must have; nil where only the writer knows.
    func finish(table: DeltaTable, partitionKeys: [String], expectedRows: Int64?, dataChange: Bool) async throws -> AddFile {
        let written = try await writer.finish()
        FaultPoint.hit("staged.written")
        try await verify(written, store: table.store, expectedRows: expectedRows)
        staged.verified(rows: written.rowCount, bytes: written.sizeInBytes)
        FaultPoint.hit("staged.verified")
        return AddFile(
            path: DataPath(path), partitionValues: PartitionValues(columns: partitionKeys, values: partitionValues), size: written.sizeInBytes,
            modificationTime: table.environment.clock.now().milliseconds, dataChange: dataChange,
            stats: FileStatistics(written, fields: format.fields).json(fields: format.fields, columns: format.statistics))
    }

    /// Gives up. What is in the store by now goes with ``StagedFiles/discard()``.
    func abort() async { await writer.abort() }

    /// What a reader finds in the store, against what was meant: a footer that parses, the size, the rows.
    private func verify(_ written: WrittenFile, store: any ObjectStore, expectedRows: Int64?) async throws {
        if let expectedRows, written.rowCount != expectedRows {
            throw DeltaError.corruptDataFile(path: path.string, reason: "it was written with \(written.rowCount) rows in place of \(expectedRows)")
        }
        let stored = try await store.head(path)
        guard stored.sizeInBytes == written.sizeInBytes else {
            throw DeltaError.corruptDataFile(path: path.string, reason: "\(written.sizeInBytes) bytes were written and \(stored.sizeInBytes) are in the store")
        }
        let file = try await ParquetFile.open(store, path, sizeInBytes: stored.sizeInBytes)
        guard file.metadata.rowCount == written.rowCount, file.metadata.rowGroups.count == written.rowGroupCount,
            file.metadata.rowGroups.reduce(0, { $0 + $1.rowCount }) == written.rowCount
        else { throw DeltaError.corruptDataFile(path: path.string, reason: "its footer in the store is not the one that was written") }
    }
}

extension Compression {
    /// As Spark puts it into a file's name.
    fileprivate var fileNamePart: String {
        switch self {
        case .uncompressed: ""
        case .snappy: "snappy"
        case .zstd: "zstd"
        case .gzip: "gz"
        }
    }
}

extension FileStatistics {
    /// From what the writer saw. Leaves in lists and maps have no statistics in Delta.
    init(_ written: WrittenFile, fields: [Field]) {
        rowCount = written.rowCount
        var leaves: [[String]: LeafStatistics] = [:]
        for column in written.columns {
            leaves[column.path] = LeafStatistics(
                minimum: column.minimum, maximum: column.maximum, nullCount: column.nullCount, hasNaN: column.sawNaN)
        }
        self.leaves = leaves
    }
}
