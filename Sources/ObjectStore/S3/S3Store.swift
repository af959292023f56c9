import Base
import HTTP

/// Objects of a bucket below a prefix.
///
/// - A put-if-absent is one request with `If-None-Match: *`, never in parts: some servers (Ceph) forget the condition when parts are put together.
/// - What is written in pieces becomes an upload in parts, several under way at once; nothing can be seen before it is complete.
public final class S3Store: ObjectStore {
    let bucket: S3Bucket
    /// Empty, or ends with a slash.
    let prefix: String
    private let multipart: MultipartRules
    /// Keys in a page of a listing; services send no more than a thousand.
    private let pageSize: Int

    init(bucket: S3Bucket, prefix: String, multipart: MultipartRules = MultipartRules(), pageSize: Int = 1000) {
        self.bucket = bucket
        self.prefix = prefix
        self.multipart = multipart
        self.pageSize = pageSize
    }

    /// Amazon's own service keeps the condition; of others it is known that some do not.
    public var winsPathsInParts: Bool { bucket.configuration.endpoint.isAWS }

    public var rootDescription: String { "s3://\(bucket.name)/\(prefix.percentEncodedPath)" }

    private func key(_ path: ObjectPath) -> String { prefix + path.string }

    public func head(_ path: ObjectPath) async throws -> ObjectInfo {
        let found = try await bucket.head(key: key(path))
        return ObjectInfo(path: path, sizeInBytes: found.size, modified: found.modified)
    }

    public func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes { try await bucket.reader(key: key(path)).read(range) }

    public func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] { try await bucket.reader(key: key(path)).read(ranges) }

    public func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws {
        try Task.checkCancellation()
        switch mode {
        case .overwrite: try await bucket.put(key: key(path), bytes)
        case .ifAbsent:
            guard try await bucket.putIfAbsent(key: key(path), bytes, probeKey: probeKey()) else {
                throw ObjectStoreError.alreadyExists(path: bucket.shown(key(path)))
            }
        }
    }

    /// Vacuum and readers leave names that begin with an underscore alone.
    func probeKey() -> String { "\(prefix)_levee/probe/\(WriteToken.make(bucket.client.random))" }

    public func write(_ path: ObjectPath) async throws -> any ObjectWriter {
        MultipartWriter(S3MultipartTarget(bucket: bucket, key: key(path), rules: multipart, probeKey: probeKey()))
    }

    public func list(prefix: String, startAfter: String?) -> any ObjectListing {
        S3Listing(pages: S3Pages(bucket: bucket, root: self.prefix, size: pageSize), prefix: prefix, startAfter: startAfter)
    }

    public func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] {
        let failures = try await S3Deletion(bucket: bucket).delete(paths.map(key))
        return failures.compactMap { key, error in (try? ObjectPath(String(key.dropFirst(prefix.count)))).map { ($0, error) } }
    }
}
