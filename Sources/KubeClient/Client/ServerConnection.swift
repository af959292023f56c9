import Base
import HTTP

/// The way to the server: an HTTP client with the current TLS material, and the current token.
///
/// Files are read again once a minute, so that rotated certificates and tokens are taken up while the process runs; a token also when the server refuses it, certificates also
/// when a handshake fails.
final class ServerConnection: Sendable {
    private static let refreshInterval: Duration = .seconds(60)

    private struct State {
        /// Another one, with other connections, after the server has fallen silent.
        var loop: HTTPClientLoop
        var client: HTTPClient?
        var clientReadAt: Timestamp?
        var token: String?
        var tokenReadAt: Timestamp?
        /// What a program gave last.
        var credential: ExecCredential?
        var livenessCheck: Task<Void, Never>?
    }

    private let configuration: KubeConfiguration
    private let options: KubeClient.Options
    private let metrics: RequestMetrics?
    /// nil where no program gives credentials.
    private let exec: ExecCredentials?
    private let state: Lock<State>

    init(configuration: KubeConfiguration, options: KubeClient.Options, metrics: RequestMetrics? = nil) throws(KubeError) {
        self.configuration = configuration
        self.options = options
        self.metrics = metrics
        if case let .exec(plugin) = configuration.credentials {
            exec = ExecCredentials(plugin, environment: ProcessEnvironment.current, clock: options.clock)
        } else {
            exec = nil
        }
        do throws(HTTPError) {
            state = Lock(State(loop: try HTTPClientLoop()))
        } catch {
            throw .transport(error)
        }
        // Unusable material is better said at the start than at the first request.
        _ = try client(nil)
        _ = try authorization(nil)
    }

    deinit { state.withLock { $0.livenessCheck }?.cancel() }

    func execute(_ request: HTTPRequest) async throws(KubeError) -> HTTPResponse {
        let (client, request) = try await prepared(request)
        let (loop, before) = state.withLock { ($0.loop, $0.loop.activity) }
        do throws(HTTPError) {
            return try await client.execute(request)
        } catch {
            // Not a byte came all that time, of nothing: the next request need not wait for it too.
            if case .timedOut = error, loop.activity == before { abandon(loop) }
            throw .transport(error)
        }
    }

    func stream(_ request: HTTPRequest) async throws(KubeError) -> HTTPStreamingResponse {
        let (client, request) = try await prepared(request)
        checkLiveness()
        do throws(HTTPError) {
            return try await client.stream(request)
        } catch {
            throw .transport(error)
        }
    }

    private func checkLiveness() {
        guard let check = options.livenessCheck else { return }
        state.withLock { state in
            guard state.livenessCheck == nil else { return }
            state.livenessCheck = Task { [weak self] in await check.run { [weak self] in self } }
        }
    }

    /// What comes next goes over new connections; what is under way on these is ended, as if they had broken.
    private func abandon(_ loop: HTTPClientLoop) {
        do throws(HTTPError) {
            let next = try HTTPClientLoop()
            let isCurrent = state.withLock { state in
                guard state.loop === loop else { return false }
                state.loop = next
                state.client = state.client.map { HTTPClient(configuration: $0.configuration, loop: next) }
                return true
            }
            guard isCurrent else { return }
            options.logger.warning("the API server has fallen silent; its connections are given up", ["server": configuration.server])
            loop.interruptAll(reason: "the server has fallen silent")
        } catch {
            options.logger.error("the API server has fallen silent, and no other connection can be made", ["server": configuration.server, "error": error])
        }
    }

    /// After a 401: true where a token can be read anew, so that another try makes sense.
    func forgetToken() -> Bool {
        switch configuration.credentials {
        case .tokenFile:
            state.withLock { $0.tokenReadAt = nil }
            return true
        case .exec:
            if let credential = state.withLock({ $0.credential }) { exec?.forget(credential) }
            return true
        case .none, .token, .basic: return false
        }
    }

    /// After a handshake that failed: true where certificates can be read anew, so that another try makes sense.
    func forgetTLS() -> Bool {
        guard configuration.readsTLSFiles else { return false }
        state.withLock { $0.clientReadAt = nil }
        return true
    }

