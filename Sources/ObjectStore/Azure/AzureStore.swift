import Base
import HTTP

/// Objects of a container of Azure Blob Storage or Azure Data Lake Storage, below a path.
///
/// All goes through the Blob endpoint, with a hierarchical namespace too: a Put Blob shows the whole object or nothing, where the Data Lake endpoint's
/// create, append and flush would show an empty commit to whoever looks in between.
final class AzureStore: ObjectStore {
    let service: AzureService
    /// Within the container: empty, or with a slash at its end.
    private let prefix: String
    let rootDescription: String
    /// Objects in a page of a listing; the service sends no more than so many.
    private let pageSize: Int

    /// - Parameters:
    ///   - root: within the container, without slashes at its ends.
    ///   - description: the root as a person writes it.
    init(service: AzureService, root: String, description: String, pageSize: Int = 5000) {
        self.service = service
        prefix = root.isEmpty ? "" : "\(root)/"
        rootDescription = description
        self.pageSize = pageSize
    }

    private func key(_ path: ObjectPath) -> String { prefix + path.string }

    /// What messages name an object.
    private func name(_ path: String) -> String {
        rootDescription + (rootDescription.hasSuffix("/") ? "" : "/") + path.percentEncodedPath
    }

    func head(_ path: ObjectPath) async throws -> ObjectInfo {
        try await reportingStoreErrors {
            let response = try await service.properties(key(path), target: name(path.string))
            guard let size = response.headers["Content-Length"].flatMap({ Int64($0) }),
                let modified = response.headers["Last-Modified"].flatMap(Timestamp.init(httpDate:))
            else {
                throw ObjectStoreError.failed(
                    path: name(path.string), operation: "looking up", message: "the server told no size or no time of change", retryable: true)
            }
            return ObjectInfo(path: path, sizeInBytes: size, modified: modified)
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
        MultipartWriter(AzureBlockTarget(service: service, key: key(path), name: name(path.string)))
    }

    func list(prefix: String, startAfter: String?) -> any ObjectListing {
        AzureListing(service: service, root: self.prefix, prefix: prefix, startAfter: startAfter, target: name(prefix), pageSize: pageSize)
    }

    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] {
        try Task.checkCancellation()
        let targets = paths.map { BatchDeletion.Target(key: key($0), name: name($0.string)) }
        let failures = try await reportingStoreErrors { try await AzureDeletion(service: service).run(targets) }
        return failures.map { (path: paths[$0.index], error: $0.error) }
    }
}
