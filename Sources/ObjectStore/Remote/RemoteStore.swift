import Base
import HTTP

/// What a service does with the objects of one container or bucket, by their keys: where backends differ behind ``RemoteStore``. Throws ``RemoteFailure``.
///
/// A `target` is what messages call the object.
protocol RemoteService: AnyObject, Sendable {
    /// The most objects that one page of a listing may have.
    static var largestPage: Int { get }
    /// The most objects that one batch may delete.
    static var largestBatch: Int { get }

    var client: RemoteClient { get }
    /// Cleared for good once the service has turned a batch down.
    var usesBatches: Lock<Bool> { get }

    /// nil where the answer lacks one of both.
    func properties(_ key: String, target: String) async throws -> (size: Int64, modified: Timestamp)?
    func reader(_ key: String, target: String) -> RangedReader
    func put(_ key: String, _ bytes: Bytes, target: String) async throws
    /// Throws ``ObjectStoreError/alreadyExists(path:)`` where another's object is.
    func putIfAbsent(_ key: String, _ bytes: Bytes, target: String) async throws
    func upload(_ key: String, target: String) -> any MultipartTarget
    /// False where the service does not do it. Throws ``ObjectStoreError/alreadyExists(path:)`` where something is at `key`.
    func copy(_ source: String, of other: Self, sizeInBytes: Int64, to key: String, target: String) async throws -> Bool
    func list(_ range: ListedRange) -> any ObjectListing
    /// An object that is not there counts as deleted.
    func delete(_ key: String, target: String) async throws
    func deleteBatch(_ targets: [BatchDeletion.Target], in session: RetrySession) async throws -> BatchDeletion.Answer
}

/// Which objects a listing is of.
struct ListedRange: Sendable {
    /// The store's own place: empty, or with a slash at its end. Comes before ``prefix`` in keys, and not in the paths that are listed.
    let root: String
    let prefix: String
    let startAfter: String?
    /// What messages call it.
    let target: String
    let pageSize: Int

    /// The path of an object by its key; nil for one that is not of the range, and for names that are no path (`a//b`, `a/`), which nobody could ask for.
    func path(_ key: String) -> ObjectPath? {
        guard key.utf8.starts(with: root.utf8), let relative = String(key.utf8.dropFirst(root.utf8.count)),
            startAfter.map({ $0.utf8.lexicographicallyPrecedes(relative.utf8) }) ?? true
        else { return nil }
        return try? ObjectPath(relative)
    }
}

/// Objects of a container or bucket, below a path.
final class RemoteStore<Service: RemoteService>: ObjectStore {
    let service: Service
    /// Within the container: empty, or with a slash at its end.
    private let prefix: String
    let rootDescription: String
    private let pageSize: Int

    /// - Parameters:
    ///   - root: within the container, without slashes at its ends.
    ///   - description: the root as a person writes it.
    ///   - pageSize: objects in a page of a listing.
    init(service: Service, root: String, description: String, pageSize: Int = Service.largestPage) {
        self.service = service
        prefix = root.isEmpty ? "" : "\(root)/"
        rootDescription = description
        self.pageSize = pageSize
    }

    /// Azure's block lists and Google's resumable uploads end with a condition.
    var winsPathsInParts: Bool { true }

    private func key(_ path: ObjectPath) -> String { prefix + path.string }

    /// What messages name an object.
    private func name(_ path: String) -> String {
        rootDescription + (rootDescription.hasSuffix("/") ? "" : "/") + path.percentEncodedPath
    }

    func head(_ path: ObjectPath) async throws -> ObjectInfo {
        try await reportingStoreErrors {
            guard let found = try await service.properties(key(path), target: name(path.string)) else {
                throw ObjectStoreError.failed(
                    path: name(path.string), operation: "looking up", message: "the server told no size or no time of change", retryable: true)
            }
            return ObjectInfo(path: path, sizeInBytes: found.size, modified: found.modified)
        }
    }

    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes {
        try await reportingStoreErrors { try await service.reader(key(path), target: name(path.string)).read(range) }
    }

    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] {
        try await reportingStoreErrors { try await service.reader(key(path), target: name(path.string)).read(ranges) }
    }

    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws {
        try await reportingStoreErrors {
            switch mode {
            case .overwrite: try await service.put(key(path), bytes, target: name(path.string))
            case .ifAbsent: try await service.putIfAbsent(key(path), bytes, target: name(path.string))
            }
        }
    }

    func write(_ path: ObjectPath) async throws -> any ObjectWriter {
        MultipartWriter(service.upload(key(path), target: name(path.string)))
    }

    func copy(_ source: ObjectPath, of store: any ObjectStore, sizeInBytes: Int64, to path: ObjectPath) async throws -> Bool {
        guard let other = store as? RemoteStore<Service> else { return false }
        return try await reportingStoreErrors {
            try await service.copy(other.key(source), of: other.service, sizeInBytes: sizeInBytes, to: key(path), target: name(path.string))
        }
    }

    func list(prefix: String, startAfter: String?) -> any ObjectListing {
        service.list(ListedRange(root: self.prefix, prefix: prefix, startAfter: startAfter, target: name(prefix), pageSize: pageSize))
    }

    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] {
        try Task.checkCancellation()
        let targets = paths.map { BatchDeletion.Target(key: key($0), name: name($0.string)) }
        let failures = try await reportingStoreErrors { try await BatchDeletion(service: service).run(targets) }
        return failures.map { (path: paths[$0.index], error: $0.error) }
    }
}
