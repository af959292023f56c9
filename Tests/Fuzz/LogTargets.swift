import Base
import Columnar
import Dispatch
import ObjectStore

@testable import DeltaEngine

/// What the Delta log is made of: commits, checkpoints, checksums, deletion vectors, statistics, schemas.
let logTargets: [String: @Sendable (Bytes) -> Void] = [
    "commit": { bytes in
        let scanner = CommitScanner()
        if (try? scanner.scan(bytes, version: 1)) != nil { look(at: scanner.finish()) }
        _ = try? CommitReader.read(bytes, version: 1)
        _ = try? CommitReader.commitInfo(bytes, version: 1)
    },
    "manifest": { bytes in
        if let manifest = try? CheckpointManifest.read(bytes, version: 1) { look(at: manifest.batch) }
    },
    "checkpoint": { bytes in
        waiting {
            let store = InMemoryStore()
            let path = try ObjectPath(LogFileName.classicCheckpointPath(1))
            try await store.put(path, bytes, mode: .overwrite)
            _ = try await DeltaTable(store: store, environment: EngineEnvironment(parallelism: 1)).snapshot().files.map(\.add)
        }
    },
    "checksum": { bytes in _ = VersionChecksum(bytes) },
    "last-checkpoint": { bytes in _ = LastCheckpoint(bytes) },
    "deletion-vector": { bytes in
        if let rows = try? RoaringFormat.parse(bytes) {
            _ = rows.kept(in: 0..<1000)
            _ = rows.rows(in: (1 << 32)..<((1 << 32) + 1000))
        }
        _ = Z85.decode(bytes.text.utf8)
    },
    "statistics": { bytes in
        var file = AddFile(path: DataPath(encoded: "f"), size: 1, modificationTime: 1, dataChange: true)
        file.stats = bytes.text
        for predicate in predicates { _ = predicate.mayMatch(file) }
        _ = bytes.withUnsafeBytes(StatisticsText.recordCount)
    },
    "schema": { bytes in _ = try? SchemaJSON.parse(bytes.text) },
]

private let predicates: [FilePredicate] = {
    let types: [DataType] = [.long, .double, .string, .timestamp, .decimal(precision: 20, scale: 2), .date, .boolean]
    let metadata = TableMetadata(id: "x", schema: Schema(types.enumerated().map { Field("c\($0)", $1) }))
    return types.indices.compactMap { try? FilePredicate("c\($0) IS NULL OR c\($0) > c0 OR c0 = 5", metadata: metadata, now: Timestamp(milliseconds: 0)) }
}()

/// Reads all that was kept of a piece of the log.
private func look(at batch: ReplayBatch) {
    for segment in [batch.adds, batch.removes] {
        let table = FileTable(rows: FileRows(parts: [.init(segment: segment, live: .all)]), partitionKeys: segment.partitions.map(\.column))
        for file in table { _ = file.add }
    }
}

/// Runs what is asynchronous to its end.
private func waiting(_ body: @escaping @Sendable () async throws -> Void) {
    let done = DispatchSemaphore(value: 0)
    Task {
        try? await body()
        done.signal()
    }
    done.wait()
}
