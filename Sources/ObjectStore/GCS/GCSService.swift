import Base
import HTTP

/// A bucket of Google Cloud Storage, by the JSON API.
final class GCSService: RemoteService {
    static let largestPage = 1000

    let client: RemoteClient
    let bucket: GCSBucket
    /// Private endpoints and emulators have no batches.
    let usesBatches = Lock(true)
    /// Set for good once the service has turned a copy down.
    let refusesCopies = Lock(false)

    /// Of objects that are written in pieces; a multiple of 256 KiB.
    let partSize: Int

    init(client: RemoteClient, bucket: GCSBucket, partSize: Int) {
        self.client = client
        self.partSize = partSize
        self.bucket = bucket
    }

    func request(_ verb: String, _ operation: String, _ method: String, target: String, path: String, query: [(String, String)] = []) -> RemoteRequest {
        RemoteRequest(verb: verb, operation: operation, target: target, method: method, url: bucket.url(path, query))
    }

    // Reading

    func properties(_ key: String, target: String) async throws -> (size: Int64, modified: Timestamp)? {
        GCSEntry(try await metadata(key, target: target)).map { ($0.size, $0.modified) }
    }

    /// An object's resource.
    private func metadata(_ key: String, target: String) async throws -> JSONValue {
        let request = request(
            "head", "looking up", "GET", target: target, path: bucket.path(key), query: [("fields", "name,size,updated,generation,metadata")])
        let response = try await client.send(request)
        do { return try JSON.parse(response.body) } catch {
            throw RemoteFailure(operation: request.operation, target: target, cause: .badResponse("\(error)"), attempts: 1, mayHaveActed: false)
        }
    }

    func reader(_ key: String, target: String) -> RangedReader {
        RangedReader(target: target) { range in try await self.read(key, range, target: target) }
    }

    private func read(_ key: String, _ range: Range<Int64>, target: String) async throws -> RangedReader.Part {
        var request = request("get", "reading", "GET", target: target, path: bucket.path(key), query: [("alt", "media")])
        request.headers["Range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
        // As it is stored: otherwise an object with a Content-Encoding of gzip is unpacked on its way, and no range of it means anything.
        request.headers["Accept-Encoding"] = "gzip"
        request.answers = [416]
        request.expectedResponseSize = range.count
        request.maximumResponseSize = max(range.count, 1 << 20)
        let response = try await client.send(request)
        guard response.status == 416 else { return try RangedReader.Part(response, of: target) }
        if let size = response.headers["Content-Range"].flatMap(ContentRange.init)?.size { return .beyond(size: size) }
        return .beyond(size: try await properties(key, target: target)?.size ?? 0)
    }

    // Writing

    func put(_ key: String, _ bytes: Bytes, target: String) async throws { _ = try await client.send(putRequest(key, bytes, target: target, token: nil)) }

    /// One request with the condition that the object's generation is 0: that it is not there.
    func putIfAbsent(_ key: String, _ bytes: Bytes, target: String) async throws {
        let token = WriteToken.make(client.random)
        try await conditionally(key, token: token, target: target) { putRequest(key, bytes, target: target, token: token) }
    }

    /// Metadata and content in one body; nothing is copied together.
    private func putRequest(_ key: String, _ bytes: Bytes, target: String, token: String?) -> RemoteRequest {
        var query = [("uploadType", "multipart"), ("fields", "generation")]
        if token != nil { query.append(("ifGenerationMatch", "0")) }
        var request = request("put", "writing", "POST", target: target, path: "/upload\(bucket.path())", query: query)
        let boundary = "levee_\(WriteToken.make(client.random))"
        request.headers["Content-Type"] = "multipart/related; boundary=\(boundary)"
        let head = "--\(boundary)\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n\(JSON.encode(resource(key, token: token)))\r\n"
        request.body = RemoteBody([
            Bytes(head + "--\(boundary)\r\nContent-Type: application/octet-stream\r\n\r\n"), bytes, Bytes("\r\n--\(boundary)--\r\n"),
        ])
        return request
    }

    /// What a new object is to be like.
    func resource(_ key: String, token: String?) -> JSONValue {
        var resource: JSONValue = ["name": .string(key), "contentType": "application/octet-stream"]
        if let token { resource["metadata"] = [WriteToken.metadataName: .string(token)] }
        return resource
    }

    /// Carries the request out only where no object of that key is; throws ``ObjectStoreError/alreadyExists(path:)`` where another's is.
    private func conditionally(_ key: String, token: String, target: String, _ request: () -> RemoteRequest) async throws {
        let outcome = try await ConditionalPut(client: client).run(request()) { try await owner(key, token: token, target: target) }
        guard outcome == .written else { throw ObjectStoreError.alreadyExists(path: target) }
    }

    func owner(_ key: String, token: String, target: String) async throws -> ConditionalPut.Ownership {
        do {
            let found = try await metadata(key, target: target)
            return WriteToken.owner(token: token, found: found.value(at: ["metadata", WriteToken.metadataName])?.stringValue, sameBytes: false)
        } catch let failure as RemoteFailure where failure.server.map({ $0.status == 404 && !$0.isAboutContainer }) ?? false {
            return .absent
        }
    }

    func upload(_ key: String, target: String) -> any MultipartTarget { GCSUploadTarget(service: self, key: key, name: target) }

    func list(_ range: ListedRange) -> any ObjectListing { GCSListing(service: self, range) }

    // Deleting

    func delete(_ key: String, target: String) async throws {
        do {
            _ = try await client.send(request("delete", "deleting", "DELETE", target: target, path: bucket.path(key)))
        } catch let failure as RemoteFailure where failure.server.map({ $0.status == 404 && !$0.isAboutContainer }) ?? false {}
    }
}

/// What a listing or a look-up says of an object.
struct GCSEntry: Sendable {
    let name: String
    let size: Int64
    let modified: Timestamp

    /// Nil where name, size or time is missing.
    init?(_ resource: JSONValue) {
        guard let name = resource["name"]?.stringValue, let size = resource["size"]?.stringValue.flatMap({ Int64($0) }), size >= 0,
            let modified = resource["updated"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        self.name = name
        self.size = size
        self.modified = modified
    }
}
