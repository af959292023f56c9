import Base
import ObjectStore

/// What is due after a commit: a look at the table, and what every writer does for those that come.
struct PostCommit {
    let transaction: Transaction
    let txnId: String

    private var table: DeltaTable { transaction.table }

    /// Verifies the table, writes the version's checksum, and a checkpoint every `delta.checkpointInterval` commits, as all Delta writers do; old log files go
    /// with that. Returns what the table was found to be; nil where that could not be found out, which does not undo the commit, and so is no error.
    ///
    /// Throws only ``DeltaError/commitNotAsMeant(version:reason:)``.
    func run(version: Int64) async throws(DeltaError) -> Verification.Table? {
        var verified: Verification.Table?
        do {
            let snapshot = try await table.snapshot(after: transaction.readSnapshot, version: version)
            verified = try await CommitVerification(transaction).run(snapshot)
            FaultPoint.hit("commit.beforeChecksum")
            try await writeChecksum(snapshot)
            guard version > 0, version % snapshot.metadata.checkpointInterval == 0 else { return verified }
            try await Checkpoint(table: table, snapshot: snapshot).write()
            try await LogCleanup(table: table, snapshot: snapshot).run()
        } catch {
            if let error = error as? DeltaError, case .commitNotAsMeant = error { throw error }
            table.environment.logger.warning(
                "what follows a commit (a look at the table, checksum, checkpoint, cleanup of the log) could not all be done; the commit stands, a later one will try again",
                ["table": table.location, "version": version, "error": "\(error)"])
        }
        return verified
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
