import Base

/// How an ``HTTPClient`` connects.
public struct HTTPClientConfiguration: Sendable {
    public enum Proxy: Sendable, Hashable {
        /// `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, as curl reads them.
        case environment
        case direct
        /// `bypass`: comma-separated host names that are reached directly, as in `no_proxy`.
        case url(String, bypass: String)
    }

    /// Offers HTTP/2 over TLS and then sends many requests over one connection. Off for object bytes: a paused HTTP/2 stream still buffers megabytes.
    public var http2 = false
    /// Connections to one host and port; more requests than connections wait their turn. 0: no limit. Every watch over HTTP/1.1 holds one.
    public var maximumConnectionsPerHost = 0
    public var tls = TLSConfiguration()
    public var proxy = Proxy.environment
    public var connectTimeout: Duration = .seconds(10)
    /// For requests that don't say their own; see ``HTTPRequest/timeout``.
    public var requestTimeout: Duration = .seconds(60)
    /// The largest response body that is taken whole, in bytes.
    public var maximumResponseSize = 256 << 20
    /// The largest response head, in bytes.
    public var maximumHeaderSize = 256 << 10
    /// Asks for gzip and decodes it. Only where the server's bytes are text.
    public var acceptsCompression = false
    public var userAgent = "levee"
    /// How much is read or written at a time, in bytes; nil leaves it to the library (16 and 64 KiB). More for those who move megabytes, each connection's buffers are as large.
    public var bufferSize: Int?

    public init() {}
}

/// Whom to trust and who to be, PEM-encoded, from memory.
public struct TLSConfiguration: Sendable, Hashable {
    /// The authorities that may sign the server's certificate; nil: the system's. When set, only these.
    public var caPEM: Bytes?
    /// The client's certificate (with its chain) and key: both or neither.
    public var certPEM: Bytes?
    public var keyPEM: Bytes?
    /// The name to ask for and to check in the server's certificate, where it is not the URL's host.
    public var serverName: String?
    /// Takes any certificate. For tests only.
    public var insecure: Bool

    public init(caPEM: Bytes? = nil, certPEM: Bytes? = nil, keyPEM: Bytes? = nil, serverName: String? = nil, insecure: Bool = false) {
        self.caPEM = caPEM
        self.certPEM = certPEM
        self.keyPEM = keyPEM
        self.serverName = serverName
        self.insecure = insecure
    }
}
