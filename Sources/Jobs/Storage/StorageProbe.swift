import Base
import Glibc
import ObjectStore

/// Uses a storage as a table's writer does: puts an object that must not be there, sees the second put refused, lists it, reads it, removes it; and all of
/// it again, since a store may refuse a name that it has just deleted.
public struct StorageProbe: Sendable {
    private let root: TableLocation
    private let store: any ObjectStore

    /// - Parameter store: of the root, and new: what an older one has learnt may not be true any more.
    public init(root: TableLocation, store: any ObjectStore) {
        self.root = root
        self.store = store
    }

    /// Throws ``ProbeFailure``, or `CancellationError`.
    ///
    /// - Parameter name: of the object below `_levee/probe`; nobody else's.
    public func run(name: String) async throws {
        do {
            if root.scheme == .file { try checkDirectory() }
            let path = try ObjectPath("_levee/probe/\(name)")
            for _ in 0..<2 { try await round(path) }
        } catch let failure as ProbeFailure {
            throw failure
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ProbeFailure(error)
        }
    }

    /// What there is to say of a storage that can be used.
    public var success: String { "\(root) can be listed, written, and written to only once at a path" }

    private func round(_ path: ObjectPath) async throws {
        let content = Bytes("levee probes this storage; the object may be deleted\n")
        try await store.put(path, content, mode: .ifAbsent)
        do {
            try await store.put(path, content, mode: .ifAbsent)
            _ = try await store.delete([path])
            throw ProbeFailure(
                reason: .noConditionalWrites,
                message: "\(root) took a second write to one path that was to be written only once: two writers of a table could overwrite each other's "
                    + "commits; nothing is committed there. Use storage that refuses it")
        } catch ObjectStoreError.alreadyExists {}
        guard try await store.list(prefix: "_levee/probe/", startAfter: nil).contains(path) else {
            throw ProbeFailure(reason: .storageFailed, message: "\(root) does not list \(path), which was just written there: its listings lag behind")
        }
        guard try await store.get(path) == content else {
            throw ProbeFailure(reason: .storageFailed, message: "\(root) gave back other bytes than were written to \(path)")
        }
        if let failure = try await store.delete([path]).first { throw failure.error }
    }

    /// A put would make the directory; a root with a slip of the pen must not come to be.
    private func checkDirectory() throws(ProbeFailure) {
        var information = stat()
        guard stat(root.path, &information) == 0 else {
            let isForbidden = errno == EACCES
            throw ProbeFailure(
                reason: isForbidden ? .permissionDenied : .unreachable,
                message: isForbidden
                    ? "\(root) cannot be looked into; give the process's user access to it"
                    : "\(root) does not exist; create the directory, or correct spec.root")
        }
        guard information.st_mode & S_IFMT == S_IFDIR else {
            throw ProbeFailure(reason: .unreachable, message: "\(root) is not a directory; correct spec.root")
        }
    }
}

extension ObjectListing {
    fileprivate func contains(_ path: ObjectPath) async throws -> Bool {
        while let page = try await next() {
            if page.contains(where: { $0.path == path }) { return true }
        }
        return false
    }
}

/// Why a storage cannot be used.
public struct ProbeFailure: Error, Sendable, Hashable {
    /// As the profile's condition has it.
    public enum Reason: String, Sendable, CaseIterable {
        case unreachable = "Unreachable"
        case invalidCredentials = "InvalidCredentials"
        case permissionDenied = "PermissionDenied"
        case outOfSpace = "OutOfSpace"
        case noConditionalWrites = "NoConditionalWrites"
        case unsupportedLocation = "UnsupportedLocation"
        case storageFailed = "StorageFailed"
    }

    public var reason: Reason
    public var message: String
    /// Whether it may pass by itself; otherwise somebody has to change something.
    public var mayPass = false

    public init(reason: Reason, message: String, mayPass: Bool = false) {
        self.reason = reason
        self.message = message
        self.mayPass = mayPass
    }

    /// What an error of the store means.
    public init(_ error: any Error) {
        guard let error = error as? ObjectStoreError else {
            self.init(reason: .storageFailed, message: "\(error)", mayPass: true)
            return
        }
        switch error {
        case .invalidCredentials: self.init(reason: .invalidCredentials, message: error.description)
        case .permissionDenied: self.init(reason: .permissionDenied, message: error.description)
        case .containerNotFound: self.init(reason: .unreachable, message: error.description)
        case .noConditionalWrites: self.init(reason: .noConditionalWrites, message: error.description)
        case .outOfSpace: self.init(reason: .outOfSpace, message: error.description)
        case .unsupportedLocation, .invalidPath: self.init(reason: .unsupportedLocation, message: error.description)
        case .failed: self.init(reason: .unreachable, message: error.description, mayPass: true)
        case .notFound, .alreadyExists, .invalidRange: self.init(reason: .storageFailed, message: error.description, mayPass: true)
        }
    }
}
