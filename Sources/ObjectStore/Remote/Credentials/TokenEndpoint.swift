import Base
import HTTP

/// Services that give tokens out: OAuth token endpoints and the metadata services of clouds. Errors are ``CredentialsError`` and hold neither tokens nor
/// secrets.
struct TokenEndpoint: Sendable {
    /// Unsigned: what proves the caller is in the request itself.
    let client: RemoteClient
    let executor: BlockingExecutor

    /// Asks and reads `access_token` with its lifetime.
    ///
    /// - Parameters:
    ///   - purpose: for messages: "asking Microsoft Entra for a token".
    ///   - form: posted; without one the request is a GET.
    func token(_ purpose: String, url: RemoteURL, headers: HTTPHeaders = HTTPHeaders(), form: [(String, String)]? = nil) async throws -> BearerToken {
        let asked = client.clock.now()
        let answer = try await ask(purpose, url: url, headers: headers, body: form.map { .form($0) })
        guard let token = answer["access_token"]?.stringValue, !token.isEmpty else { throw unusable(purpose, "it has no access_token") }
        return BearerToken(token: token, expires: try expiry(answer, asked: asked, purpose))
    }

    enum Body: Sendable {
        case form([(String, String)])
        case json(JSONValue)
    }

    /// Sends a request and reads the JSON that it brings.
    func ask(_ purpose: String, url: RemoteURL, headers: HTTPHeaders = HTTPHeaders(), body: Body? = nil) async throws -> JSONValue {
        var request = RemoteRequest(
            verb: "token", operation: purpose, target: "\(url.scheme)://\(url.authority)\(url.path)", method: body == nil ? "GET" : "POST", url: url,
            headers: headers)
        request.headers["Accept"] = "application/json"
        request.maximumResponseSize = 1 << 20
        switch body {
        case nil: break
        case let .form(fields):
            request.headers["Content-Type"] = "application/x-www-form-urlencoded"
            request.body = RemoteBody(Bytes(PercentEncoding.query(fields.map { (name: $0.0, value: $0.1) })))
        case let .json(value):
            request.headers["Content-Type"] = "application/json"
            request.body = RemoteBody(JSON.encodeBytes(value))
        }
        let response: RemoteResponse
        do {
            response = try await client.send(request)
        } catch let failure as RemoteFailure {
            throw CredentialsError(message: "\(failure)", isRetryable: failure.isTransient)
        }
        do { return try JSON.parse(response.body) } catch { throw unusable(purpose, "it is no JSON") }
    }

    /// A small file that somebody else keeps fresh.
    func text(ofFile path: String, called name: String) async throws -> String {
        do {
            let text = try await executor.run { try readFile(path, limit: 1 << 20) }.text.trimmingWhiteSpace
            guard !text.isEmpty else { throw CredentialsError(message: "\(name), \(path), is empty", isRetryable: true) }
            return text
        } catch let error as SystemError {
            throw CredentialsError(message: "\(name), \(path), cannot be read: \(error.message)", isRetryable: false)
        }
    }

    /// `expires_in` counts from now; `expires_on` is a time. Both may be written as texts.
    private func expiry(_ answer: JSONValue, asked: Timestamp, _ purpose: String) throws -> Timestamp? {
        func seconds(_ value: JSONValue?) -> Int64? { value?.intValue ?? value?.stringValue.flatMap { Int64($0) } }
        if let lifetime = seconds(answer["expires_in"]), (0...31_536_000).contains(lifetime) { return asked + .seconds(lifetime) }
        if let time = seconds(answer["expires_on"]), (0...253_402_300_799).contains(time) { return Timestamp(microseconds: time * 1_000_000) }
        throw unusable(purpose, "it does not say when the token expires")
    }

    private func unusable(_ purpose: String, _ reason: String) -> CredentialsError {
        CredentialsError(message: "\(purpose) failed: the answer cannot be used: \(reason)", isRetryable: false)
    }
}

/// How token services refuse: OAuth's `error` and `error_description` (RFC 6749, section 5.2), or an `error` object as Google's APIs have it.
struct TokenDialect: RemoteDialect {
    func failure(of response: HTTPResponse, to request: RemoteRequest) -> ServerFailure? {
        guard !(200..<300).contains(response.status) else { return nil }
        let answer = try? JSON.parse(response.body)
        let error = answer?["error"]
        let code = error?.stringValue ?? error?["status"]?.stringValue
        // Only the first line: what follows are ids for the service's own support.
        let message = (answer?["error_description"]?.stringValue ?? error?["message"]?.stringValue ?? answer?["message"]?.stringValue)
        var failure = ServerFailure(
            status: response.status, code: code, message: message?.prefix { !$0.isNewline }.description,
            requestID: answer?["trace_id"]?.stringValue ?? response.headers["x-ms-request-id"], headers: response.headers)
        // A metadata service that is just starting, or being updated, says so.
        if request.method == "GET", response.status == 410 || response.status == 404 && code == nil { failure.kind = .transient }
        if failure.kind == .refusedSignature { failure.kind = .final }
        return failure
    }
}
