import Base
import Columnar
import ObjectStore
import Parquet

/// Reads a V1 checkpoint's files into replay batches: Spark's, delta-rs' and Levee's forms, one file or many parts, statistics as JSON or as structs.
///
/// Members are found by name; what a writer left out counts as null (protocol, "Checkpoints").
struct CheckpointReader {
    let store: any ObjectStore
    let environment: EngineEnvironment

    /// Rows decoded at a time: what is in memory besides the columns that are kept.
    private static let rowsPerStep = 8192

    func read(_ checkpoint: CheckpointFiles) async throws -> [ReplayBatch] {
        let (store, version) = (store, checkpoint.version)
        return try await concurrentMap(checkpoint.files, limit: environment.parallelism) { file in
            do {
                return try await Self.read(file, version: version, store)
            } catch let error as ParquetError {
                throw DeltaError.corruptCheckpoint(version: version, file: file.path.string, reason: error.description)
            } catch let error as ActionDecoding.Failure {
                throw DeltaError.corruptCheckpoint(version: version, file: file.path.string, reason: error.reason)
            } catch ObjectStoreError.notFound {
                throw DeltaError.corruptCheckpoint(version: version, file: file.path.string, reason: "it is gone")
            }
        }
    }

    private static let columns: Set<String> = ["protocol", "metaData", "txn", "domainMetadata", "add", "remove"]

    private static func read(_ file: LogFile, version: Int64, _ store: any ObjectStore) async throws -> ReplayBatch {
        let parquet = try await ParquetFile.open(store, file.path, sizeInBytes: file.sizeInBytes, columns: columns)
        var batch = ReplayBatch()
        let adds = FileSegmentBuilder()
        let removes = FileSegmentBuilder()
        for group in parquet.metadata.rowGroups.indices {
            for (position, field) in parquet.schema.fields.enumerated() {
                let reader = try await parquet.columnReader(rowGroup: group, column: position)
                while let column = try reader.next(maxRows: rowsPerStep) {
                    try Task.checkCancellation()
                    guard let rows = StructRows(column, field: field) else {
                        throw ActionDecoding.Failure(reason: "the column \(field.name) is a \(field.type), not a struct")
                    }
                    switch field.name {
                    case "add": try CheckpointFileRows(rows, isAdd: true).append(to: adds)
                    case "remove": try CheckpointFileRows(rows, isAdd: false).append(to: removes)
                    default: try readState(rows, field.name, version: version, into: &batch)
                    }
                }
            }
        }
        batch.adds = adds.finish()
        batch.removes = removes.finish()
        return batch
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
