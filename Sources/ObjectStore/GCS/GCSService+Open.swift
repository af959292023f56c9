import Base

extension GCSService {
    /// A bucket's service with the credentials that the options name, or else the process has.
    static func open(_ bucketName: String, with stores: RemoteStores) throws(ObjectStoreError) -> GCSService {
        let options = GCSOptions(stores.options)
        let bucket = try GCSBucket(name: bucketName, options: options)
        let credentials = GCSCredentials(options: options, stores: stores)
        do {
            let signer = GCSSigner(source: try credentials.source(), clock: stores.clock)
            return GCSService(client: try stores.client("gs://\(bucketName)", signer: signer, dialect: GCSDialect()), bucket: bucket, partSize: stores.partSize)
        } catch let error as CredentialsError {
            throw .invalidCredentials(path: "gs://\(bucketName)", message: error.message)
        } catch let error as ObjectStoreError {
            throw error
        } catch {
            throw .invalidCredentials(path: "gs://\(bucketName)", message: "\(error)")
        }
    }
}

/// Which of Google's ways in the options mean.
struct GCSCredentials: Sendable {
    let options: GCSOptions
    let stores: RemoteStores

    private var mayUseProcess: Bool { stores.options.usesAmbientIdentity }

    /// Nil for no credentials at all.
    func source() throws -> AnyCredentialSource<BearerToken>? {
        if options.flag(.skipSignature) { return nil }
        if let secret = MountedSecret(stores.options) {
            let source = MountedGoogleKey(secret: secret, credentials: self)
            if try source.document() != nil { return AnyCredentialSource(source) }
        }
        if let key = options[.serviceAccountKey] { return try source(Bytes(key), called: "the service account's key") }
        guard mayUseProcess else {
            throw CredentialsError(
                message: "none are given: put the service account's key file into the secret under google-service-account-key", isRetryable: false)
        }
        if let path = options[.serviceAccountPath] ?? options[.applicationCredentials] ?? wellKnownFile() {
            return AnyCredentialSource(FileTokens(path: path, credentials: self))
        }
        let endpoint = try stores.tokenEndpoint(isMetadata: true)
        return AnyCredentialSource(try GoogleMetadataTokens(endpoint: endpoint, host: options[.metadataHost] ?? GoogleCredentials.metadataHost))
    }

    /// What `gcloud auth application-default login` writes.
    private func wellKnownFile() -> String? {
        let directory = stores.options.environmentValue("cloudsdk_config") ?? stores.options.environmentValue("home").map { "\($0)/.config/gcloud" }
        guard let path = directory.map({ "\($0)/application_default_credentials.json" }), (try? readFile(path, limit: 1 << 20)) != nil else { return nil }
        return path
    }

    func source(_ document: Bytes, called name: String) throws -> AnyCredentialSource<BearerToken> {
        switch try GoogleCredentials.Configuration(document, called: name) {
        case let .serviceAccount(key):
            // Signing once shows now, rather than with the first request, that the key is one.
            _ = try key.assertion(at: stores.clock.now())
            return AnyCredentialSource(GoogleServiceAccountTokens(endpoint: try stores.tokenEndpoint(), key: key, url: try url(key.tokenURL, name)))
        case let .authorizedUser(clientID, clientSecret, refreshToken):
            return AnyCredentialSource(
                GoogleUserTokens(
                    endpoint: try stores.tokenEndpoint(), clientID: clientID, clientSecret: clientSecret, refreshToken: refreshToken,
                    url: try url(GoogleCredentials.tokenURL, name)))
        case let .externalAccount(account):
            // Such a file names files of this machine and where their content is sent: only who may use the process's files may name them.
            guard mayUseProcess else {
                throw CredentialsError(
                    message:
                        "\(name) is for workload identity federation, which only a pod of yours can use; give the profile no secret and its pods that identity",
                    isRetryable: false)
            }
            return AnyCredentialSource(
                GoogleFederatedTokens(
                    endpoint: try stores.tokenEndpoint(), account: account, exchangeURL: try url(account.tokenURL, name),
                    impersonationURL: try account.impersonationURL.map { try url($0, name) }))
        }
    }

    private func url(_ text: String, _ name: String) throws(CredentialsError) -> RemoteURL {
        // The address of an account's tokens has the account's own address in its path.
        var address = text
        if let scheme = text.firstRange(of: "://"), let slash = text[scheme.upperBound...].firstIndex(of: "/") {
            address = "\(text[..<slash])\(text[slash...].replacing("@", with: "%40"))"
        }
        guard let url = RemoteURL(base: address), url.scheme == "https" || options.flag(.allowHTTP) else {
            throw CredentialsError(message: "\(name) names a token service that is no https URL: \(text.shownShort(200))", isRetryable: false)
        }
        return url
    }
}

/// Reads the credentials file anew for each token, since a mounted secret may be changed meanwhile.
private struct FileTokens: CredentialSource {
    let path: String
    let credentials: GCSCredentials

    func fetch() async throws -> BearerToken {
        let document: Bytes
        do {
            document = try await credentials.stores.executor.run { try readFile(path, limit: 1 << 20) }
        } catch let error as SystemError {
            throw CredentialsError(message: "the credentials file \(path) cannot be read: \(error.message)", isRetryable: false)
        }
        do {
            return try await credentials.source(document, called: "the credentials file \(path)").fetch()
        } catch let error as ObjectStoreError {
            throw CredentialsError(message: "\(error)", isRetryable: true)
        }
    }
}

/// Reads the key file of a mounted secret anew for each token.
private struct MountedGoogleKey: CredentialSource {
    let secret: MountedSecret
    let credentials: GCSCredentials

    func document() throws(CredentialsError) -> String? {
        let names = GCSOptions.secretNames
        let found = try secret.read(names)
        return names.lazy.compactMap { found[$0] }.first
    }

    func fetch() async throws -> BearerToken {
        let found: String? = try await credentials.stores.executor.run { () throws -> String? in try document() }
        guard let document = found else {
            throw CredentialsError(message: "\(secret.directory) has no service account's key file any more (google-service-account-key)", isRetryable: true)
        }
        do {
            return try await credentials.source(Bytes(document), called: "the service account's key in \(secret.directory)").fetch()
        } catch let error as ObjectStoreError {
            throw CredentialsError(message: "\(error)", isRetryable: true)
        }
    }
}
