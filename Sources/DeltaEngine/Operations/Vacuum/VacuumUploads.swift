import Base
import ObjectStore

/// What killed writers of a table left in its store: uploads that show in no listing, and that nobody will end.
struct VacuumUploads: Sendable {
    let table: DeltaTable
    let names: VacuumNames
    /// Uploads that were begun at this moment or later may be a running writer's.
    let cutoff: Timestamp

    /// Who may not list uploads (a permission of its own) vacuums without: the bucket's own rule takes them.
    func find() async throws -> [UnfinishedUpload] {
        do {
            return try await table.store.unfinishedUploads(begunBefore: cutoff).filter { !names.isHidden(upload: $0.path.string) }
        } catch let error as ObjectStoreError {
            table.environment.logger.warning("uploads that killed writers may have left are not looked for", ["error": "\(error)"])
            return []
        }
    }

    func giveUp(_ uploads: [UnfinishedUpload]) async throws {
        if uploads.isEmpty { return }
        let failures = try await table.store.giveUp(uploads)
        if failures > 0 {
            table.environment.logger.warning(
                "some uploads that killed writers have left could not be given up; the next vacuum tries again", ["count": "\(failures)"])
        }
    }
}
