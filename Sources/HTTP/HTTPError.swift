/// What can go wrong between two HTTP peers. A status code, whatever it says, is not an error here.
public enum HTTPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The request could not be made into one: its URL, method or a header.
    case invalidRequest(url: String, reason: String)
    /// No connection came about (name, refusal, network, proxy): the request was never sent, trying again is safe.
    case connectionFailed(url: String, reason: String)
    /// The TLS handshake failed: an untrusted or expired certificate, a refused client certificate, unusable key material.
    case tlsFailed(url: String, reason: String)
    /// A limit of time passed: connecting, waiting for the response, or the whole request.
    case timedOut(url: String, reason: String)
    /// The connection broke after the request had been sent: the server may or may not have acted on it.
    case interrupted(url: String, reason: String)
    /// The response's head or body is larger than the request allows, `limit` in bytes.
    case responseTooLarge(url: String, limit: Int)
    /// The request's body stream failed; the error it threw, described.
    case requestBodyFailed(url: String, reason: String)
    /// The task was cancelled, or the client was shut down.
    case cancelled(url: String)
    /// The server could not be started.
    case listenFailed(address: String, port: Int, reason: String)

    public var description: String {
        switch self {
        case .invalidRequest(let url, let reason): "\(url): not a request that can be sent: \(reason)"
        case .connectionFailed(let url, let reason): "\(url): cannot connect: \(reason)"
        case .tlsFailed(let url, let reason): "\(url): TLS failed: \(reason); check the certificate authority, the server name and the client certificate"
        case .timedOut(let url, let reason): "\(url): timed out: \(reason)"
        case .interrupted(let url, let reason): "\(url): the connection broke: \(reason)"
        case .responseTooLarge(let url, let limit): "\(url): the response is larger than the limit of \(limit) bytes"
        case .requestBodyFailed(let url, let reason): "\(url): the request's body could not be read: \(reason)"
        case .cancelled(let url): "\(url): cancelled"
        case .listenFailed(let address, let port, let reason): "cannot listen on \(address) port \(port): \(reason); choose another address or port"
        }
    }

    /// True where the server cannot have seen the request, so that any method may be sent again.
    public var wasNeverSent: Bool {
        switch self {
        case .connectionFailed, .tlsFailed, .invalidRequest: true
        default: false
        }
    }
}
