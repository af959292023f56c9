import Base
import HTTP

/// A bucket's requests. Shared by all stores in it, so that what is learnt of the bucket (its region, its health, what it can do) is learnt once.
final class S3Bucket: Sendable {
    let name: String
    let client: RemoteClient
    let configuration: S3Configuration
    /// Buckets that this one's credentials could not copy from; nobody tries again.
    let refusedSources = Lock<Set<String>>([])
    private let signer: S3Signer
    private let conditions = ConditionalWriteSupport()

    init(name: String, configuration: S3Configuration, signer: S3Signer, client: RemoteClient) {
        self.name = name
        self.configuration = configuration
        self.signer = signer
        self.client = client
    }

    convenience init(
        name: String, options: StoreOptions, loop: HTTPClientLoop, metrics: MetricsRegistry, clock: any WallClock = SystemClock(),
        random: any RandomSource = SystemRandomSource(), policy: RetryPolicy? = nil
    ) throws(ObjectStoreError) {
        let configuration = try S3Configuration(bucket: name, options: options)
        let chain =
            configuration.skipSignature
            ? nil
            : try AWSCredentialChain(options, region: configuration.endpoint.region, loop: loop, metrics: metrics, clock: clock, tls: configuration.tls)
        let signer = S3Signer(bucket: name, endpoint: configuration.endpoint, credentials: chain, payloadSigning: configuration.payloadSigning)
        let policy = if let policy { policy } else { try RetryPolicy(options) }
        var http = HTTPClientConfiguration()
        http.tls = configuration.tls
        http.proxy = configuration.proxy
        http.bufferSize = RemoteClient.bufferSize
        http.connectTimeout = try options.connectTimeout ?? http.connectTimeout
        let client = RemoteClient(
            http: HTTPClient(configuration: http, loop: loop), signer: signer, dialect: S3Dialect(),
            metrics: RemoteMetrics(registry: metrics, store: "s3://\(name)"), policy: policy, clock: clock, random: random)
        self.init(name: name, configuration: configuration, signer: signer, client: client)
    }

    /// What messages call a key.
    func shown(_ key: String) -> String { "s3://\(name)/\(key)" }

    /// A request for a key; the signer puts the endpoint before it.
    func request(_ verb: String, _ operation: String, _ method: String, key: String, query: [(String, String)] = []) -> RemoteRequest {
        var request = RemoteRequest(
            verb: verb, operation: operation, target: shown(key), method: method, url: RemoteURL(scheme: "", authority: "", path: key))
        request.url.query = query.map { RemoteURL.QueryItem(name: $0.0, value: $0.1) }
        if configuration.requesterPays { request.headers["X-Amz-Request-Payer"] = "requester" }
        return request
    }

    func add(_ headers: [(String, String)], to request: inout RemoteRequest) {
        for (name, value) in headers { request.headers[name] = value }
    }

    /// Sends, and speaks of failures as ``ObjectStore`` does.
    func send(_ request: RemoteRequest) async throws -> RemoteResponse {
        do { return try await client.send(request) } catch let failure as RemoteFailure { throw failure.storeError }
    }

    // MARK: Reading

    func head(key: String) async throws -> (size: Int64, modified: Timestamp, token: String?) {
        var request = request("head", "looking at it", "HEAD", key: key)
        add(configuration.encryptionHeaders(isWrite: false), to: &request)
        let response = try await send(request)
        guard let size = response.headers["Content-Length"].flatMap({ Int64($0) }), size >= 0 else {
            throw ObjectStoreError.failed(path: shown(key), operation: "looking at it", message: "the answer has no Content-Length", retryable: false)
        }
        let modified = response.headers["Last-Modified"].flatMap { Timestamp(httpDate: $0) } ?? Timestamp(microseconds: 0)
        return (size, modified, response.headers[Self.tokenHeader])
    }

    /// Reads by ranges; see ``RangedReader``.
    func reader(key: String) -> RangedReader {
        RangedReader(target: shown(key)) { range in try await self.part(key: key, range) }
    }

    private func part(key: String, _ range: Range<Int64>) async throws -> RangedReader.Part {
        var request = request("get", "reading", "GET", key: key)
        request.headers["Range"] = "bytes=\(range.lowerBound)-\(max(range.lowerBound, range.upperBound - 1))"
        request.answers = [416]
        request.expectedResponseSize = Int(clamping: min(Int64(range.count), 64 << 20))
        // A server may send the whole object instead of the range; beyond this it is refused.
        request.maximumResponseSize = max(Int(clamping: range.count), 256 << 20)
        add(configuration.encryptionHeaders(isWrite: false), to: &request)
        let response = try await send(request)
        let contentRange = response.headers["Content-Range"].map { ContentRange($0) } ?? nil
        switch response.status {
        case 206:
            guard let contentRange, let start = contentRange.start, let size = contentRange.size else {
                throw ObjectStoreError.failed(path: shown(key), operation: "reading", message: "the answer has no usable Content-Range", retryable: true)
            }
            return .bytes(response.body, start: start, size: size, tag: response.headers["ETag"])
        case 416:
            if let size = contentRange?.size ?? S3ErrorDocument(response.body)?.objectSize { return .beyond(size: size) }
            return .beyond(size: try await head(key: key).size)
        default: return .bytes(response.body, start: 0, size: Int64(response.body.count), tag: response.headers["ETag"])
        }
    }

