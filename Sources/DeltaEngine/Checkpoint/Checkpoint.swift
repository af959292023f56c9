import Base
import Columnar
import ObjectStore
import Parquet

/// Writes the state of a snapshot as a checkpoint of the kind that the table's `delta.checkpointPolicy` asks for, V1 or V2, and points `_last_checkpoint` at it (protocol, "Checkpoints").
public struct Checkpoint: Sendable {
    public let table: DeltaTable
    public let snapshot: Snapshot

    public init(table: DeltaTable, snapshot: Snapshot) {
        self.table = table
        self.snapshot = snapshot
    }

    public struct Written: Sendable, Hashable {
        public let version: Int64
        /// The actions it holds.
        public let actions: Int
        public let sizeInBytes: Int64
    }

    /// Levels above take several times as long for a few percent.
    private static let zstdLevel = 1

    /// Writes the checkpoint; nil where another writer has just written the same one.
    ///
    /// Throws the registry's refusals, ``DeltaError/storage(_:)``; the table is as it was then.
    @discardableResult
    public func write() async throws -> Written? {
        try snapshot.require(.checkpoint)
        return try await DeltaError.wrapping {
            FaultPoint.hit("checkpoint.beforeWrite")
            guard let written = try await isV2 ? writeV2() : writeClassic() else { return nil }
            FaultPoint.hit("checkpoint.beforeHint")
            try await writeHint(written)
            FaultPoint.hit("checkpoint.afterHint")
            return written
        }
    }

    /// V2 needs its table feature; V1 is always allowed (protocol, "Checkpoints").
    private var isV2: Bool {
        snapshot.metadata.wantsV2Checkpoints && FeatureRegistry.readerFeatures(snapshot.protocol).contains(TableFeature.v2Checkpoint.name)
    }

    private func writeClassic() async throws -> Written? {
        let schema = CheckpointSchema(snapshot.metadata, clusteredBy: snapshot.clusteringColumns)
        return try await writeFile(
            ObjectPath(LogFileName.classicCheckpointPath(snapshot.version)), schema.fields,
            CheckpointRows(snapshot, schema, now: table.environment.clock.now()))
    }

    /// The file actions in a sidecar, then the manifest that makes it count.
    private func writeV2() async throws -> Written? {
        let environment = table.environment
        let now = environment.clock.now()
        let schema = CheckpointSchema(snapshot.metadata, clusteredBy: snapshot.clusteringColumns)
        let path = try ObjectPath("\(Sidecar.directory)\(UUID.v4(environment.random)).parquet")
        let rows = CheckpointRows(snapshot, schema, filesOnly: true, now: now)
        guard let files = try await writeFile(path, [schema.add, CheckpointSchema.remove], rows) else { return nil }
        FaultPoint.hit("checkpoint.beforeManifest")
        let transactions = rows.transactions
        let manifest = CheckpointManifest.encode(
            snapshot, transactions: transactions, sidecars: files.actions > 0 ? [Sidecar(path: path, sizeInBytes: files.sizeInBytes)] : [], now: now)
        try await table.store.put(ObjectPath(LogFileName.manifestPath(snapshot.version, UUID.v4(environment.random))), manifest, mode: .ifAbsent)
        return Written(
            version: snapshot.version, actions: files.actions + 2 + transactions.count + snapshot.domainMetadata.count,
            sizeInBytes: files.sizeInBytes + Int64(manifest.count))
    }

    private func writeFile(_ path: ObjectPath, _ fields: [Field], _ rows: CheckpointRows) async throws -> Written? {
        let writer = try await table.store.write(path)
        do {
            let environment = table.environment
            let file = try ParquetWriter(
                writer: writer, schema: Schema(fields),
                options: WriterOptions(compression: .zstd(level: Self.zstdLevel), createdBy: environment.parquetCreatedBy))
            let rows = try await rows.forEachBatch(tasks: environment.parallelism) { try await file.write($0) }
            let written = try await file.finish()
            guard written.rowCount == Int64(rows) else {
                throw DeltaError.corruptCheckpoint(
                    version: snapshot.version, file: path.string,
                    reason: "\(written.rowCount) of \(rows) rows were written"
                )
            }
            return Written(version: snapshot.version, actions: rows, sizeInBytes: written.sizeInBytes)
        } catch ObjectStoreError.alreadyExists {
            // Another writer's, with the same content (protocol, "Classic checkpoint").
            return nil
        } catch {
            await writer.abort()
            throw error
        }
    }

    /// Never moves the hint back: another writer may have made a newer checkpoint meanwhile.
    private func writeHint(_ written: Written) async throws {
        if let hint = try await LastCheckpoint.read(table.store), hint.version > written.version { return }
        let json: JSONValue = [
            "version": .integer(written.version), "size": .integer(Int64(written.actions)), "sizeInBytes": .integer(written.sizeInBytes),
            "numOfAddFiles": .integer(Int64(snapshot.numFiles)),
        ]
        try await table.store.put(ObjectPath(LogFileName.lastCheckpoint), JSON.encodeBytes(json), mode: .overwrite)
    }
}
