import Base

/// A request to send.
public struct HTTPRequest: Sendable {
    public enum Body: Sendable {
        case none
        case bytes(Bytes)
        /// One after the other; nobody copies them together.
        case pieces([Bytes])
        /// Pulled as the connection takes it. Without a `length` it is sent chunked.
        case stream(any RequestBodyStream, length: Int64?)
    }

    public var method: String
    /// Absolute, `http` or `https`, percent-encoded.
    public var url: String
    public var headers: HTTPHeaders
    public var body: Body
    /// For the whole exchange, to the last byte of the response; nil takes the client's default for ``HTTPClient/execute(_:)`` and no limit for ``HTTPClient/stream(_:)``.
    public var timeout: Duration?
    /// Ends the exchange when no byte has moved for so long (whole seconds). Time during which the reader of a streamed response holds it up doesn't count.
    public var idleTimeout: Duration?
    /// The largest body that ``HTTPClient/execute(_:)`` takes, in bytes, after decompression. Nil takes the client's default.
    public var maximumResponseSize: Int?
    /// On a connection of its own. On a kept one the library sends a request a second time by itself when the server closes without a word, which may be
    /// after it has acted.
    public var usesFreshConnection = false

    public init(
        method: String = "GET", url: String, headers: HTTPHeaders = HTTPHeaders(), body: Body = .none, timeout: Duration? = nil, idleTimeout: Duration? = nil,
        maximumResponseSize: Int? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.idleTimeout = idleTimeout
        self.maximumResponseSize = maximumResponseSize
    }

    /// What errors and logs call the request: method and URL without user information and query, which may hold signatures.
    public var label: String {
        let withoutQuery = url.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = withoutQuery.firstRange(of: "://") else { return "\(method) \(withoutQuery)" }
        let rest = withoutQuery[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return "\(method) \(withoutQuery)" }
        return "\(method) \(withoutQuery[..<scheme.upperBound])\(rest[rest.index(after: at)...])"
    }
}

/// A request body that is produced while it is sent.
public protocol RequestBodyStream: Sendable {
    /// The next bytes; nil at the end. Called again only when the bytes before are on their way, so a slow server slows the producer.
    func next() async throws -> Bytes?
}
