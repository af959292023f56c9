import Base
import HTTP

/// Google's ways to an access token, by the files that its console and tools write (AIP-4110 and following).
enum GoogleCredentials {
    static let scope = "https://www.googleapis.com/auth/devstorage.read_write"
    static let tokenURL = "https://oauth2.googleapis.com/token"
    static let exchangeURL = "https://sts.googleapis.com/v1/token"
    static let metadataHost = "metadata.google.internal"

    /// What a credentials file says. Holds secrets: never shown.
    enum Configuration: Sendable {
        case serviceAccount(ServiceAccountKey)
        case authorizedUser(clientID: String, clientSecret: String, refreshToken: String)
        case externalAccount(ExternalAccount)

        /// - Parameter name: of the file, for messages.
        init(_ document: Bytes, called name: String) throws(CredentialsError) {
            func unusable(_ reason: String) -> CredentialsError {
                CredentialsError(message: "\(name) is no credentials file of Google's: \(reason)", isRetryable: false)
            }
            let json: JSONValue
            do { json = try JSON.parse(document) } catch { throw unusable("it is no JSON") }
            func text(_ key: String) throws(CredentialsError) -> String {
                guard let text = json[key]?.stringValue, !text.isEmpty else { throw unusable("it has no \(key)") }
                return text
            }
            switch json["type"]?.stringValue {
            // object_store takes such a file without a type, too.
            case "service_account"?, nil:
                self = .serviceAccount(
                    ServiceAccountKey(
                        email: try text("client_email"), keyID: json["private_key_id"]?.stringValue, keyPEM: try text("private_key"),
                        tokenURL: json["token_uri"]?.stringValue ?? GoogleCredentials.tokenURL))
            case "authorized_user"?:
                self = .authorizedUser(clientID: try text("client_id"), clientSecret: try text("client_secret"), refreshToken: try text("refresh_token"))
            case "external_account"?: self = .externalAccount(try ExternalAccount(json, unusable))
            case let kind?: throw unusable("the type \(kind.shownShort(40)) is not known; use service_account, external_account or authorized_user")
            }
        }
    }

    /// A service account's key proves the account by an assertion that it signs.
    struct ServiceAccountKey: Sendable {
        let email: String
        let keyID: String?
        let keyPEM: String
        let tokenURL: String

        /// - Parameter time: when it is made; it holds for an hour.
        func assertion(at time: Timestamp) throws(CredentialsError) -> String {
            var header: JSONValue = ["alg": "RS256", "typ": "JWT"]
            if let keyID { header["kid"] = .string(keyID) }
            let claims: JSONValue = [
                "iss": .string(email), "scope": .string(GoogleCredentials.scope), "aud": .string(tokenURL), "iat": .integer(time.seconds),
                "exp": .integer(time.seconds + 3600),
            ]
            return try JSONWebToken.signed(header: header, claims: claims, keyPEM: keyPEM)
        }
    }

    /// Workload identity federation: another issuer's token is exchanged for one of Google's, and that, if so configured, for a service account's.
    struct ExternalAccount: Sendable {
        enum Format: Sendable {
            case text
            case json(field: String)
        }

        let audience: String
        let subjectTokenType: String
        let tokenURL: String
        let impersonationURL: String?
        let lifetimeSeconds: Int64
        /// The file that the subject token is read from, each time.
        let tokenFile: String
        let format: Format

        init(_ json: JSONValue, _ unusable: (String) -> CredentialsError) throws(CredentialsError) {
            guard let audience = json["audience"]?.stringValue, let kind = json["subject_token_type"]?.stringValue else {
                throw unusable("it has no audience or no subject_token_type")
            }
            guard let file = json.value(at: ["credential_source", "file"])?.stringValue else {
                throw unusable("credential_source names no file; tokens from URLs, executables or AWS are not taken")
            }
            self.audience = audience
            subjectTokenType = kind
            tokenURL = json["token_url"]?.stringValue ?? GoogleCredentials.exchangeURL
            impersonationURL = json["service_account_impersonation_url"]?.stringValue
            lifetimeSeconds = min(max(json.value(at: ["service_account_impersonation", "token_lifetime_seconds"])?.intValue ?? 3600, 600), 43_200)
            tokenFile = file
            let format = json.value(at: ["credential_source", "format"])
            switch format?["type"]?.stringValue {
            case nil, "text"?: self.format = .text
            case "json"?:
                guard let field = format?["subject_token_field_name"]?.stringValue else { throw unusable("credential_source.format names no field") }
                self.format = .json(field: field)
            case let other?: throw unusable("the format \(other.shownShort(40)) of credential_source is not known")
            }
        }
    }
}

