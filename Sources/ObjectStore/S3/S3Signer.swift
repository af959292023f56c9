import Base
import HTTP

/// Where a bucket is reached. A redirect may change it.
struct S3Endpoint: Sendable, Hashable {
    var scheme: String
    /// Of the service, without the bucket.
    var authority: String
    /// What stands before the bucket in the path of a custom endpoint; empty or with a leading slash.
    var basePath = ""
    var region: String
    var usesVirtualHost: Bool
    /// Whether it is AWS's own, whose behaviour is known and whose name holds the region.
    var isAWS: Bool

    /// AWS's own for a region.
    static func aws(region: String, usesVirtualHost: Bool, dualStack: Bool = false) -> S3Endpoint {
        let suffix = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        return S3Endpoint(
            scheme: "https", authority: "s3.\(dualStack ? "dualstack." : "")\(region).\(suffix)", region: region, usesVirtualHost: usesVirtualHost, isAWS: true)
    }

    func url(bucket: String, key: String) -> RemoteURL {
        let key = S3Key.encoded(key)
        return usesVirtualHost
            ? RemoteURL(scheme: scheme, authority: "\(bucket).\(authority)", path: "\(basePath)/\(key)")
            : RemoteURL(scheme: scheme, authority: authority, path: "\(basePath)/\(bucket)\(key.isEmpty ? "" : "/\(key)")")
    }
}

enum S3Key {
    /// Everything but unreserved characters and slashes escaped, as signatures want it.
    static func encoded(_ key: String) -> String {
        key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { PercentEncoding.encode(String(Substring($0))) }.joined(
            separator: "/")
    }
}

/// How much of a body the signature covers.
enum PayloadSigning: Sendable, Hashable {
    /// All of it over plain HTTP; over TLS, which protects the bytes itself, only bodies that are cheap to hash.
    case automatic
    case always
    case never
    /// Chunk by chunk, hashed while it is sent.
    case streaming
}

/// Signs a bucket's requests and sends them to where the bucket is: it learns the region, the endpoint and the server's clock from refusals.
final class S3Signer: RequestSigner {
    private struct State {
        var endpoint: S3Endpoint
        /// What the server's clock is ahead of ours.
        var clockOffset = Duration.zero
    }

    private static let cheapToHash = 1 << 20

    private let bucket: String
    private let credentials: AWSCredentialChain?
    private let payloadSigning: PayloadSigning
    private let state: Lock<State>

    /// - Parameter credentials: nil for requests without a signature (public buckets).
    init(bucket: String, endpoint: S3Endpoint, credentials: AWSCredentialChain?, payloadSigning: PayloadSigning) {
        self.bucket = bucket
        self.credentials = credentials
        self.payloadSigning = payloadSigning
        state = Lock(State(endpoint: endpoint))
    }

    var endpoint: S3Endpoint { state.withLock { $0.endpoint } }

    /// A request's URL holds the bare key as its path (see ``S3Bucket``); the host is put before it here, since a redirect may have changed it.
    func sign(_ request: inout RemoteRequest, at time: Timestamp) async throws {
        let (endpoint, offset) = state.withLock { ($0.endpoint, $0.clockOffset) }
        var url = endpoint.url(bucket: bucket, key: request.url.path)
        url.query = request.url.query
        request.url = url
        guard let credentials else { return }
        let signature = SignatureV4(
            credentials: try await credentials.credential(), region: endpoint.region, service: "s3", time: time + offset)
        let body = request.body
        if payloadSigning == .streaming, body.count > ChunkedPayload.chunkSize {
            request.headers["Content-Encoding"] = "aws-chunked"
            request.headers["X-Amz-Decoded-Content-Length"] = "\(body.count)"
            let seed = signature.sign(&request, payload: SignatureV4.streamingPayload)
            request.body.framing = ChunkedPayload.framing(body.pieces, count: body.count, signature: signature, seed: seed)
            return
        }
        signature.sign(&request, payload: digest(of: body, isTLS: endpoint.scheme == "https"))
    }

    private func digest(of body: RemoteBody, isTLS: Bool) -> String {
        if body.count == 0 { return SignatureV4.emptyPayload }
        switch payloadSigning {
        case .never: return SignatureV4.unsignedPayload
        case .automatic where isTLS && body.count > Self.cheapToHash: return SignatureV4.unsignedPayload
        case .automatic, .always, .streaming: return Digest.sha256(body.pieces).hexadecimal
        }
    }

    func wasRefused(_ failure: ServerFailure, at time: Timestamp) async -> Bool {
        if let region = failure.headers[S3Dialect.regionHeader], learn(region: region) { return true }
        if failure.status == 307, let location = failure.headers["Location"], learn(location: location) { return true }
        switch failure.code {
        case "RequestTimeTooSkewed", "RequestExpired":
            guard let server = failure.headers["Date"].flatMap({ Timestamp(httpDate: $0) }) else { return false }
            state.withLock { $0.clockOffset = server - time }
            return true
        case "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired", "SignatureDoesNotMatch":
            return await credentials?.renew() ?? false
        default: return false
        }
    }

    private func learn(region: String) -> Bool {
        guard (1...64).contains(region.utf8.count), region.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }) else {
            return false
        }
        return state.withLock { state in
            guard state.endpoint.region != region else { return false }
            state.endpoint =
                state.endpoint.isAWS
                ? .aws(region: region, usesVirtualHost: state.endpoint.usesVirtualHost, dualStack: state.endpoint.authority.hasPrefix("s3.dualstack."))
                : S3Endpoint(
                    scheme: state.endpoint.scheme, authority: state.endpoint.authority, basePath: state.endpoint.basePath, region: region,
                    usesVirtualHost: state.endpoint.usesVirtualHost, isAWS: false)
            return true
        }
    }

    /// A temporary redirect, of a bucket whose name is still on its way through DNS. Only AWS's own hosts are followed: signed requests go nowhere else.
    private func learn(location: String) -> Bool {
        guard let host = RemoteURL(base: String(location.prefix { $0 != "?" })), host.scheme == "https",
            host.authority.hasSuffix(".amazonaws.com") || host.authority.hasSuffix(".amazonaws.com.cn")
        else { return false }
        return state.withLock { state in
            let prefix = "\(bucket)."
            let usesVirtualHost = host.authority.hasPrefix(prefix)
            let authority = usesVirtualHost ? String(host.authority.dropFirst(prefix.count)) : host.authority
            guard state.endpoint.isAWS, state.endpoint.authority != authority else { return false }
            state.endpoint.authority = authority
            state.endpoint.usesVirtualHost = usesVirtualHost
            return true
        }
    }
}
