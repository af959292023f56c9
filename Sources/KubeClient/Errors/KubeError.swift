import Base
import HTTP

/// What can go wrong between this client and an API server.
public enum KubeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The server answered with an error. `request` names method and path.
    case status(APIStatus, request: String)
    /// No answer came.
    case transport(HTTPError)
    /// An answer that is no JSON, or not of the shape its kind has.
    case unexpectedResponse(request: String, reason: String)
    /// Kubeconfig, in-cluster files or credentials cannot be used. `source` names the file and place.
    case invalidConfiguration(source: String, reason: String)
    /// The server serves no such kind; its CRD may be missing.
    case unknownKind(apiVersion: String, kind: String)
    /// An object that a request was to carry cannot be encoded, or lacks its name.
    case invalidObject(object: String, reason: String)
    case cancelled
    /// Not sent: the process does not lead, or not any more.
    case notLeading(request: String)

    public var description: String {
        switch self {
        case .status(let status, let request):
            "\(request): \(status.code) \(status.reason)\(status.reason.isEmpty ? "" : ": ")\(status.message.isEmpty ? "no further message" : status.message)"
        case .transport(let error): error.description
        case .unexpectedResponse(let request, let reason): "\(request): the server's answer cannot be read: \(reason)"
        case .invalidConfiguration(let source, let reason): "\(source): \(reason)"
        case .unknownKind(let apiVersion, let kind): "the server has no kind \(kind) in \(apiVersion); install its CRD first"
        case .invalidObject(let object, let reason): "\(object): \(reason)"
        case .cancelled: "cancelled"
        case .notLeading(let request): "\(request): not sent, as this process does not lead (any more)"
        }
    }
}

extension KubeError {
    public var status: APIStatus? {
        if case .status(let status, _) = self { status } else { nil }
    }

    public var isNotFound: Bool { status?.code == 404 }
    public var isAlreadyExists: Bool { status?.code == 409 && status?.reason == "AlreadyExists" }
    /// The object has changed since it was read, or another manager owns a field.
    public var isConflict: Bool { status?.code == 409 && status?.reason != "AlreadyExists" }
    /// The resource version or continue token is too old: list again.
    public var isExpired: Bool { status?.code == 410 || status?.reason == "Expired" || status?.reason == "Gone" }
    /// The server does not know the resource version yet, and may never: it has been restored from a backup, say.
    public var isAheadOfServer: Bool { status?.causes.contains { $0.reason == "ResourceVersionTooLarge" } ?? false }
    public var isForbidden: Bool { status?.code == 403 }
    public var isInvalid: Bool { status?.code == 422 }

    public var isCancelled: Bool {
        switch self {
        case .cancelled, .notLeading, .transport(.cancelled): true
        default: false
        }
    }

    var isOfTLS: Bool { if case .transport(.tlsFailed) = self { true } else { false } }

    /// How long the server asks to wait.
    public var retryAfter: Duration? { status?.retryAfter }

    /// True where the same request may succeed later without anybody changing anything: overload, time-outs, broken connections, lost races.
    public var isRetryable: Bool {
        switch self {
        case .status(let status, _): status.code == 429 || status.code >= 500 || status.code == 408 || isConflict || isExpired
        case .transport(.connectionFailed), .transport(.timedOut), .transport(.interrupted), .transport(.tlsFailed): true
        default: false
        }
    }
}
