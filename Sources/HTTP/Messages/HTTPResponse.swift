import Base

/// A response with its whole body.
public struct HTTPResponse: Sendable {
    public var status: Int
    public var headers: HTTPHeaders
    public var body: Bytes

    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: Bytes = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// A response whose body is read as it arrives.
public struct HTTPStreamingResponse: Sendable {
    public let status: Int
    public let headers: HTTPHeaders
    /// Dropping it ends the transfer.
    public let body: HTTPResponseBody
}

/// Status and headers, before any of the body.
struct HTTPResponseHead: Sendable {
    var status: Int
    var headers: HTTPHeaders
}
