import Base
import ObjectStore

/// Reads a checkpoint's files into replay batches.
struct CheckpointReader {
    let store: any ObjectStore
    let environment: EngineEnvironment

    func read(_ checkpoint: CheckpointFiles) async throws -> [ReplayBatch] {
        throw DeltaError.corruptCheckpoint(
            version: checkpoint.version, file: checkpoint.files.first?.path.string ?? "", reason: "this build does not read checkpoints")
    }
}
