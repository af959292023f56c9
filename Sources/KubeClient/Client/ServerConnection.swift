import Base
import HTTP

/// The way to the server: an HTTP client with the current TLS material, and the current token.
///
/// Files are read again once a minute, so that rotated certificates and tokens are taken up while the process runs; a token also when the server refuses it.
final class ServerConnection: Sendable {
    private static let refreshInterval: Duration = .seconds(60)

    private struct State {
        var client: HTTPClient?
        var clientReadAt: Timestamp?
        var token: String?
        var tokenReadAt: Timestamp?
        /// What a program gave last.
        var credential: ExecCredential?
    }

    private let configuration: KubeConfiguration
    private let options: KubeClient.Options
    private let loop: HTTPClientLoop
    /// nil where no program gives credentials.
    private let exec: ExecCredentials?
    private let state = Lock(State())

    init(configuration: KubeConfiguration, options: KubeClient.Options) throws(KubeError) {
        self.configuration = configuration
        self.options = options
        if case let .exec(plugin) = configuration.credentials {
            exec = ExecCredentials(plugin, environment: ProcessEnvironment.current, clock: options.clock)
        } else {
            exec = nil
        }
        do throws(HTTPError) {
            loop = try HTTPClientLoop()
        } catch {
            throw .transport(error)
        }
        // Unusable material is better said at the start than at the first request.
        _ = try client(nil)
        _ = try authorization(nil)
    }

    func execute(_ request: HTTPRequest) async throws(KubeError) -> HTTPResponse {
        let (client, request) = try await prepared(request)
        do throws(HTTPError) {
            return try await client.execute(request)
        } catch {
            throw .transport(error)
        }
    }

    func stream(_ request: HTTPRequest) async throws(KubeError) -> HTTPStreamingResponse {
        let (client, request) = try await prepared(request)
        do throws(HTTPError) {
            return try await client.stream(request)
        } catch {
            throw .transport(error)
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
        // The same material keeps its connections.
        let current = client.flatMap { $0.configuration.tls == tls ? $0 : nil } ?? HTTPClient(configuration: httpConfiguration(tls), loop: loop)
        state.withLock { state in
            state.client = current
            state.clientReadAt = now
        }
        return current
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
        if let proxy = configuration.proxyURL { http.proxy = .url(proxy, bypass: "") }
        return http
    }
}

extension String {
    var trimmedWhitespace: String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = utf8.firstIndex(where: { !isSpace($0) }), let last = utf8.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(self[first...last])
    }
}