    private func prepared(_ request: HTTPRequest) async throws(KubeError) -> (HTTPClient, HTTPRequest) {
        var request = request
        let given = try await exec?.current()
        if let given { state.withLock { $0.credential = given } }
        if let authorization = try authorization(given) { request.headers["Authorization"] = authorization }
        configuration.impersonation?.apply(to: &request.headers)
        return (try client(given), request)
    }

    private func authorization(_ given: ExecCredential?) throws(KubeError) -> String? {
        switch configuration.credentials {
        case .none: return nil
        case .exec: return given?.token.map { "Bearer \($0)" }
        case .token(let token): return "Bearer \(token)"
        case .basic(let user, let password): return "Basic \(Base64.encode(Bytes("\(user):\(password)")))"
        case .tokenFile(let path):
            let now = options.clock.now()
            if let token = state.withLock({ isFresh($0.tokenReadAt, now) ? $0.token : nil }) { return "Bearer \(token)" }
            let known = state.withLock { $0.token }
            let token: String
            do throws(KubeError) {
                token = try FileContents.read(path).text.trimmedWhitespace
            } catch {
                // The file may be missing for a moment while it is rotated: the token in hand is still the best one.
                guard let known else { throw error }
                return "Bearer \(known)"
            }
            guard !token.isEmpty else { throw .invalidConfiguration(source: path, reason: "the token file is empty") }
            state.withLock { state in
                state.token = token
                state.tokenReadAt = now
            }
            return "Bearer \(token)"
        }
    }

    private func client(_ given: ExecCredential?) throws(KubeError) -> HTTPClient {
        let now = options.clock.now()
        let (client, fresh) = state.withLock { ($0.client, isFresh($0.clientReadAt, now)) }
        let isOfGiven = given?.certificate == nil || client?.configuration.tls.certPEM == given?.certificate
        if let client, isOfGiven, fresh || !configuration.readsTLSFiles { return client }
        let tls: TLSConfiguration
        do throws(KubeError) {
            tls = try configuration.tls(given)
        } catch {
            guard let client else { throw error }
            options.logger.warning("TLS files cannot be read; the material in hand is kept", ["error": error])
            return client
        }
        return state.withLock { state in
            // The same material keeps its connections; those that were given up meanwhile are not brought back.
            let kept = state.client.flatMap { $0.configuration.tls == tls ? $0 : nil }
            let current = kept ?? HTTPClient(configuration: httpConfiguration(tls), loop: state.loop)
            state.client = current
            state.clientReadAt = now
            return current
        }
    }

    private func isFresh(_ readAt: Timestamp?, _ now: Timestamp) -> Bool {
        guard let readAt else { return false }
        let age = now - readAt
        return age >= .zero && age < Self.refreshInterval
    }

    private func httpConfiguration(_ tls: TLSConfiguration) -> HTTPClientConfiguration {
        var http = HTTPClientConfiguration()
        http.http2 = true
        http.tls = tls
        http.requestTimeout = options.requestTimeout
        http.userAgent = options.userAgent
        http.acceptsCompression = true
        http.proxy = configuration.proxy
        return http
    }
}

extension ServerConnection: LiveConnection {
    var activity: UInt64 { state.withLock { $0.loop.activity } }

    var awaitsSomething: Bool { state.withLock { $0.loop.isBusy } }

    /// Everybody may ask for the version, mostly; and who may not gets an answer too.
    func answers() async -> Bool {
        let start = ContinuousClock.now
        do throws(KubeError) {
            let (client, request) = try await prepared(KubeRequest(path: "/version").httpRequest(server: configuration.server))
            do throws(HTTPError) {
                let response = try await client.execute(request)
                metrics?.count("GET", status: response.status, took: ContinuousClock.now - start)
                return true
            } catch {
                metrics?.count("GET", status: nil, took: ContinuousClock.now - start)
                // A server that refuses connections is not silent: those that were open are broken, and said so.
                if case .timedOut = error { return false }
                return true
            }
        } catch {
            return true
        }
    }

    func giveUp() { abandon(state.withLock { $0.loop }) }
}

extension String {
    var trimmedWhitespace: String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = utf8.firstIndex(where: { !isSpace($0) }), let last = utf8.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(self[first...last])
    }
}
