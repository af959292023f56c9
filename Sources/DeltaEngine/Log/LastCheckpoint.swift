import Base
import ObjectStore

/// The contents of `_last_checkpoint` (protocol, "Last Checkpoint File Schema"): a hint where to start listing.
struct LastCheckpoint: Sendable, Hashable {
    let version: Int64

    /// The hint; nil where there is none or it cannot be read: a reader then lists the whole log.
    static func read(_ store: any ObjectStore) async throws -> LastCheckpoint? {
        let bytes: Bytes
        do {
            bytes = try await store.get(ObjectPath(LogFileName.lastCheckpoint))
        } catch ObjectStoreError.notFound {
            return nil
        }
        return LastCheckpoint(bytes)
    }

    /// nil for text that is no hint.
    init?(_ bytes: Bytes) {
        guard let json = try? JSON.parse(bytes), let version = json["version"]?.intValue, version >= 0 else { return nil }
        self.version = version
    }
}
