import Base
import HTTP

extension S3Store {
    /// By the service itself, where both buckets are the same service's. The target's credentials must be allowed to read the source; where they are not,
    /// the bytes have to come through here.
    public func copy(_ source: ObjectPath, of store: any ObjectStore, sizeInBytes: Int64, to path: ObjectPath) async throws -> Bool {
        guard let other = store as? S3Store, S3Copy.isPossible(from: other.bucket, to: bucket) else { return false }
        let copy = S3Copy(
            source: other.bucket, sourceKey: other.prefix + source.string, target: bucket, key: prefix + path.string, sizeInBytes: sizeInBytes,
            probeKey: probeKey())
        do {
            return try await copy.run()
        } catch let failure as RemoteFailure {
            throw failure.storeError
        }
    }
}

/// One object, copied by the service.
struct S3Copy: Sendable {
    /// The service copies no larger object in one request.
    static let largestWhole: Int64 = 5 << 30
    /// Of larger ones. Each takes the service some seconds.
    private static let partBytes: Int64 = 512 << 20
    private static let parallelParts = 4

    let source: S3Bucket
    let sourceKey: String
    let target: S3Bucket
    let key: String
    let sizeInBytes: Int64
    let probeKey: String
    /// In parts from this size on.
    var partsFrom = Self.largestWhole
    var partSize = Self.partBytes

    /// One service, and no key of the customer's own that the request would have to carry.
    static func isPossible(from source: S3Bucket, to target: S3Bucket) -> Bool {
        for bucket in [source, target] {
            if bucket.configuration.skipSignature { return false }
            if case .customer = bucket.configuration.encryption { return false }
        }
        let (from, to) = (source.configuration.endpoint, target.configuration.endpoint)
        let isOneService =
            from.isAWS && to.isAWS
            ? from.authority.hasSuffix(".cn") == to.authority.hasSuffix(".cn")
            : from.scheme == to.scheme && from.authority == to.authority && from.basePath == to.basePath
        return isOneService && !target.refusedSources.withLock { $0.contains(source.name) }
    }

    /// False where the service does not do it, so that the bytes have to come through here. Throws ``ObjectStoreError/alreadyExists(path:)``.
    func run() async throws -> Bool {
        do {
            // Only AWS itself is known to heed the condition on a copy; in parts it is on what puts them together, as for every large object.
            if sizeInBytes <= partsFrom, target.configuration.endpoint.isAWS { return try await whole() }
            return try await inParts()
        } catch let failure as RemoteFailure {
            guard let status = failure.server?.status, [400, 403, 405, 501].contains(status) else {
                // What is gone is told better by who reads it.
                if failure.server?.status == 404 { return false }
                throw failure
            }
            target.refusedSources.withLock { _ = $0.insert(source.name) }
            return false
        }
    }

    private func request(_ verb: String, _ method: String, query: [(String, String)] = []) -> RemoteRequest {
        var request = target.request(verb, "copying", method, key: key, query: query)
        request.headers["X-Amz-Copy-Source"] = "/\(source.name)/\(S3Key.encoded(sourceKey))"
        return request
    }

    func whole() async throws -> Bool {
        let token = WriteToken.make(target.client.random)
        var request = request("copy", "PUT")
        request.headers["X-Amz-Metadata-Directive"] = "REPLACE"
        request.headers["Content-Type"] = "application/octet-stream"
        request.headers["If-None-Match"] = "*"
        request.headers[S3Bucket.tokenHeader] = token
        target.add(target.configuration.encryptionHeaders(isWrite: true), to: &request)
        let outcome = try await ConditionalPut(client: target.client).run(request) { try await owner(token) }
        guard outcome == .written else { throw ObjectStoreError.alreadyExists(path: target.shown(key)) }
        // A copy that fails on its way is told in the body of an answer that begins with 200.
        return try await owner(token) == .ours
    }

    private func owner(_ token: String) async throws -> ConditionalPut.Ownership {
        do {
            return WriteToken.owner(token: token, found: try await target.head(key: key).token, sameBytes: false)
        } catch ObjectStoreError.notFound {
            return .absent
        }
    }

    func inParts() async throws -> Bool {
        let upload = try await S3MultipartTarget(bucket: target, key: key, rules: MultipartRules(), probeKey: probeKey).begin()
        guard let upload = upload as? S3MultipartUpload else { return false }
        do {
            let size = sizeInBytes <= partsFrom ? max(1, sizeInBytes) : max(partSize, sizeInBytes / 10_000 + 1)
            let parts = stride(from: 0, to: max(1, sizeInBytes), by: Int64.Stride(size)).map { $0..<min(sizeInBytes, $0 + size) }
            let receipts = try await concurrentMap(Array(parts.enumerated()), limit: Self.parallelParts) { index, range in
                try await part(index + 1, range, isOnly: parts.count == 1, of: upload)
            }
            try await upload.complete(receipts, size: sizeInBytes)
            return true
        } catch {
            await Task { await upload.abort() }.value
            throw error
        }
    }

    /// What the end of the upload wants to hear of the part.
    private func part(_ number: Int, _ range: Range<Int64>, isOnly: Bool, of upload: S3MultipartUpload) async throws -> String {
        var request = request("copy-part", "PUT", query: [("partNumber", "\(number)"), ("uploadId", upload.id)])
        if !isOnly { request.headers["X-Amz-Copy-Source-Range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)" }
        let response = try await target.client.send(request)
        guard let result = S3CopyResult(response.body) else {
            throw RemoteFailure(
                operation: request.operation, target: request.target, cause: .badResponse("the answer to a copied part has no ETag"), attempts: 1,
                mayHaveActed: true)
        }
        return result.checksum.map { "\(result.tag) \($0)" } ?? result.tag
    }
}

/// What the service says of a copied part.
struct S3CopyResult: Sendable, Hashable {
    let tag: String
    let checksum: String?

    /// Nil for what is none: an error may come with status 200.
    init?(_ body: Bytes) {
        var tag = ""
        var checksum: String?
        do throws(XMLError) {
            var reader = XMLReader(body)
            guard try reader.root() == "CopyPartResult" else { return nil }
            try reader.forEachChild { (reader, name) throws(XMLError) in
                switch name {
                case "ETag": tag = try reader.textOfElement()
                case "ChecksumSHA256": checksum = try reader.textOfElement()
                default: try reader.skipElement()
                }
            }
        } catch {
            return nil
        }
        guard !tag.isEmpty else { return nil }
        self.tag = tag
        self.checksum = checksum
    }
}
