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
            await writeManifest(snapshot)
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

    /// Where the table's property asks for it: of the partitions that the commit touched, or all of it where there is none yet.
    private func writeManifest(_ snapshot: Snapshot) async {
        guard snapshot.metadata.isEnabled(SymlinkManifest.property) else { return }
        let manifest = SymlinkManifest(table: table, snapshot: snapshot)
        do {
            let isPacked = transaction.packed.map { !$0.isEmpty } ?? false
            let touched = isPacked ? nil : SymlinkManifest.partitions(of: transaction.actions, keys: snapshot.files.partitionKeys)
            if touched?.isEmpty == true { return }
            let listing = table.store.list(prefix: SymlinkManifest.directory, startAfter: nil)
            let isThere = try await listing.next() != nil
            let plan = if let touched, isThere { try manifest.plan(touching: touched) } else { try await manifest.plan() }
            try await manifest.write(plan) {}
        } catch {
            table.environment.logger.warning(
                "the manifest that the table's property asks for could not be written; `levee table generate-manifest` writes it anew",
                ["table": table.location, "version": snapshot.version, "error": "\(error)"])
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