    // MARK: Writing

    static let tokenHeader = "x-amz-meta-\(WriteToken.metadataName)"

    func put(key: String, _ bytes: Bytes) async throws { _ = try await send(putRequest(key: key, bytes)) }

    private func putRequest(key: String, _ bytes: Bytes) -> RemoteRequest {
        var request = request("put", "writing", "PUT", key: key)
        request.body = RemoteBody(bytes)
        request.headers["Content-Type"] = "application/octet-stream"
        if configuration.sendsChecksums { request.headers["X-Amz-Checksum-SHA256"] = Base64.encode(Digest.sha256([bytes])) }
        add(configuration.encryptionHeaders(isWrite: true), to: &request)
        return request
    }

    /// Puts only where nothing is. False where another's object is there. Throws ``ObjectStoreError/noConditionalWrites(location:)`` where the store
    /// would overwrite: the first one in a bucket that is not AWS's own tries that out, beside the key.
    func putIfAbsent(key: String, _ bytes: Bytes, probeKey: String) async throws -> Bool {
        try await requireConditions(probeKey: probeKey)
        return try await conditionalPut(key: key, bytes) == .written
    }

    func requireConditions(probeKey: String) async throws {
        if configuration.conditionalPutsDisabled { throw noConditions() }
        if configuration.endpoint.isAWS { return }
        let isSupported = try await conditions.isSupported { [self] in try await probe(key: probeKey) }
        if !isSupported { throw noConditions() }
    }

    private func noConditions() -> ObjectStoreError { .noConditionalWrites(location: "s3://\(name) at \(signer.endpoint.authority)") }

    func conditionalPut(key: String, _ bytes: Bytes) async throws -> ConditionalPut.Outcome {
        let token = WriteToken.make(client.random)
        var request = putRequest(key: key, bytes)
        request.headers["If-None-Match"] = "*"
        request.headers[Self.tokenHeader] = token
        do {
            return try await ConditionalPut(client: client).run(request) { try await owner(key: key, bytes, token: token) }
        } catch let failure as RemoteFailure {
            if failure.server?.status == 501 { throw noConditions() }
            throw failure.storeError
        }
    }

    private func owner(key: String, _ bytes: Bytes, token: String) async throws -> ConditionalPut.Ownership {
        var request = request("get", "reading back", "GET", key: key)
        request.answers = [404]
        request.expectedResponseSize = bytes.count
        // Enough for an error's body, too.
        request.maximumResponseSize = max(bytes.count, 256 << 10)
        add(configuration.encryptionHeaders(isWrite: false), to: &request)
        do {
            let response = try await client.send(request)
            if response.status == 404 { return .absent }
            return WriteToken.owner(token: token, found: response.headers[Self.tokenHeader], sameBytes: response.body == bytes)
        } catch let failure as RemoteFailure {
            guard case .transport(.responseTooLarge) = failure.cause else { throw failure }
            // It is longer than what was written.
            return .others
        }
    }

    /// Writes one object twice under the condition and sees whether the second is refused.
    private func probe(key: String) async throws -> Bool {
        let content = Bytes("levee probes whether this store refuses a second write; the object may be deleted\n")
        let outcome: Bool
        do {
            guard try await conditionalPut(key: key, content) == .written else {
                throw ObjectStoreError.failed(path: shown(key), operation: "probing", message: "somebody else wrote the probe's object", retryable: true)
            }
            outcome = try await conditionalPut(key: key, content) == .taken
        } catch ObjectStoreError.noConditionalWrites {
            return false
        }
        _ = try? await send(self.request("delete", "deleting", "DELETE", key: key))
        return outcome
    }
}

/// Remembers what the probe found. One probe at a time, and none after one that told.
private actor ConditionalWriteSupport {
    private var known: Bool?
    private var probing: Task<Bool, any Error>?

    func isSupported(_ probe: @escaping @Sendable () async throws -> Bool) async throws -> Bool {
        if let known { return known }
        let task = probing ?? Task { try await probe() }
        probing = task
        defer { probing = nil }
        let result = try await task.value
        known = result
        return result
    }
}

/// `bytes 0-99/1234`, `bytes */1234`
struct ContentRange: Sendable, Hashable {
    let start: Int64?
    let size: Int64?

    init?(_ text: String) {
        guard text.hasPrefix("bytes "), let slash = text.firstIndex(of: "/") else { return nil }
        let range = text[text.index(text.startIndex, offsetBy: 6)..<slash]
        size = Int64(text[text.index(after: slash)...]).flatMap { $0 >= 0 ? $0 : nil }
        start = range.firstIndex(of: "-").flatMap { Int64(range[..<$0]) }
    }
}
