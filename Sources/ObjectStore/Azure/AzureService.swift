import Base
import HTTP

/// A container of Azure Blob Storage or Azure Data Lake Storage.
///
/// All goes through the Blob endpoint, with a hierarchical namespace too: a Put Blob shows the whole object or nothing, where the Data Lake endpoint's
/// create, append and flush would show an empty commit to whoever looks in between.
final class AzureService: RemoteService {
    static let largestPage = 5000

    let client: RemoteClient
    let signer: AzureSigner
    let container: AzureContainer
    let usesBatches = Lock(true)
    /// Set for good once the service has turned a copy down.
    let refusesCopies = Lock(false)
    /// Cleared for good once the service has not known the version that begins listings anywhere.
    let knowsStartFrom = Lock(true)

    /// Of objects that are written in pieces.
    let partSize: Int

    init(client: RemoteClient, signer: AzureSigner, container: AzureContainer, partSize: Int) {
        self.client = client
        self.partSize = partSize
        self.signer = signer
        self.container = container
    }

    /// User metadata's names are identifiers here, so without hyphens.
    private static let tokenHeader = "x-ms-meta-\(WriteToken.metadataName.replacing("-", with: "_"))"

    func request(_ verb: String, _ operation: String, _ method: String, _ key: String, target: String, query: [(String, String)] = []) -> RemoteRequest {
        RemoteRequest(verb: verb, operation: operation, target: target, method: method, url: container.url(key).adding(query))
    }

    func properties(_ key: String, target: String) async throws -> (size: Int64, modified: Timestamp)? {
        let headers = try await look(key, target: target).headers
        guard let size = headers["Content-Length"].flatMap({ Int64($0) }), let modified = headers["Last-Modified"].flatMap(Timestamp.init(httpDate:)) else {
            return nil
        }
        return (size, modified)
    }

    /// Throws a failure of status 404 where a directory is.
    func look(_ key: String, target: String) async throws -> RemoteResponse {
        let request = request("head", "looking up", "HEAD", key, target: target)
        let response = try await client.send(request)
        guard !response.isDirectory else { throw request.notFound() }
        return response
    }

    // Reading

    func reader(_ key: String, target: String) -> RangedReader {
        RangedReader(target: target) { range in try await self.read(key, range, target: target) }
    }

    private func read(_ key: String, _ range: Range<Int64>, target: String) async throws -> RangedReader.Part {
        var request = request("get", "reading", "GET", key, target: target)
        request.headers["x-ms-range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
        request.answers = [416]
        request.expectedResponseSize = range.count
        request.maximumResponseSize = max(range.count, 1 << 20)
        let response = try await client.send(request)
        if response.status == 416 {
            // `bytes */SIZE`, where the server says so; a directory looks like an empty blob here.
            if let size = response.headers["Content-Range"].flatMap(ContentRange.init)?.size, size > 0 { return .beyond(size: size) }
            return .beyond(size: try await properties(key, target: target)?.size ?? 0)
        }
        guard !response.isDirectory else { throw request.notFound() }
        return try RangedReader.Part(response, of: target)
    }

    // Writing

    func put(_ key: String, _ bytes: Bytes, target: String) async throws {
        _ = try await client.send(putRequest(key, bytes, target: target))
    }

    /// One Put Blob with `If-None-Match: *`.
    func putIfAbsent(_ key: String, _ bytes: Bytes, target: String) async throws {
        try await conditionally(putRequest(key, bytes, target: target), key)
    }

    private func putRequest(_ key: String, _ bytes: Bytes, target: String) -> RemoteRequest {
        var request = request("put", "writing", "PUT", key, target: target)
        request.headers["x-ms-blob-type"] = "BlockBlob"
        request.headers["Content-Type"] = "application/octet-stream"
        request.body = RemoteBody(bytes)
        return request
    }

    /// Carries the request out only where no blob of that key is; throws ``ObjectStoreError/alreadyExists(path:)`` where another's is.
    func conditionally(_ request: RemoteRequest, _ key: String) async throws {
        var request = request
        let token = WriteToken.make(client.random)
        request.headers["If-None-Match"] = "*"
        request.headers[Self.tokenHeader] = token
        let outcome = try await ConditionalPut(client: client, isTaken: Self.isTaken).run(request) {
            try await self.owner(key, token: token, target: request.target)
        }
        guard outcome == .written else { throw ObjectStoreError.alreadyExists(path: request.target) }
    }

    /// 409 has many reasons, and only these mean that a blob is there. 412 is what some gateways and the older service say.
    private static func isTaken(_ failure: ServerFailure) -> Bool {
        switch failure.status {
        case 412: true
        case 409: ["BlobAlreadyExists", "PathAlreadyExists", "ResourceAlreadyExists", "UnauthorizedBlobOverwrite"].contains(failure.code)
        default: false
        }
    }

    private func owner(_ key: String, token: String, target: String) async throws -> ConditionalPut.Ownership {
        do {
            let found = try await look(key, target: target)
            return WriteToken.owner(token: token, found: found.headers[Self.tokenHeader], sameBytes: false)
        } catch let failure as RemoteFailure where failure.server?.status == 404 {
            return .absent
        }
    }

    func upload(_ key: String, target: String) -> any MultipartTarget { AzureBlockTarget(service: self, key: key, name: target) }

    func list(_ range: ListedRange) -> any ObjectListing { AzureListing(service: self, range) }

    // Deleting

    func delete(_ key: String, target: String) async throws {
        var request = request("delete", "deleting", "DELETE", key, target: target)
        request.answers = [404]
        let response = try await client.send(request)
        if response.status == 404, AzureDialect.failure(status: 404, headers: response.headers, body: response.body).isAboutContainer {
            throw RemoteFailure(
                operation: request.operation, target: target,
                cause: .server(AzureDialect.failure(status: 404, headers: response.headers, body: response.body)), attempts: 1, mayHaveActed: false)
        }
    }
}

extension RemoteRequest {
    func notFound() -> RemoteFailure {
        RemoteFailure(operation: operation, target: target, cause: .server(ServerFailure(status: 404)), attempts: 1, mayHaveActed: false)
    }
}

extension RemoteResponse {
    /// A directory of a hierarchical namespace, or what Hadoop leaves for one in a flat one.
    var isDirectory: Bool { headers["x-ms-resource-type"] == "directory" || headers["x-ms-meta-hdi_isfolder"]?.lowercased() == "true" }
}
