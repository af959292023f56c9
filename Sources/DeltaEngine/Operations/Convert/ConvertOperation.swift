import Base
import Columnar
import ObjectStore
import Parquet

/// Makes a Delta table of a directory of Parquet files where it is (CONVERT TO DELTA): the files stay, a log comes beside them.
public struct ConvertOperation: Sendable {
    public let table: DeltaTable
    public let options: ConvertOptions
    /// Bytes of actions from which on the commit is written as they come.
    var commitBuffer = FirstCommit.largestBuffer

    /// Tables with more files get a checkpoint at once.
    private static let filesWithoutCheckpoint = 10_000

    public init(table: DeltaTable, options: ConvertOptions = ConvertOptions()) {
        self.table = table
        self.options = options
    }

    /// Throws ``DeltaError/invalidRequest(reason:)`` for files that make no table together, ``DeltaError/unsupportedType(column:type:)`` for types that Delta
    /// has not, ``DeltaError/tableExists(location:)`` for a table that is partitioned in another way than asked for.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> ConvertResult {
        try await DeltaError.wrapping {
            if try await table.exists() { return try await existing() }
            if let expected = options.conditions.expectedVersion { throw DeltaError.versionMismatch(expected: expected, actual: -1) }
            return try await convert(progress)
        }
    }

    private func existing() async throws -> ConvertResult {
        let snapshot = try await table.snapshot()
        if let asked = options.partitionBy, asked.map({ $0.name.lowercased() }) != snapshot.metadata.partitionColumns.map({ $0.lowercased() }) {
            throw DeltaError.tableExists(location: table.location)
        }
        return ConvertResult(
            version: nil, wasTable: true, schema: snapshot.schema, partitionColumns: snapshot.metadata.partitionColumns, metrics: ConvertMetrics())
    }

    private func convert(_ progress: @escaping ProgressReporter) async throws -> ConvertResult {
        let directory = try await ParquetDirectory.list(table.store, partitionBy: options.partitionBy, progress: progress)
        FaultPoint.hit("convert.listed")
        let txnId = UUID.v4(table.environment.random).description
        let commit = FirstCommit(store: table.store, info: commitInfo(directory, txnId), txnId: txnId, buffer: commitBuffer)
        do {
            return try await write(commit, directory, progress)
        } catch {
            await commit.abort()
            throw error
        }
    }

    private func write(_ commit: FirstCommit, _ directory: ParquetDirectory, _ progress: @escaping ProgressReporter) async throws -> ConvertResult {
        var union = SchemaUnion()
        var metrics = ConvertMetrics()
        var rowCounts: [Int64] = []
        var state = OperationProgress(
            phase: .reading, filesTotal: Int64(directory.files.count), bytesTotal: directory.files.reduce(0) { $0.saturatingAdding($1.sizeInBytes) })
        var upcoming = directory.files.makeIterator()
        try await OrderedPipeline(concurrency: max(16, table.environment.parallelism * 4), maximumWeight: .max).run(
            next: { upcoming.next().map { (job: $0, weight: 1) } },
            body: { try await read($0, directory) },
            consume: { file in
                try union.add(file.fields, of: file.path)
                metrics.numConvertedFiles += 1
                metrics.convertedFilesSize = metrics.convertedFilesSize.saturatingAdding(file.add.size)
                metrics.numRecords = metrics.numRecords.saturatingAdding(file.rowCount)
                if options.conditions.verifiesRows { rowCounts.append(file.rowCount) }
                if !options.dryRun { try await commit.add(.add(file.add)) }
                state.filesDone += 1
                state.bytesDone = state.bytesDone.saturatingAdding(file.add.size)
                if state.filesDone % 256 == 0 || state.filesDone == state.filesTotal { progress(state) }
            })
        let metadata = try ConvertedSchema.metadata(
            fields: union.fields, partitionColumns: directory.partitionColumns, options: options, id: UUID.v4(table.environment.random).description,
            createdTime: table.environment.clock.now().milliseconds)
        var head: [Action] = [.protocol(try NewTableProtocol.make(for: metadata, allowing: .append)), .metadata(metadata)]
        if let once = options.conditions.idempotency {
            head.append(
                .transaction(SetTransaction(appId: once.appId, version: once.version, lastUpdated: table.environment.clock.now().milliseconds)))
        }
        var result = ConvertResult(
            version: nil, wasTable: false, schema: metadata.schema, partitionColumns: metadata.partitionColumns, metrics: metrics)
        // All footers were read, and what the log is to say of the rows is from them.
        var staged = Verification.Staged(files: metrics.numConvertedFiles, rows: metrics.numRecords, bytes: metrics.convertedFilesSize)
        if options.conditions.verifiesRows { staged.readRows = try await readRows(directory, rowCounts, metadata, progress) }
        FaultPoint.hit("convert.read")
        if options.dryRun { return result }
        progress(OperationProgress(phase: .committing))
        FaultPoint.hit("convert.beforeCommit")
        try await commit.finish(head)
        FaultPoint.hit("convert.committed")
        result.version = 0
        result.verification = Verification(staged: staged, table: try await follow(metrics))
        return result
    }

    /// A look at the table, and what makes it quick to open. Only that it is not what was meant fails the operation: the commit stands.
    private func follow(_ metrics: ConvertMetrics) async throws -> Verification.Table? {
        var verified: Verification.Table?
        do {
            let snapshot = try await table.snapshot(version: 0)
            verified = try await verify(snapshot, metrics)
            try await table.store.put(
                ObjectPath(LogFileName.checksumPath(0)), VersionChecksum.encode(snapshot, txnId: snapshot.commitInfo?.txnId ?? ""), mode: .ifAbsent)
            FaultPoint.hit("convert.checksum")
            if snapshot.numFiles > Self.filesWithoutCheckpoint { try await Checkpoint(table: table, snapshot: snapshot).write() }
        } catch {
            if let error = error as? DeltaError, case .commitNotAsMeant = error { throw error }
            table.environment.logger.warning(
                "what follows a commit (a look at the table, checksum, checkpoint) could not all be done; the table is there, a later commit will try again",
                ["table": table.location, "error": "\(error)"])
        }
        return verified
    }

    // MARK: Verification

    private func verify(_ snapshot: Snapshot, _ metrics: ConvertMetrics) async throws -> Verification.Table {
        let (files, rows) = (Int64(snapshot.numFiles), snapshot.files.numRecords)
        guard files == metrics.numConvertedFiles, rows ?? metrics.numRecords == metrics.numRecords else {
            throw DeltaError.commitNotAsMeant(
                version: 0,
                reason: "it has \(files) files with \(rows.map(String.init) ?? "?") rows in place of \(metrics.numConvertedFiles) with \(metrics.numRecords)")
        }
        let found = try await CommittedFiles(table: table, snapshot: snapshot).lookUp(Array(snapshot.files.indices))
        return Verification.Table(version: 0, files: files, rows: rows, filesFound: found)
    }

    /// Reads all rows, as readers of the table will. Returns how many there are.
    ///
    /// - Parameter rowCounts: what the files' footers said.
    private func readRows(
        _ directory: ParquetDirectory, _ rowCounts: [Int64], _ metadata: TableMetadata, _ progress: @escaping ProgressReporter
    ) async throws -> Int64 {
        let (mapping, store) = (metadata.columnMapping, table.store)
        let fields = metadata.dataFields.map(mapping.physical)
        var state = OperationProgress(
            phase: .reading, filesTotal: Int64(directory.files.count), bytesTotal: directory.files.reduce(0) { $0.saturatingAdding($1.sizeInBytes) })
        var rows: Int64 = 0
        var upcoming = zip(directory.files, rowCounts).makeIterator()
        try await OrderedPipeline(concurrency: table.environment.parallelism, maximumWeight: .max).run(
            next: { upcoming.next().map { (job: $0, weight: 1) } },
            body: { info, rowCount in
                let file = try await DataFile.open(
                    store, info.path, sizeInBytes: info.sizeInBytes, mapping: mapping, fields: fields, hidden: [], verifyingChecksums: true)
                let digest = try await RowDigest(reading: file)
                guard digest.rows == rowCount else {
                    throw DeltaError.corruptDataFile(path: info.path.string, reason: "it had \(rowCount) rows when the run began, and has \(digest.rows) now")
                }
                return (rows: digest.rows, bytes: info.sizeInBytes)
            },
            consume: { file in
                rows = rows.saturatingAdding(file.rows)
                state.filesDone += 1
                state.bytesDone = state.bytesDone.saturatingAdding(file.bytes)
                progress(state)
            })
        return rows
    }

    // MARK: Files

    private struct Converted: Sendable {
        let path: String
        /// The columns as the file has them.
        let fields: [Field]
        let rowCount: Int64
        let add: AddFile
    }

    private func read(_ info: ObjectInfo, _ directory: ParquetDirectory) async throws -> Converted {
        let file = try await ParquetFile.open(table.store, info.path, sizeInBytes: info.sizeInBytes)
        do throws(DeltaError) {
            try ForeignTypes.check(file.metadata.schema)
        } catch {
            guard case let .unsupportedType(column, type) = error else { throw error }
            throw DeltaError.unsupportedType(column: "\(column) of \(info.path)", type: type)
        }
        let data = file.schema.fields.filter { field in !directory.partitionColumns.contains { $0.name.lowercased() == field.name.lowercased() } }
        let add = AddFile(
            path: DataPath(info.path),
            partitionValues: PartitionValues(columns: directory.partitionColumns.map(\.name), values: try directory.partitionValues(of: info)),
            size: info.sizeInBytes, modificationTime: info.modified.milliseconds, dataChange: true,
            stats: options.collectsStatistics
                ? FileStatistics(footerOf: file).json(fields: data, columns: StatisticsColumns(dataFields: data, configuration: [:])) : nil)
        return Converted(path: info.path.string, fields: file.schema.fields, rowCount: file.metadata.rowCount, add: add)
    }

    private func commitInfo(_ directory: ParquetDirectory, _ txnId: String) -> JSONValue {
        let partitionedBy = JSON.encode(.array(directory.partitionColumns.map { .string($0.name) }))
        var info: JSONObject = [
            "timestamp": .integer(table.environment.clock.now().milliseconds), "operation": "CONVERT",
            "operationParameters": [
                "numFiles": .string(String(directory.files.count)), "partitionedBy": .string(partitionedBy),
                "collectStats": .string(String(options.collectsStatistics)), "sourceFormat": "parquet",
            ],
            "isolationLevel": "Serializable", "isBlindAppend": false,
            "operationMetrics": ["numConvertedFiles": .string(String(directory.files.count))],
            "engineInfo": .string(table.environment.engineInfo), "txnId": .string(txnId),
        ]
        if let uid = options.conditions.operationUID { info["levee"] = ["operationUid": .string(uid)] }
        return .object(info)
    }
}

extension FileStatistics {
    /// As good as the footer has them: bounds that it does not have, or that mean nothing, are left out.
    init(footerOf file: ParquetFile) {
        var leaves: [[String]: LeafStatistics] = [:]
        for facts in file.leafFacts() {
            leaves[facts.path] = LeafStatistics(minimum: facts.minimum, maximum: facts.maximum, nullCount: facts.nullCount, hasNaN: facts.mayHoldNaN)
        }
        self.init(rowCount: file.metadata.rowCount, leaves: leaves)
    }
}
