import Base
import HTTP

/// Sends a store's requests: signs each attempt, tries again where that is safe and may help, and keeps connections, bytes in flight, waits and the load
/// on a store in trouble within bounds.
///
/// One per store and service: what it learns (the store is down, it wants fewer requests) counts for all who share it.
final class RemoteClient: Sendable {
    struct Limits: Sendable {
        /// Requests under way at once, each on a connection of its own.
        var requests = 64
        /// Bytes of requests and responses under way at once.
        var bytesInFlight = 96 << 20
    }

    /// Of each connection. As large as the library has it: every read is a system call and a turn of its loop (`make bench-store`).
    static let bufferSize = 512 << 10

    private let http: HTTPClient
    private let signer: any RequestSigner
    private let dialect: any RemoteDialect
    private let gate: FlightGate
    private let breaker: CircuitBreaker
    private let budget = RetryBudget()
    private let metrics: RemoteMetrics
    let policy: RetryPolicy
    let clock: any WallClock
    let random: any RandomSource

    init(
        http: HTTPClient, signer: any RequestSigner, dialect: any RemoteDialect, metrics: RemoteMetrics, policy: RetryPolicy = RetryPolicy(),
        limits: Limits = Limits(), clock: any WallClock = SystemClock(), random: any RandomSource = SystemRandomSource()
    ) {
        self.http = http
        self.signer = signer
        self.dialect = dialect
        self.metrics = metrics
        self.policy = policy
        self.clock = clock
        self.random = random
        gate = FlightGate(maximumRequests: limits.requests, maximumBytes: limits.bytesInFlight)
        breaker = CircuitBreaker(clock: clock, random: random)
    }

    /// For an operation of several requests that share one deadline and one count of attempts.
    func session() -> RetrySession { RetrySession(policy: policy, budget: budget, clock: clock, random: random) }

    /// Sends a request until it is answered. Throws ``RemoteFailure``, or `CancellationError` when the task is cancelled, which ends the transfer.
    func send(_ request: RemoteRequest, in session: RetrySession? = nil) async throws -> RemoteResponse {
        let session = session ?? self.session()
        var mayHaveActed = false
        var attempts = 0
        var signatureWasMended = false
        while true {
            attempts += 1
            var minimumDelay = Duration.zero
            let failure: RemoteFailure
            switch try await attempt(request, session) {
            case let .answered(response):
                session.succeeded()
                return RemoteResponse(status: response.status, headers: response.headers, body: response.body, followsAmbiguity: mayHaveActed)
            case let .failed(cause, acted):
                mayHaveActed = mayHaveActed || acted
                failure = RemoteFailure(
                    operation: request.operation, target: request.target, cause: cause, attempts: attempts, mayHaveActed: mayHaveActed)
                if let server = failure.server, server.kind == .refusedSignature, !signatureWasMended {
                    signatureWasMended = true
                    if await signer.wasRefused(server, at: clock.now()) { continue }
                }
                guard failure.isTransient, request.replay == .always || !acted else { throw failure }
            case let .notAdmitted(wait, lastFailure):
                attempts -= 1
                minimumDelay = wait
                failure = RemoteFailure(
                    operation: request.operation, target: request.target, cause: .circuitOpen(lastFailure: lastFailure), attempts: attempts,
                    mayHaveActed: mayHaveActed)
            }
            try await session.waitForNextAttempt(after: failure, minimumDelay: minimumDelay)
            metrics.retry(request.verb)
        }
    }

    private enum Attempt {
        case answered(HTTPResponse)
        case failed(RemoteFailure.Cause, mayHaveActed: Bool)
        case notAdmitted(wait: Duration, lastFailure: String)

        /// A server, or a proxy before it, may repeat in its error what it was sent.
        func withoutSecrets(of request: RemoteRequest) -> Attempt {
            guard case .failed(.server(var failure), let mayHaveActed) = self else { return self }
            let secrets = RequestSecrets(request)
            failure.code = failure.code.map(secrets.removed(from:))
            failure.message = failure.message.map(secrets.removed(from:))
            failure.requestID = failure.requestID.map(secrets.removed(from:))
            return .failed(.server(failure), mayHaveActed: mayHaveActed)
        }
    }

