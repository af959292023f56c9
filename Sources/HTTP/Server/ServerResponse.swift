import Base

/// What a handler answers.
public struct ServerResponse: Sendable {
    public enum Body: Sendable {
        case bytes(Bytes)
        /// Sent chunk by chunk as the stream yields it, for as long as it lasts.
        case stream(any ResponseStream)
    }

    public var status: Int
    /// `Content-Length`, `Transfer-Encoding`, `Date` and `Connection` are the server's business.
    public var headers: HTTPHeaders
    public var body: Body

    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: Body = .bytes(.empty)) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    public static func text(_ text: String, status: Int = 200, contentType: String = "text/plain; charset=utf-8") -> ServerResponse {
        ServerResponse(status: status, headers: ["Content-Type": contentType], body: .bytes(Bytes(text)))
    }
}

/// The body of a response that is produced while it is sent: a watch, a log that is followed.
///
/// The server pulls: ``next()`` is called again only when the chunk before it has gone to the socket, so a slow reader slows the producer and nothing piles up.
public protocol ResponseStream: AnyObject, Sendable {
    /// The next bytes, sent at once; waits until there are some. Nil ends the response. An empty chunk is skipped.
    ///
    /// Never called twice at the same time. When the client leaves while it waits, its task is cancelled and ``closed()`` is called: it should return then.
    func next() async -> Bytes?

    /// Called exactly once, when the server will ask no more: the stream ended, the client went away, or the server stops. Must not block.
    func closed()
}
