import Base
import HTTP

/// AWS Signature Version 4: who asks is proved by an HMAC over the request in canonical form.
struct SignatureV4: Sendable {
    /// What a header says of the body where the signature does not cover it.
    static let unsignedPayload = "UNSIGNED-PAYLOAD"
    static let streamingPayload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    static let emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    let credentials: AWSCredentials
    let region: String
    let service: String
    let time: Timestamp
    /// `20260411T020000Z`
    let stamp: String
    private let key: [UInt8]

    init(credentials: AWSCredentials, region: String, service: String, time: Timestamp) {
        self.credentials = credentials
        self.region = region
        self.service = service
        self.time = time
        stamp = String(time.rfc3339Seconds.filter { $0 != "-" && $0 != ":" })
        var key = Array("AWS4\(credentials.secretAccessKey)".utf8)
        for part in [String(stamp.prefix(8)), region, service, "aws4_request"] { key = Digest.hmacSHA256(key: key, part) }
        self.key = key
    }

    private var scope: String { "\(stamp.prefix(8))/\(region)/\(service)/aws4_request" }

    /// Adds the time, the session's token, the payload's digest and the signature. Every header that is there by now is signed, and the host.
    ///
    /// - Returns: the signature, which the first chunk of a streamed payload builds on.
    @discardableResult
    func sign(_ request: inout RemoteRequest, payload: String) -> String {
        request.headers["X-Amz-Date"] = stamp
        request.headers["X-Amz-Security-Token"] = credentials.sessionToken
        if service == "s3" { request.headers["X-Amz-Content-SHA256"] = payload }
        let (headers, names) = canonicalHeaders(request)
        // S3 signs the path as it is sent; every other service encodes it once more.
        let path = request.url.path.isEmpty ? "/" : request.url.path
        let canonical = [
            request.method,
            service == "s3"
                ? path : path.split(separator: "/", omittingEmptySubsequences: false).map { PercentEncoding.encode(String($0)) }.joined(separator: "/"),
            Self.canonicalQuery(request.url.query), headers, names, payload,
        ].joined(separator: "\n")
        let signature = Digest.hmacSHA256(key: key, "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(Digest.sha256(canonical).hexadecimal)").hexadecimal
        request.headers["Authorization"] =
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
        return signature
    }

    /// Of one chunk of a streamed payload, each of which builds on the one before.
    func chunkSignature(previous: String, chunk: Bytes) -> String {
        let digest = Digest.sha256([chunk]).hexadecimal
        return Digest.hmacSHA256(key: key, "AWS4-HMAC-SHA256-PAYLOAD\n\(stamp)\n\(scope)\n\(previous)\n\(Self.emptyPayload)\n\(digest)").hexadecimal
    }

    private func canonicalHeaders(_ request: RemoteRequest) -> (lines: String, names: String) {
        var values: [String: [String]] = ["host": [request.url.authority]]
        for field in request.headers { values[field.name.lowercased(), default: []].append(field.value.collapsingSpaces) }
        let sorted = values.sorted { $0.key < $1.key }
        return (sorted.map { "\($0.key):\($0.value.joined(separator: ","))\n" }.joined(), sorted.map(\.key).joined(separator: ";"))
    }

    private static func canonicalQuery(_ query: [RemoteURL.QueryItem]) -> String {
        query.map { (PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)) }
            .sorted { $0 < $1 }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }
}

extension String {
    /// Runs of white space as one space, none at the ends.
    fileprivate var collapsingSpaces: String {
        split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }
}

/// A body in the framing of `aws-chunked`: each chunk carries a signature that covers it and all before, so that bytes are hashed while they are sent.
struct ChunkedPayload: Sendable {
    static let chunkSize = 256 << 10

    /// How long the framed body is.
    static func length(of count: Int) -> Int64 {
        let whole = count / chunkSize
        let rest = count % chunkSize
        var length = Int64(whole) * framed(chunkSize) + framed(0)
        if rest > 0 { length += framed(rest) }
        return length
    }

    private static func framed(_ count: Int) -> Int64 { Int64(String(count, radix: 16).utf8.count + ";chunk-signature=".utf8.count + 64 + 4 + count) }

    static func framing(_ pieces: [Bytes], count: Int, signature: SignatureV4, seed: String) -> RemoteBody.Framing {
        RemoteBody.Framing(length: length(of: count)) { ChunkStream(pieces, signature: signature, seed: seed) }
    }
}

private final class ChunkStream: RequestBodyStream {
    private struct State {
        var rest: ArraySlice<Bytes>
        var previous: String
        var hasEnded = false
    }

    private let signature: SignatureV4
    private let state: Lock<State>

    init(_ pieces: [Bytes], signature: SignatureV4, seed: String) {
        self.signature = signature
        state = Lock(State(rest: pieces[...], previous: seed))
    }

    func next() async throws -> Bytes? {
        state.withLock { state in
            if state.hasEnded { return nil }
            let chunk = Self.take(&state.rest)
            state.hasEnded = chunk.isEmpty
            state.previous = signature.chunkSignature(previous: state.previous, chunk: chunk)
            var framed = BytesBuilder(capacity: chunk.count + 128)
            Bytes("\(String(chunk.count, radix: 16));chunk-signature=\(state.previous)\r\n").withUnsafeBytes { framed.append(contentsOf: $0) }
            chunk.withUnsafeBytes { framed.append(contentsOf: $0) }
            Bytes("\r\n").withUnsafeBytes { framed.append(contentsOf: $0) }
            return framed.take()
        }
    }

    /// The next chunk's bytes; empty at the end.
    private static func take(_ rest: inout ArraySlice<Bytes>) -> Bytes {
        guard let first = rest.first else { return .empty }
        if first.count >= ChunkedPayload.chunkSize {
            rest[rest.startIndex] = first.dropFirst(ChunkedPayload.chunkSize)
            if first.count == ChunkedPayload.chunkSize { rest.removeFirst() }
            return first.prefix(ChunkedPayload.chunkSize)
        }
        var chunk = BytesBuilder(capacity: ChunkedPayload.chunkSize)
        while let piece = rest.first, chunk.count < ChunkedPayload.chunkSize {
            let taken = piece.prefix(ChunkedPayload.chunkSize - chunk.count)
            taken.withUnsafeBytes { chunk.append(contentsOf: $0) }
            rest.removeFirst()
            if taken.count < piece.count { rest = [piece.dropFirst(taken.count)] + rest }
        }
        return chunk.take()
    }
}
