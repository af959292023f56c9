import Base
import HTTP

/// What a server's error response says.
struct ServerFailure: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// May pass: 5xx, 408.
        case transient
        /// The server wants fewer requests: 429, SlowDown.
        case throttled
        /// The credentials have expired or the clock is off: the signer may mend it.
        case refusedSignature
        /// Trying again cannot help.
        case final
    }

    var status: Int
    /// The server's own word for it: `NoSuchKey`.
    var code: String?
    var message: String?
    var requestID: String?
    var kind: Kind
    /// Whether the server may have carried the request out all the same.
    var mayHaveActed: Bool
    /// How long the server asks to be left alone.
    var retryAfter: Duration?
    var headers = HTTPHeaders()
    /// A 404 that means the bucket or container, not the object.
    var isAboutContainer = false

    /// What the status alone says; a backend's dialect looks at the body first.
    init(status: Int, code: String? = nil, message: String? = nil, requestID: String? = nil, headers: HTTPHeaders = HTTPHeaders()) {
        self.status = status
        self.code = code
        self.message = message
        self.requestID = requestID
        self.headers = headers
        switch status {
        case 429: kind = .throttled
        case 408, 500, 502, 503, 504, 509: kind = .transient
        default: kind = .final
        }
        mayHaveActed = status >= 500 || status == 408
        retryAfter = headers["Retry-After"].flatMap(Self.retryAfter)
    }

    /// Seconds, or a date, which is taken relative to nothing better than the machine's clock. Bounded: a server cannot put a client to sleep for a day.
    private static func retryAfter(_ text: String) -> Duration? {
        if let seconds = Double(text), seconds >= 0, seconds.isFinite { return .milliseconds(Int64(min(seconds, 120) * 1000)) }
        guard let date = Timestamp(httpDate: text) else { return nil }
        return min(max(date - SystemClock().now(), .zero), .seconds(120))
    }

    /// `503 SlowDown: Please reduce your request rate (request id 4F2A)`. Texts of a server are shown short and on one line.
    var summary: String {
        var text = "status \(status)"
        if let code, !code.isEmpty { text += " \(code.shownShort(80))" }
        if let message, !message.isEmpty { text += ": \(message.shownShort(300))" }
        if let requestID, !requestID.isEmpty { text += " (request id \(requestID.shownShort(120)))" }
        return text
    }
}

extension String {
    /// Without control characters, cut to a number of characters.
    func shownShort(_ limit: Int) -> String {
        let clean = String(String.UnicodeScalarView(unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }.prefix(limit)))
        return clean.unicodeScalars.count < unicodeScalars.count ? clean + "…" : clean
    }
}

/// Why a request did not bring what it was for, after all attempts.
struct RemoteFailure: Error, Sendable, CustomStringConvertible {
    enum Cause: Sendable {
        case server(ServerFailure)
        case transport(HTTPError)
        /// A response that is not what the protocol says.
        case badResponse(String)
        /// No attempt is made: the store has failed too often lately.
        case circuitOpen(lastFailure: String)
        /// There are no credentials, or they could not be renewed.
        case credentials(String, retryable: Bool)
    }

    let operation: String
    let target: String
    let cause: Cause
    let attempts: Int
    /// An attempt may have been carried out, its answer lost.
    let mayHaveActed: Bool

    var server: ServerFailure? { if case let .server(failure) = cause { failure } else { nil } }

    /// Whether the same request may succeed later.
    var isTransient: Bool {
        switch cause {
        case let .server(failure): failure.kind == .transient || failure.kind == .throttled
        case let .transport(error):
            switch error {
            case .invalidRequest, .tlsFailed, .requestBodyFailed, .listenFailed, .responseTooLarge: false
            case .connectionFailed, .timedOut, .interrupted, .cancelled: true
            }
        case .badResponse: true
        case .circuitOpen: true
        case let .credentials(_, retryable): retryable
        }
    }

    var isTimeout: Bool { if case .transport(.timedOut) = cause { true } else { false } }

    var summary: String {
        let text =
            switch cause {
            case let .server(failure): failure.summary
            case let .transport(error): "\(error)"
            case let .badResponse(reason): "the response cannot be used: \(reason)"
            case let .circuitOpen(last): "not tried, since the store failed too often lately; the last failure was: \(last)"
            case let .credentials(reason, _): reason
            }
        return attempts > 1 ? "\(text) (after \(attempts) attempts)" : text
    }

    var description: String { "\(target): \(operation) failed: \(summary)" }

    /// As callers of ``ObjectStore`` know errors.
    var storeError: ObjectStoreError {
        switch cause {
        case let .server(failure) where failure.status == 404:
            failure.isAboutContainer || failure.code?.hasSuffix("Bucket") == true
                ? .containerNotFound(path: target, message: failure.summary) : .notFound(path: target)
        case let .server(failure) where failure.kind == .refusedSignature || failure.status == 401:
            .invalidCredentials(path: target, message: "\(operation) was refused: \(summary)")
        case let .server(failure) where failure.status == 403: .permissionDenied(path: target, operation: "\(operation) (\(failure.summary))")
        case let .credentials(reason, false): .invalidCredentials(path: target, message: reason)
        default: .failed(path: target, operation: operation, message: summary, retryable: isTransient)
        }
    }
}

/// Runs `body` and makes its ``RemoteFailure`` what callers of ``ObjectStore`` know.
func reportingStoreErrors<Result>(_ body: () async throws -> Result) async throws -> Result {
    do { return try await body() } catch let failure as RemoteFailure { throw failure.storeError }
}

/// How a service speaks of failures.
protocol RemoteDialect: Sendable {
    /// Nil where the response is what was asked for. Statuses that the request takes as answers are not shown to it.
    func failure(of response: HTTPResponse, to request: RemoteRequest) -> ServerFailure?
}
