import Base
import HTTP

/// One request to a store's service, before it is signed. A value: each attempt signs and sends a copy.
struct RemoteRequest: Sendable {
    /// When a request may be sent again although the server may have carried out an earlier attempt.
    enum Replay: Sendable, Hashable {
        /// Carrying it out twice is the same as once.
        case always
        /// Only where the server cannot have acted on it, or says that it did not. See ``ConditionalPut``.
        case onlyIfNotActedUpon
    }

    /// What metrics call it: `get`, `put`, `list`.
    var verb: String
    /// What messages call it: `reading`, `listing`.
    var operation: String
    /// What messages name as its object: `s3://bucket/key`. Never holds a credential.
    var target: String
    var method: String
    var url: RemoteURL
    var headers = HTTPHeaders()
    var body = RemoteBody()
    var replay = Replay.always
    /// Sent once per attempt and no more: not on a kept connection, where the HTTP library sends again by itself what the server did not answer. For what
    /// leaves something behind that nobody would know of.
    var isNeverRepeatedUnseen = false
    /// Statuses besides 2xx that the caller takes as answers (404, 412) rather than as failures.
    var answers: Set<Int> = []
    /// What is reserved of the bytes that may be in flight; for a read, what it is going to bring.
    var expectedResponseSize = 0
    var maximumResponseSize = 16 << 20
    /// A 2xx response without this many bytes was cut on its way, whatever its own length field says.
    var exactResponseSize: Int?
}

/// An absolute URL in the parts that signatures are made of.
struct RemoteURL: Sendable, Hashable {
    /// `https`
    var scheme: String
    /// Host, and port where it is not the scheme's own: what the `Host` header says.
    var authority: String
    /// Percent-encoded, with a leading slash.
    var path: String
    /// Names and values as they are, not encoded, in the order they are sent.
    var query: [QueryItem] = []

    struct QueryItem: Sendable, Hashable {
        var name: String
        var value: String
    }

    var string: String {
        var text = "\(scheme)://\(authority)\(path)"
        if !query.isEmpty { text += "?" + PercentEncoding.query(query.map { ($0.name, $0.value) }) }
        return text
    }

    /// Reads `https://host:port/path`; nil for anything that is no absolute http(s) URL, has user information, a query or a fragment. A trailing slash of
    /// the path is left out.
    init?(base text: String) {
        guard let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = text[separator.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard !authority.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !text.contains(where: { "@?#".contains($0) }) else { return nil }
        self.scheme = scheme
        let port = scheme == "http" ? ":80" : ":443"
        self.authority = (authority.hasSuffix(port) ? String(authority.dropLast(port.count)) : String(authority)).lowercased()
        var path = rest[authority.endIndex...]
        while path.hasSuffix("/") { path = path.dropLast() }
        self.path = String(path)
    }

    init(scheme: String, authority: String, path: String, query: [QueryItem] = []) {
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.query = query
    }

    subscript(name: String) -> String? { query.first { $0.name == name }?.value }

    /// The same place with parameters added behind those it has.
    func adding(_ parameters: [(String, String)]) -> RemoteURL {
        var url = self
        url.query += parameters.map { QueryItem(name: $0.0, value: $0.1) }
        return url
    }
}

/// What a request carries. It can be sent any number of times.
struct RemoteBody: Sendable {
    /// One after the other, as they are: nobody copies them together.
    var pieces: [Bytes]
    let count: Int
    /// How the pieces look on the wire where a signer frames them (chunked signatures).
    var framing: Framing?

    struct Framing: Sendable {
        let length: Int64
        let makeStream: @Sendable () -> any RequestBodyStream
    }

    init(_ pieces: [Bytes] = []) {
        self.pieces = pieces.filter { !$0.isEmpty }
        count = pieces.reduce(0) { $0 + $1.count }
    }

    init(_ bytes: Bytes) { self.init([bytes]) }

    /// All but the first `length` bytes.
    func dropFirst(_ length: Int) -> RemoteBody {
        var left = length
        return RemoteBody(
            pieces.map { piece in
                defer { left -= min(left, piece.count) }
                return piece.dropFirst(left)
            })
    }

    /// For a method that takes a body, `isSent` even where there are no bytes.
    func httpBody() -> HTTPRequest.Body {
        if let framing { return .stream(framing.makeStream(), length: framing.length) }
        switch pieces.count {
        case 0: return .none
        case 1: return .bytes(pieces[0])
        default: return .pieces(pieces)
        }
    }
}

/// What a request brought, of a status that the caller takes.
struct RemoteResponse: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: Bytes
    /// An earlier attempt may have been carried out, its answer lost: a 404 of a delete, or a 412 of a put, may be the work of that one.
    let followsAmbiguity: Bool
}

/// Adds what proves who asks. Called for each attempt, so that time and credentials are fresh.
protocol RequestSigner: Sendable {
    func sign(_ request: inout RemoteRequest, at time: Timestamp) async throws

    /// The server refused the credentials, or the time, of an attempt. Whether another attempt may fare better (they are renewed, the clock is set).
    func wasRefused(_ failure: ServerFailure, at time: Timestamp) async -> Bool
}

/// For what needs no signature.
struct UnsignedRequests: RequestSigner {
    func sign(_ request: inout RemoteRequest, at time: Timestamp) async throws {}
    func wasRefused(_ failure: ServerFailure, at time: Timestamp) async -> Bool { false }
}
