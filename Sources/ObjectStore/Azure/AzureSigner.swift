import Base
import HTTP

/// Signs a storage account's requests with whatever credential its source gives at the time.
final class AzureSigner: RequestSigner {
    /// The service version whose behaviour this backend counts on. Widely deployed: government clouds and appliances know it.
    static let serviceVersion = "2021-12-02"

    private let account: String
    private let credentials: CredentialCache<AnyCredentialSource<Rechecked<AzureCredential>>>
    /// What the server's clock is ahead of this machine's, once a refusal has shown that they differ.
    private let clockSkew = Lock(Duration.zero)

    init(account: String, source: AnyCredentialSource<Rechecked<AzureCredential>>, clock: any WallClock) {
        self.account = account
        credentials = CredentialCache(source, clock: clock)
    }

    func credential() async throws -> AzureCredential { try await credentials.credential().credential }

    func sign(_ request: inout RemoteRequest, at time: Timestamp) async throws {
        if request.headers["x-ms-version"] == nil { request.headers["x-ms-version"] = Self.serviceVersion }
        try await signPart(&request, at: time)
    }

    /// One of the requests inside a batch, which have no version of their own.
    func signPart(_ request: inout RemoteRequest, at time: Timestamp) async throws {
        let now = time + clockSkew.withLock { $0 }
        request.headers["x-ms-date"] = now.httpDate
        switch try await credential() {
        case let .sharedKey(key): request.headers["Authorization"] = SharedKey.authorization(of: request, account: account, key: key)
        case let .signature(items, expires):
            if let expires, expires <= now {
                throw CredentialsError(message: "the SAS token expired at \(expires.rfc3339); put a new one in its place", isRetryable: false)
            }
            request.url.query += items
        case let .token(token): request.headers["Authorization"] = "Bearer \(token.token)"
        case .anonymous: break
        }
    }

    func wasRefused(_ failure: ServerFailure, at time: Timestamp) async -> Bool {
        // A machine whose clock is off by more than a quarter of an hour signs in vain.
        if let date = failure.headers["Date"].flatMap(Timestamp.init(httpDate:)) {
            let skew = date - time
            let isNews = clockSkew.withLock { known in
                guard skew - known > .seconds(300) || known - skew > .seconds(300) else { return false }
                known = skew
                return true
            }
            if isNews { return true }
        }
        return await credentials.refused({ _ in true }, isSame: { $0.credential == $1.credential })
    }
}
