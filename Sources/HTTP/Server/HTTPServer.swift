import Base

/// An HTTP/1.1 server for metrics, health checks and the development control plane.
///
/// One thread owns all sockets; handlers run as Swift tasks. A response body may be a stream that lasts as long as the client wants it; connections that wait for
/// data cost a file descriptor and no thread. HTTPS is available, HTTP/2 is not.
public final class HTTPServer: Sendable {
    public struct Options: Sendable {
        /// Requests with a larger body are answered 413. Bytes.
        public var maximumBodySize = 16 << 20
        /// Connections that are open at the same time; more wait to be accepted.
        public var maximumConnections = 8192
        /// How long a connection may be idle between requests or stall while it sends one. Streams may be silent for as long as they like.
        public var idleTimeout: Duration = .seconds(120)
        /// How long ``HTTPServer/stop()`` waits for handlers that are at work.
        public var stopGracePeriod: Duration = .seconds(2)
        /// Nil serves plain HTTP.
        public var tls: ServerTLS?

        public init() {}
    }

    /// The port that was bound.
    public let port: Int
    private let loop: ServerLoop

    /// Starts to serve at once.
    ///
    /// - Parameters:
    ///   - address: A numeric IPv4 or IPv6 address.
    ///   - port: 0 lets the system choose; see ``port``.
    ///   - handler: Called once per request. Its task is cancelled when the client goes away before it answers.
    /// - Throws: ``HTTPError/listenFailed(address:port:reason:)``.
    public init(
        address: String = "127.0.0.1", port: Int = 0, options: Options = Options(), handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) throws(HTTPError) {
        let socket = try ListenSocket(address: address, port: port)
        self.port = socket.port
        loop = try ServerLoop(socket: socket, address: address, options: options, handler: handler)
    }

    deinit { loop.post(.stop) }

    /// Stops accepting, ends all streams, lets handlers finish for the grace period, and closes every connection. Returns when all of it is done.
    public func stop() async {
        await loop.stop()
    }
}

/// What an HTTPS server shows and asks for, PEM-encoded.
public struct ServerTLS: Sendable {
    public var certificatePEM: Bytes
    public var keyPEM: Bytes
    /// When set, clients are asked for a certificate, which must be signed by one of these authorities if they send one.
    public var clientAuthoritiesPEM: Bytes?

    public init(certificatePEM: Bytes, keyPEM: Bytes, clientAuthoritiesPEM: Bytes? = nil) {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
        self.clientAuthoritiesPEM = clientAuthoritiesPEM
    }
}