    private func attempt(_ request: RemoteRequest, _ session: RetrySession) async throws -> Attempt {
        if case let .refused(wait, lastFailure) = breaker.admit() { return .notAdmitted(wait: wait, lastFailure: lastFailure) }
        let weight = request.body.count + request.expectedResponseSize
        do {
            try await gate.enter(bytes: weight)
        } catch {
            breaker.abandoned()
            throw error
        }
        var outcome = FlightGate.Outcome.other
        defer { gate.leave(bytes: weight, outcome) }

        var signed = request
        do {
            try await signer.sign(&signed, at: clock.now())
        } catch let error as CredentialsError {
            breaker.abandoned()
            return .failed(.credentials(error.message, retryable: error.isRetryable), mayHaveActed: false)
        } catch {
            breaker.abandoned()
            throw error
        }
        let started = ContinuousClock.now
        let result: Result<HTTPResponse, HTTPError>
        do throws(HTTPError) {
            result = .success(try await http.execute(httpRequest(signed, weight: weight, session)))
        } catch {
            result = .failure(error)
        }
        let attempt = judge(result, request).withoutSecrets(of: signed)
        if case .failure = result, Task.isCancelled {
            breaker.abandoned()
            throw CancellationError()
        }
        outcome = record(attempt, result, request, ContinuousClock.now - started)
        return attempt
    }

    private func httpRequest(_ request: RemoteRequest, weight: Int, _ session: RetrySession) -> HTTPRequest {
        var sent = HTTPRequest(
            method: request.method, url: request.url.string, headers: request.headers, body: request.body.httpBody(),
            timeout: max(.milliseconds(1), min(policy.timeout(movingBytes: weight), session.remaining)), idleTimeout: policy.idleTimeout,
            maximumResponseSize: request.maximumResponseSize)
        sent.usesFreshConnection = request.isNeverRepeatedUnseen
        return sent
    }

    private func judge(_ result: Result<HTTPResponse, HTTPError>, _ request: RemoteRequest) -> Attempt {
        switch result {
        case let .failure(error): return .failed(.transport(error), mayHaveActed: !error.wasNeverSent)
        case let .success(response):
            if request.answers.contains(response.status) { return .answered(response) }
            if let failure = dialect.failure(of: response, to: request) { return .failed(.server(failure), mayHaveActed: failure.mayHaveActed) }
            if let size = request.exactResponseSize, request.method != "HEAD", response.body.count != size {
                return .failed(.badResponse("\(response.body.count) bytes came where \(size) were to come"), mayHaveActed: true)
            }
            return .answered(response)
        }
    }

    private func record(_ attempt: Attempt, _ result: Result<HTTPResponse, HTTPError>, _ request: RemoteRequest, _ duration: Duration) -> FlightGate.Outcome {
        var outcome = FlightGate.Outcome.other
        let label: String
        switch attempt {
        case .notAdmitted: return outcome
        case .answered:
            breaker.succeeded()
            outcome = .succeeded
            label = "ok"
        case let .failed(.server(failure), _):
            switch failure.kind {
            case .transient:
                breaker.failed(failure.summary)
                label = "transient"
            case .throttled:
                breaker.succeeded()
                outcome = .throttled
                label = "throttled"
            case .refusedSignature, .final:
                breaker.succeeded()
                label = "refused"
            }
        case let .failed(.transport(error), _):
            breaker.failed("\(error)")
            if case .timedOut = error { label = "timeout" } else { label = "broken" }
        case let .failed(cause, _):
            breaker.failed("\(cause)")
            label = "broken"
        }
        let received = (try? result.get().body.count) ?? 0
        metrics.attempt(request.verb, outcome: label, sent: request.body.count, received: received, duration: duration)
        return outcome
    }
}