/// Tokens for a service account whose key we have.
struct GoogleServiceAccountTokens: CredentialSource {
    let endpoint: TokenEndpoint
    let key: GoogleCredentials.ServiceAccountKey
    let url: RemoteURL

    func fetch() async throws -> BearerToken {
        let assertion = try key.assertion(at: endpoint.client.clock.now())
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)]
        return try await endpoint.token("asking Google for a token of \(key.email.shownShort(100))", url: url, form: form)
    }
}

/// Tokens for a person, as `gcloud auth application-default login` leaves them.
struct GoogleUserTokens: CredentialSource {
    let endpoint: TokenEndpoint
    let clientID: String
    let clientSecret: String
    let refreshToken: String
    let url: RemoteURL

    func fetch() async throws -> BearerToken {
        let form = [("grant_type", "refresh_token"), ("client_id", clientID), ("client_secret", clientSecret), ("refresh_token", refreshToken)]
        return try await endpoint.token("renewing a user's token", url: url, form: form)
    }
}

/// Tokens by workload identity federation.
struct GoogleFederatedTokens: CredentialSource {
    let endpoint: TokenEndpoint
    let account: GoogleCredentials.ExternalAccount
    let exchangeURL: RemoteURL
    let impersonationURL: RemoteURL?

    func fetch() async throws -> BearerToken {
        let federated = try await exchange()
        guard let impersonationURL else { return federated }
        let answer = try await endpoint.ask(
            "asking for a service account's token", url: impersonationURL, headers: ["Authorization": "Bearer \(federated.token)"],
            body: .json(["scope": [.string(GoogleCredentials.scope)], "lifetime": .string("\(account.lifetimeSeconds)s")]))
        guard let token = answer["accessToken"]?.stringValue, let expires = answer["expireTime"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) }) else {
            throw CredentialsError(message: "asking for a service account's token failed: the answer has no accessToken or no expireTime", isRetryable: false)
        }
        return BearerToken(token: token, expires: expires)
    }

    private func exchange() async throws -> BearerToken {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), ("audience", account.audience),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"), ("subject_token_type", account.subjectTokenType),
            ("subject_token", try await subjectToken()),
            // To ask for a service account's token takes the broader scope.
            ("scope", impersonationURL == nil ? GoogleCredentials.scope : "https://www.googleapis.com/auth/cloud-platform"),
        ]
        return try await endpoint.token("exchanging the workload's token for one of Google's", url: exchangeURL, form: form)
    }

    private func subjectToken() async throws -> String {
        let text = try await endpoint.text(ofFile: account.tokenFile, called: "the workload's token")
        guard case let .json(field) = account.format else { return text }
        guard let token = (try? JSON.parse(text))?[field]?.stringValue else {
            throw CredentialsError(message: "the workload's token, \(account.tokenFile), is no JSON with the field \(field.shownShort(60))", isRetryable: false)
        }
        return token
    }
}

/// Tokens of the machine's or the pod's own service account, from the metadata server.
struct GoogleMetadataTokens: CredentialSource {
    let endpoint: TokenEndpoint
    let url: RemoteURL

    init(endpoint: TokenEndpoint, host: String) throws(CredentialsError) {
        guard let base = RemoteURL(base: "http://\(host)"), base.path.isEmpty else {
            throw CredentialsError(message: "the metadata server's host is none: \(host.shownShort(100))", isRetryable: false)
        }
        self.endpoint = endpoint
        url = RemoteURL(scheme: "http", authority: base.authority, path: "/computeMetadata/v1/instance/service-accounts/default/token")
            .adding([("scopes", GoogleCredentials.scope)])
    }

    func fetch() async throws -> BearerToken {
        do {
            return try await endpoint.token("asking the metadata server for a token", url: url, headers: ["Metadata-Flavor": "Google"])
        } catch let error as CredentialsError {
            throw error.advising("where there is none, let GOOGLE_SERVICE_ACCOUNT name a credentials file")
        }
    }
}
