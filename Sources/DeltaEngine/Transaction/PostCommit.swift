import Base

/// What is due after a commit. None of it can fail the operation: the commit stands.
struct PostCommit {
    let table: DeltaTable
    let readSnapshot: Snapshot?

    /// Writes a checkpoint every `delta.checkpointInterval` commits, as all Delta writers do.
    func run(version: Int64) async {
        let interval = readSnapshot?.metadata.checkpointInterval ?? 10
        guard version > 0, version % interval == 0 else { return }
        do {
            let snapshot = if let readSnapshot { try await table.refresh(readSnapshot) } else { try await table.snapshot() }
            try await Checkpoint(table: table, snapshot: snapshot).write()
        } catch {
            table.environment.logger.warning(
                "the checkpoint after a commit could not be written; the commit stands, a later one will try again",
                ["table": table.location, "version": version, "error": "\(error)"])
        }
    }
}
