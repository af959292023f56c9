import Base
import ObjectStore

/// What is due after a commit. None of it can fail the operation: the commit stands.
struct PostCommit {
    let table: DeltaTable
    let readSnapshot: Snapshot?
    let txnId: String

    /// Writes the version's checksum, and a checkpoint every `delta.checkpointInterval` commits, as all Delta writers do; old log files go with that.
    func run(version: Int64) async {
        do {
            let snapshot = try await table.snapshot(after: readSnapshot, version: version)
            FaultPoint.hit("commit.beforeChecksum")
            try await writeChecksum(snapshot)
            guard version > 0, version % snapshot.metadata.checkpointInterval == 0 else { return }
            try await Checkpoint(table: table, snapshot: snapshot).write()
            try await LogCleanup(table: table, snapshot: snapshot).run()
        } catch {
            table.environment.logger.warning(
                "what follows a commit (checksum, checkpoint, cleanup of the log) could not be done; the commit stands, a later one will try again",
                ["table": table.location, "version": version, "error": "\(error)"])
        }
    }

    /// Never over one that is there: the protocol forbids it.
    private func writeChecksum(_ snapshot: Snapshot) async throws {
        do {
            try await table.store.put(
                ObjectPath(LogFileName.checksumPath(snapshot.version)), VersionChecksum.encode(snapshot, txnId: txnId), mode: .ifAbsent)
        } catch ObjectStoreError.alreadyExists {
            return
        }
    }
}
