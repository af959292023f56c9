import Base
import Glibc
import ObjectStore

/// Uses a storage as a table's writer does: puts an object that must not be there, sees the second put refused, removes it; and all of it again, since a
/// store may refuse a name that it has just deleted.
struct StorageProbe: Sendable {
    let root: TableLocation
    let stores: StoreFactory

    /// - Parameter name: of the object below `_levee/probe`; nobody else's.
    func run(name: String) async throws(Obstacle) {
        try checkDirectory()
        let store: any ObjectStore
        let path: ObjectPath
        do {
            store = try stores.open(root)
            path = try ObjectPath("_levee/probe/\(name)")
        } catch {
            throw Obstacle(reason: .unsupportedLocation, message: "\(error)")
        }
        for _ in 0..<2 { try await round(store, path) }
    }

    private func round(_ store: any ObjectStore, _ path: ObjectPath) async throws(Obstacle) {
        let content = Bytes("levee probes this storage; the file may be deleted\n")
        do {
            try await store.put(path, content, mode: .ifAbsent)
            do {
                try await store.put(path, content, mode: .ifAbsent)
                _ = try await store.delete([path])
                throw Obstacle(
                    reason: .noConditionalWrites,
                    message: "\(root) took a second write to one path that was to be written only once: two writers of a table could overwrite each other's "
                        + "commits; use storage that refuses it")
            } catch ObjectStoreError.alreadyExists {}
            let seen = try await store.get(path)
            guard seen == content else {
                throw Obstacle(reason: .storageFailed, message: "\(root) gave back other bytes than were written to \(path)")
            }
            if let failure = try await store.delete([path]).first { throw failure.error }
        } catch let obstacle as Obstacle {
            throw obstacle
        } catch {
            let failure = Failure(error)
            throw Obstacle(reason: failure.reason, message: failure.message, needsPerson: failure.needsPerson)
        }
    }

    /// A put would make the directory; a root with a slip of the pen must not come to be.
    private func checkDirectory() throws(Obstacle) {
        var information = stat()
        guard stat(root.path, &information) == 0 else {
            let reason = errno
            throw Obstacle(
                reason: reason == EACCES ? .permissionDenied : .unreachable,
                message: reason == EACCES
                    ? "\(root) cannot be looked into; give the operator's user access to it"
                    : "\(root) does not exist; create the directory, or correct spec.root")
        }
        guard information.st_mode & S_IFMT == S_IFDIR else {
            throw Obstacle(reason: .unreachable, message: "\(root) is not a directory; correct spec.root")
        }
    }
}
