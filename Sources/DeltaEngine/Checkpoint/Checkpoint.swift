import Base
import ObjectStore

/// Writes the state of a snapshot as a classic checkpoint, and points `_last_checkpoint` at it.
public struct Checkpoint: Sendable {
    public let table: DeltaTable
    public let snapshot: Snapshot

    public init(table: DeltaTable, snapshot: Snapshot) {
        self.table = table
        self.snapshot = snapshot
    }

    public func write() async throws {
        try snapshot.require(.checkpoint)
        throw DeltaError.invalidRequest(reason: "this build does not write checkpoints")
    }
}
