import Base
import HTTP

/// A client of one Kubernetes API server, on few connections, for any number of tasks.
///
/// Every call comes twice: for ``KubeResource`` types, and for any kind by ``GroupVersionResource`` with ``Resource`` objects that lose no field.
public final class KubeClient: Sendable {
    public struct Options: Sendable {
        /// The owner of the fields that this client writes, and the name it reports events under.
        public var fieldManager = "levee"
        public var userAgent = "levee"
        public var requestTimeout: Duration = .seconds(60)
        public var retry = RetryPolicy()
        /// While something is streamed; nil: dead connections are noticed by time-outs and the network alone.
        public var livenessCheck: LivenessCheck? = LivenessCheck()
        public var clock: any WallClock = SystemClock()
        public var random: any RandomSource = SystemRandomSource()
        public var logger = Logger.none
        /// Asked right before each request that may change something; where it is false the request is not sent, and ends as if it had been cancelled.
        public var mayWrite: @Sendable () -> Bool = { true }
        /// How many requests are sent at most; nil: as many as there are. The server has limits of its own, which it says by 429.
        public var rate: RequestRate?
        /// Where requests are counted (`rest_client_requests_total` and the like); nil: nowhere.
        public var metrics: MetricsRegistry?
        /// Told of the API server's hints (deprecated versions, unknown fields), each once; nil: they are logged.
        public var onWarning: (@Sendable (String) -> Void)?

        public init() {}
    }

    public let configuration: KubeConfiguration
    public let options: Options
    private let connection: ServerConnection
    private let limiter: RequestLimiter?
    private let metrics: RequestMetrics?
    private let warnings: WarningReport

    public init(configuration: KubeConfiguration, options: Options = Options()) throws(KubeError) {
        self.configuration = configuration
        self.options = options
        let metrics = options.metrics.map { RequestMetrics(registry: $0, server: configuration.server) }
        self.metrics = metrics
        connection = try ServerConnection(configuration: configuration, options: options, metrics: metrics)
        limiter = options.rate.map { RequestLimiter($0) }
        warnings = WarningReport { [logger = options.logger, tell = options.onWarning] text, request in
            if let tell { tell(text) } else { logger.warning("the API server warns", ["request": request, "warning": text]) }
        }
    }

    /// The namespace that the configuration names: a context's, or the pod's own.
    public var namespace: String { configuration.namespace }

    /// Sends a request, repeated as the policy allows, and reads the answer as JSON.
    func send(_ request: KubeRequest, retry: RetryPolicy? = nil) async throws(KubeError) -> JSONValue {
        let response = try await exchange(request, retry: retry ?? options.retry)
        do {
            return try JSON.parse(response.body)
        } catch {
            throw .unexpectedResponse(request: request.label, reason: "\(error)")
        }
    }

    /// Starts a response that is read as it comes. Not repeated: its users have their own way of beginning again.
    func stream(_ request: KubeRequest) async throws(KubeError) -> HTTPResponseBody {
        let http = request.httpRequest(server: configuration.server)
        func attempt() async throws(KubeError) -> HTTPStreamingResponse {
            try await measured(request, { $0.status }) { () async throws(KubeError) in try await connection.stream(http) }
        }
        var response: HTTPStreamingResponse
        do throws(KubeError) {
            response = try await attempt()
        } catch {
            guard error.isOfTLS, connection.forgetTLS() else { throw error }
            response = try await attempt()
        }
        if response.status == 401, connection.forgetToken() { response = try await attempt() }
        warnings.take(response.headers.values("Warning"), request: request.label)
        if response.status >= 300 {
            let body: Bytes
            do throws(HTTPError) {
                body = try await response.body.collect(upTo: 1 << 20)
            } catch {
                throw .transport(error)
            }
            throw .fromResponse(
                HTTPResponse(status: response.status, headers: response.headers, body: body), request: request.label, now: options.clock.now())
        }
        return response.body
    }

    private func exchange(_ request: KubeRequest, retry: RetryPolicy) async throws(KubeError) -> HTTPResponse {
        let http = request.httpRequest(server: configuration.server)
        var attempt = 0
        var (tokenWasRenewed, tlsWasRenewed) = (false, false)
        while true {
            attempt += 1
            let failure: KubeError
            do throws(KubeError) {
                let response = try await measured(request, { $0.status }) { () async throws(KubeError) in try await connection.execute(http) }
                warnings.take(response.headers.values("Warning"), request: request.label)
                if response.status < 300 { return response }
                if response.status == 401, !tokenWasRenewed, connection.forgetToken() {
                    tokenWasRenewed = true
                    continue
                }
                failure = .fromResponse(response, request: request.label, now: options.clock.now())
            } catch {
                // Nothing was sent: the certificates in the files may be newer than those in hand.
                if error.isOfTLS, !tlsWasRenewed, connection.forgetTLS() {
                    tlsWasRenewed = true
                    continue
                }
                failure = error
            }
            guard let delay = retry.delay(after: failure, attempt: attempt, isRead: request.isRead, random: options.random) else { throw failure }
            options.logger.debug("request is repeated", ["request": request.label, "attempt": attempt, "error": failure])
            do {
                try await options.clock.sleep(for: delay)
            } catch {
                throw .cancelled
            }
        }
    }

    /// One attempt, when the client's own limit allows it.
    private func measured<Response>(
        _ request: KubeRequest, _ status: (Response) -> Int, _ body: () async throws(KubeError) -> Response
    ) async throws(KubeError) -> Response {
        if let held = try await limiter?.wait(), held > .zero { metrics?.heldBack(request.method, for: held) }
        // After all waiting: a process that was held back, or frozen, may not lead any more.
        guard request.isRead || options.mayWrite() else { throw .notLeading(request: request.label) }
        let start = ContinuousClock.now
        do throws(KubeError) {
            let response = try await body()
            metrics?.count(request.method, status: status(response), took: ContinuousClock.now - start)
            return response
        } catch {
            metrics?.count(request.method, status: nil, took: ContinuousClock.now - start)
            throw error
        }
    }
}

extension KubeError {
    /// What an answer with an error status says. Proxies and load balancers answer with something else than a Status object.
    static func fromResponse(_ response: HTTPResponse, request: String, now: Timestamp) -> KubeError {
        var status: APIStatus
        if let json = try? JSON.parse(response.body), json["kind"]?.stringValue == "Status" {
            status = APIStatus(json, code: response.status)
        } else {
            status = APIStatus(code: response.status, message: String(response.body.prefix(200).text))
        }
        status.retryAfter = (status.retryAfter ?? response.headers["Retry-After"].flatMap { retryAfter($0, now) }).map { min($0, longestRetryAfter) }
        return .status(status, request: request)
    }

    /// Nobody is sent to sleep for a day, by a clock that is wrong or by malice.
    private static let longestRetryAfter = Duration.seconds(300)

    /// Seconds or a date (RFC 9110, section 10.2.3).
    private static func retryAfter(_ text: String, _ now: Timestamp) -> Duration? {
        let delay = Int64(text).map { Duration.seconds(min($0, 86_400)) } ?? Timestamp(httpDate: text).map { $0 - now }
        return delay.flatMap { $0 > .zero ? $0 : nil }
    }
}
