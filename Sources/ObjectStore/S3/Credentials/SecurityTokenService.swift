import Base
import HTTP

/// AWS STS: exchanges a token or keys for the keys of a role that expire.
struct SecurityTokenService: Sendable {
    static let defaultSessionName = "levee"

    let client: RemoteClient
    /// `https://sts.eu-west-1.amazonaws.com`
    let endpoint: RemoteURL
    let region: String
    let clock: any WallClock

    static func defaultEndpoint(region: String) -> String {
        "https://sts.\(region).\(region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com")"
    }

    /// By the token of a service account (IRSA). The file is read each time: Kubernetes renews it.
    func assumeRole(_ role: String, session: String, webIdentityTokenFile file: String) async throws -> AWSCredentials {
        let token: String
        do throws(SystemError) {
            token = try readFile(file, limit: 64 << 10).text.trimmingWhiteSpace
        } catch {
            throw CredentialsError(message: "the web identity's token \(file) cannot be read: \(error)", isRetryable: error.isMissingFile)
        }
        let parameters = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role), ("RoleSessionName", session), ("WebIdentityToken", token),
        ]
        return try await exchange(parameters, role: role, signedWith: nil)
    }

    /// By keys that may take the role.
    func assumeRole(_ role: String, session: String, externalID: String?, with keys: AWSCredentials) async throws -> AWSCredentials {
        var parameters = [("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role), ("RoleSessionName", session)]
        if let externalID { parameters.append(("ExternalId", externalID)) }
        return try await exchange(parameters, role: role, signedWith: keys)
    }

    private func exchange(_ parameters: [(String, String)], role: String, signedWith keys: AWSCredentials?) async throws -> AWSCredentials {
        var url = endpoint
        if url.path.isEmpty { url.path = "/" }
        var request = RemoteRequest(
            verb: "assume-role", operation: "taking the role \(role)", target: "\(endpoint.scheme)://\(endpoint.authority)", method: "POST", url: url)
        request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        request.headers["Accept"] = "text/xml"
        request.body = RemoteBody(Bytes(PercentEncoding.query(parameters.map { ($0.0, $0.1) })))
        if let keys {
            SignatureV4(credentials: keys, region: region, service: "sts", time: clock.now()).sign(
                &request, payload: Digest.sha256(request.body.pieces).hexadecimal)
        }
        let response: RemoteResponse
        do {
            response = try await client.send(request)
        } catch let failure as RemoteFailure {
            throw CredentialsError(message: failure.description, isRetryable: failure.isTransient)
        }
        do throws(XMLError) {
            if let credentials = try Self.credentials(in: response.body) { return credentials }
        } catch {
            throw CredentialsError(message: "\(request.target): \(request.operation): \(error)", isRetryable: true)
        }
        throw CredentialsError(message: "\(request.target): \(request.operation): the answer has no credentials", isRetryable: false)
    }

    static func credentials(in body: Bytes) throws(XMLError) -> AWSCredentials? {
        var reader = XMLReader(body)
        var texts: [String: String] = [:]
        while let event = try reader.next() {
            guard case let .start(name) = event, ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"].contains(name) else { continue }
            texts[name] = try reader.textOfElement()
        }
        guard let id = texts["AccessKeyId"], let secret = texts["SecretAccessKey"], let token = texts["SessionToken"] else { return nil }
        return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token, expires: texts["Expiration"].flatMap { Timestamp(rfc3339: $0) })
    }
}

/// The role of a pod's service account (IRSA): variables name the role and the token's file.
struct WebIdentityAWSCredentials: AWSCredentialSource {
    let role: String?
    let tokenFile: String?
    let session: String?
    let sts: SecurityTokenService

    var name: String { "the web identity (AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE)" }

    func credentials() async throws -> AWSCredentials? {
        guard let role, let tokenFile else { return nil }
        return try await sts.assumeRole(role, session: session ?? SecurityTokenService.defaultSessionName, webIdentityTokenFile: tokenFile)
    }
}
