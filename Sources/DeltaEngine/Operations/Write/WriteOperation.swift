import Base
import Columnar

/// Appends rows to the table. They must fit its columns and types; the input is streamed.
public struct WriteOperation: Sendable {
    public let table: DeltaTable
    public let input: WriteInput
    public let options: WriteOptions

    public init(table: DeltaTable, input: WriteInput, options: WriteOptions = WriteOptions()) {
        self.table = table
        self.input = input
        self.options = options
    }

    /// On an error nothing has been committed, and what had been written is removed, but where it is not known whether the commit is in the log.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> WriteResult {
        let snapshot = try await table.snapshot()
        try snapshot.require(.append)
        var result = WriteResult(version: nil, alreadyApplied: false, metrics: WriteMetrics())
        if let version = try options.conditions.versionApplied(in: snapshot) {
            result.version = version
            result.alreadyApplied = true
            return result
        }
        let staged = StagedFiles(store: table.store, logger: table.environment.logger)
        do {
            return try await DeltaError.wrapping { try await write(snapshot, staged, result, progress) }
        } catch {
            if !StagedFiles.mayBeCommitted(after: error) { await staged.discard() }
            throw error
        }
    }

    private func write(_ snapshot: Snapshot, _ staged: StagedFiles, _ initial: WriteResult, _ progress: ProgressReporter) async throws -> WriteResult {
        let format = NewFileFormat(snapshot, compression: options.codec.compression, environment: table.environment)
        let writer = try TableFileWriter(table: table, snapshot: snapshot, format: format, staged: staged)
        let source = makeSource(snapshot.schema)
        do {
            while let batch = try await source.next() {
                try Task.checkCancellation()
                try await writer.write(batch)
                progress(OperationProgress(phase: .writing, filesDone: Int64(writer.adds.count), bytesDone: writer.adds.reduce(0) { $0 + $1.size }))
            }
            try await writer.finish()
        } catch {
            await writer.abort()
            throw error
        }
        var result = initial
        result.metrics = WriteMetrics(
            numFiles: Int64(writer.adds.count), numOutputRows: writer.rowCount, numOutputBytes: writer.adds.reduce(0) { $0 + $1.size })
        guard !writer.adds.isEmpty else { return result }

        FaultPoint.hit("write.beforeCommit")
        switch try await commit(writer.adds, snapshot, result.metrics) {
        case .committed(let commit):
            result.version = commit.version
            result.verification = Verification(staged: staged.verified, table: commit.verified)
        case .alreadyApplied:
            await staged.discard()
            result = WriteResult(version: nil, alreadyApplied: true, metrics: WriteMetrics())
        }
        FaultPoint.hit("write.committed")
        return result
    }

    private func makeSource(_ schema: Schema) -> any RowSource {
        switch input.format {
        case .parquet: ParquetSource(store: input.store, path: input.path, schema: schema)
        case .jsonLines: JSONLinesSource(store: input.store, path: input.path, schema: schema)
        }
    }

    private func commit(_ adds: [AddFile], _ snapshot: Snapshot, _ metrics: WriteMetrics) async throws -> CommitResult {
        let partitionBy = JSON.encode(.array(snapshot.metadata.partitionColumns.map(JSONValue.string)))
        let operation = OperationInfo(
            "WRITE", parameters: ["mode": "Append", "partitionBy": .string(partitionBy)],
            metrics: [
                "numFiles": .string(String(metrics.numFiles)), "numOutputRows": .string(String(metrics.numOutputRows)),
                "numOutputBytes": .string(String(metrics.numOutputBytes)),
            ], uid: options.conditions.operationUID)
        var transaction = Transaction(table: table, readSnapshot: snapshot, operation: operation, actions: adds.map(Action.add))
        transaction.looksUpFiles = true
        options.conditions.apply(to: &transaction)
        return try await transaction.commit()
    }
}
