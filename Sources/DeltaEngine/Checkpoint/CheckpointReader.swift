import Base
import Columnar
import ObjectStore
import Parquet

/// Reads a checkpoint's files into replay batches: Spark's, delta-rs' and Levee's forms, one file or many parts, V2 with its sidecars, statistics as JSON
/// or as structs.
///
/// Members are found by name; what a writer left out counts as null (protocol, "Checkpoints").
struct CheckpointReader {
    let store: any ObjectStore
    let environment: EngineEnvironment

    /// Rows decoded at a time: what is in memory besides the columns that are kept, once per task at work.
    private static let rowsPerStep = 8192

    func read(_ checkpoint: CheckpointFiles) async throws -> [ReplayBatch] {
        let (store, version) = (store, checkpoint.version)
        // Where there are several files each has one task besides the one that decodes it, see ``readFiles(_:isAdd:tasks:)``.
        let limit = max(1, environment.parallelism / 2)
        let tasks = { (files: Int) in files > 1 ? 1 : environment.parallelism }
        let parts = try await concurrentMap(checkpoint.files, limit: limit) { [tasks = tasks(checkpoint.files.count)] file in
            try await Self.naming(file.path, version) { try await Self.read(file, version: version, store, tasks: tasks) }
        }
        let references = parts.flatMap(\.sidecars)
        let sidecars = try await concurrentMap(references, limit: limit) { [tasks = tasks(references.count)] sidecar in
            try await Self.naming(sidecar.path, version) {
                try await Self.read(sidecar.path, sidecar.sizeInBytes, ["add", "remove"], version: version, store, tasks: tasks).batches
            }
        }
        return parts.flatMap(\.batches) + sidecars.flatMap { $0 }
    }

    /// The sidecars that a checkpoint refers to.
    func sidecars(of checkpoint: CheckpointFiles) async throws -> [Sidecar] {
        var sidecars: [Sidecar] = []
        for file in checkpoint.files {
            sidecars += try await Self.naming(file.path, checkpoint.version) {
                if case .uuidCheckpoint(_, isJSON: true) = file.name {
                    return try CheckpointManifest.read(try await store.get(file.path), version: checkpoint.version).sidecars
                }
                return try await Self.read(file.path, file.sizeInBytes, ["sidecar"], version: checkpoint.version, store, tasks: 1).sidecars
            }
        }
        return sidecars
    }

    /// Whatever is wrong with a file as ``DeltaError/corruptCheckpoint(version:file:reason:)``.
    private static func naming<Result>(_ file: ObjectPath, _ version: Int64, _ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ParquetError {
            throw DeltaError.corruptCheckpoint(version: version, file: file.string, reason: error.description)
        } catch let error as ActionDecoding.Failure {
            throw DeltaError.corruptCheckpoint(version: version, file: file.string, reason: error.reason)
        } catch let error as JSONError {
            throw DeltaError.corruptCheckpoint(version: version, file: file.string, reason: error.description)
        } catch ObjectStoreError.notFound {
            throw DeltaError.corruptCheckpoint(version: version, file: file.string, reason: "it is gone")
        }
    }

    private static let columns: Set<String> = ["protocol", "metaData", "txn", "domainMetadata", "add", "remove", "sidecar"]

    /// What one file says, and the sidecars it refers to.
    private struct Part: Sendable {
        var batches: [ReplayBatch] = []
        var sidecars: [Sidecar] = []
    }

    private static func read(_ file: LogFile, version: Int64, _ store: any ObjectStore, tasks: Int) async throws -> Part {
        guard case .uuidCheckpoint(_, isJSON: true) = file.name else {
            return try await read(file.path, file.sizeInBytes, columns, version: version, store, tasks: tasks)
        }
        let manifest = try CheckpointManifest.read(try await store.get(file.path), version: version)
        return Part(batches: [manifest.batch], sidecars: manifest.sidecars)
    }

    /// One batch with the state, and one per run of file rows.
    private static func read(
        _ path: ObjectPath, _ sizeInBytes: Int64, _ columns: Set<String>, version: Int64, _ store: any ObjectStore, tasks: Int
    ) async throws -> Part {
        let parquet = try await ParquetFile.open(store, path, sizeInBytes: sizeInBytes, columns: columns)
        var sidecars: [Sidecar] = []
        var state = ReplayBatch()
        var batches: [ReplayBatch] = []
        for group in parquet.metadata.rowGroups.indices {
            for (position, field) in parquet.schema.fields.enumerated() {
                let stream = try await parquet.columnStream(rowGroup: group, column: position)
                if field.name == "add" || field.name == "remove" {
                    batches += try await readFiles(stream, isAdd: field.name == "add", tasks: tasks)
                } else if field.name == "sidecar" {
                    while let column = try await stream.next(maxRows: rowsPerStep) {
                        let rows = try rows(column, field)
                        for row in 0..<rows.count where !rows.isNull(row) { sidecars.append(try Sidecar(members: rows.object(row))) }
                    }
                } else {
                    while let column = try await stream.next(maxRows: rowsPerStep) {
                        try readState(try rows(column, field), field.name, version: version, into: &state)
                    }
                }
            }
        }
        return Part(batches: [state] + batches, sidecars: sidecars)
    }

    /// The file rows of a column. While a run of rows is decoded, those before are put into their segments by other tasks.
    private static func readFiles(_ stream: ColumnChunkStream, isAdd: Bool, tasks: Int) async throws -> [ReplayBatch] {
        let field = stream.field
        return try await withThrowingTaskGroup(of: (Int, FileSegment).self) { group in
            var segments: [Int: FileSegment] = [:]
            var count = 0
            while let column = try await stream.next(maxRows: rowsPerStep) {
                if count - segments.count >= tasks, let (index, segment) = try await group.next() { segments[index] = segment }
                // Where a column has nothing but nulls there are no files.
                guard column.nullCount < column.count else { continue }
                let index = count
                group.addTask {
                    let builder = FileSegmentBuilder(capacity: column.count - column.nullCount)
                    try CheckpointFileRows(try rows(column, field), isAdd: isAdd).append(to: builder)
                    return (index, builder.finish())
                }
                count += 1
            }
            while let (index, segment) = try await group.next() { segments[index] = segment }
            return (0..<count).compactMap { segments[$0] }.map { segment in
                var batch = ReplayBatch()
                if isAdd { batch.adds = segment } else { batch.removes = segment }
                return batch
            }
        }
    }

    private static func rows(_ column: Column, _ field: Field) throws -> StructRows {
        guard let rows = StructRows(column, field: field) else {
            throw ActionDecoding.Failure(reason: "the column \(field.name) is a \(field.type), not a struct")
        }
        return rows
    }

    /// The few rows that are no files go the way of the commits' lines: as JSON objects.
    private static func readState(_ rows: StructRows, _ name: String, version: Int64, into batch: inout ReplayBatch) throws {
        for row in 0..<rows.count where !rows.isNull(row) {
            let members = rows.object(row)
            switch name {
            case "protocol": batch.protocol = (version, try ActionDecoding.protocolAction(members))
            case "metaData": batch.metadata = (version, members)
            case "txn":
                let transaction = try ActionDecoding.transaction(members)
                batch.transactions[transaction.appId] = transaction
            case "domainMetadata":
                let domain = try ActionDecoding.domainMetadata(members)
                batch.domains[domain.domain] = domain
            default: continue
            }
        }
    }
}
