import Base

/// A request as the server received it, its body complete.
public struct ServerRequest: Sendable {
    public var method: String
    /// The path as it was sent, percent-encoding and all, without the query.
    public var path: String
    /// The query's parameters in order, decoded; a name without `=` has an empty value.
    public var query: [(name: String, value: String)]
    public var headers: HTTPHeaders
    public var body: Bytes
    /// The peer's numeric address, without the port.
    public var remoteAddress: String

    public init(
        method: String, path: String, query: [(name: String, value: String)] = [], headers: HTTPHeaders = HTTPHeaders(), body: Bytes = .empty,
        remoteAddress: String = ""
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
    }

    /// The first value of a query parameter.
    public func parameter(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The path's segments, each decoded; empty segments are left out.
    public var pathSegments: [String] {
        path.split(separator: "/", omittingEmptySubsequences: true).map { PercentEncoding.decode(String($0)) }
    }
}
