import Base
import HTTP

/// Keys as a container's or a machine's agent hands them out.
private struct MetadataDocument {
    static func credentials(in body: Bytes, from name: String) throws(CredentialsError) -> AWSCredentials {
        guard let document = try? JSON.parse(body) else { throw CredentialsError(message: "\(name) sent what is no JSON", isRetryable: true) }
        guard let id = document["AccessKeyId"]?.stringValue, let secret = document["SecretAccessKey"]?.stringValue else {
            let reason = document["Message"]?.stringValue ?? document["message"]?.stringValue ?? document["Code"]?.stringValue ?? "no keys in its answer"
            throw CredentialsError(message: "\(name): \(reason.shownShort(200))", isRetryable: true)
        }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: document["Token"]?.stringValue,
            expires: document["Expiration"]?.stringValue.flatMap { Timestamp(rfc3339: $0) })
    }
}

/// ECS tasks and EKS pod identity: an agent beside the container hands keys out, to whom shows the pod's token.
struct ContainerAWSCredentials: AWSCredentialSource {
    let client: RemoteClient
    let relativeURI: String?
    let fullURI: String?
    let token: String?
    let tokenFile: String?

    let name = "the container's identity (AWS_CONTAINER_CREDENTIALS_FULL_URI)"

    func credentials() async throws -> AWSCredentials? {
        guard let text = relativeURI.map({ "http://169.254.170.2\($0)" }) ?? fullURI else { return nil }
        let place = String(text.prefix { $0 != "?" })
        guard var url = RemoteURL(base: place), Self.mayBeTrusted(url) else {
            throw CredentialsError(
                message: "\(name): \(place) is neither https nor an address of this machine or its agent; keys are not fetched over an open network",
                isRetryable: false)
        }
        if let mark = text.firstIndex(of: "?") {
            for pair in text[text.index(after: mark)...].split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1).map { PercentEncoding.decode(String($0)) }
                if let first = parts.first { url = url.adding([(first, parts.count > 1 ? parts[1] : "")]) }
            }
        }
        if url.path.isEmpty { url.path = "/" }
        var request = RemoteRequest(verb: "credentials", operation: "fetching credentials", target: "\(url.scheme)://\(url.authority)", method: "GET", url: url)
        if let authorization = try authorization() { request.headers["Authorization"] = authorization }
        request.headers["Accept"] = "application/json"
        do {
            return try MetadataDocument.credentials(in: try await client.send(request).body, from: name)
        } catch let failure as RemoteFailure {
            throw CredentialsError(message: "\(name): \(failure.summary)", isRetryable: failure.isTransient)
        }
    }

    private func authorization() throws(CredentialsError) -> String? {
        guard let tokenFile else { return token }
        do throws(SystemError) {
            return try readFile(tokenFile, limit: 64 << 10).text.trimmingWhiteSpace
        } catch {
            throw CredentialsError(message: "\(name): the token \(tokenFile) cannot be read: \(error)", isRetryable: error.isMissingFile)
        }
    }

    /// The hosts that AWS' own SDKs take over plain HTTP.
    static func mayBeTrusted(_ url: RemoteURL) -> Bool {
        if url.scheme == "https" { return true }
        let host = url.authority.hasPrefix("[") ? String(url.authority.prefix { $0 != "]" }) + "]" : String(url.authority.prefix { $0 != ":" })
        if ["localhost", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "[::1]"].contains(host) { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return numbers.count == 4 && numbers[0] == 127 && numbers.allSatisfy { $0 != nil }
    }
}

/// A machine's role, by its metadata service, version 2: a token first, so that nothing that only forwards requests can ask.
struct InstanceAWSCredentials: AWSCredentialSource {
    let client: RemoteClient
    let endpoint: RemoteURL
    let isDisabled: Bool

    let name = "the machine's identity (instance metadata)"

    private static let path = "/latest/meta-data/iam/security-credentials/"

    func credentials() async throws -> AWSCredentials? {
        if isDisabled { return nil }
        let token: String
        do {
            var request = request("PUT", "/latest/api/token")
            request.headers["X-aws-ec2-metadata-token-ttl-seconds"] = "21600"
            token = try await client.send(request).body.text.trimmingWhiteSpace
        } catch is RemoteFailure {
            // Not a machine of AWS, or one that tells nothing.
            return nil
        }
        do {
            let roles = try await client.send(request("GET", Self.path, token)).body.text
            guard let role = roles.split(whereSeparator: \.isNewline).first.map({ String($0).trimmingWhiteSpace }), !role.isEmpty else { return nil }
            let document = try await client.send(request("GET", Self.path + PercentEncoding.encode(role), token)).body
            return try MetadataDocument.credentials(in: document, from: name)
        } catch let failure as RemoteFailure {
            if failure.server?.status == 404 { return nil }
            throw CredentialsError(message: "\(name): \(failure.summary)", isRetryable: failure.isTransient)
        }
    }

    private func request(_ method: String, _ path: String, _ token: String? = nil) -> RemoteRequest {
        var url = endpoint
        url.path += path
        var request = RemoteRequest(
            verb: "credentials", operation: "fetching credentials", target: "\(url.scheme)://\(url.authority)", method: method, url: url)
        if let token { request.headers["X-aws-ec2-metadata-token"] = token }
        request.maximumResponseSize = 1 << 20
        return request
    }
}

/// Services that hand out credentials speak in statuses.
struct MetadataDialect: RemoteDialect {
    func failure(of response: HTTPResponse, to request: RemoteRequest) -> ServerFailure? {
        if (200..<300).contains(response.status) { return nil }
        let document = S3ErrorDocument(response.body)
        var failure = ServerFailure(
            status: response.status, code: document?.code, message: document?.message, requestID: document?.requestID ?? response.headers["x-amzn-requestid"],
            headers: response.headers)
        if failure.code == "IDPCommunicationError" { failure.kind = .transient }
        return failure
    }
}
