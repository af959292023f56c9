import Base
import Columnar
import ObjectStore
import Parquet

/// Writes the state of a snapshot as a classic V1 checkpoint, and points `_last_checkpoint` at it (protocol, "Checkpoints").
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
            guard let written = try await writeFile() else { return nil }
            FaultPoint.hit("checkpoint.beforeHint")
            try await writeHint(written)
            FaultPoint.hit("checkpoint.afterHint")
            return written
        }
    }

    private func writeFile() async throws -> Written? {
        let schema = CheckpointSchema(snapshot.metadata)
        let writer = try await table.store.write(ObjectPath(LogFileName.classicCheckpointPath(snapshot.version)))
        do {
            let environment = table.environment
            let file = try ParquetWriter(
                writer: writer, schema: Schema(schema.fields),
                options: WriterOptions(compression: .zstd(level: Self.zstdLevel), createdBy: environment.parquetCreatedBy))
            let rows = try await CheckpointRows(snapshot, schema, now: environment.clock.now()).forEachBatch { try await file.write($0) }
            let written = try await file.finish()
            guard written.rowCount == Int64(rows) else {
                throw DeltaError.corruptCheckpoint(
                    version: snapshot.version, file: LogFileName.classicCheckpointPath(snapshot.version),
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
