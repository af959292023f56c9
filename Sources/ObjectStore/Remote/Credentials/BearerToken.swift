import Base

/// An OAuth access token: whoever has it is let in.
struct BearerToken: ExpiringCredential, Hashable {
    let token: String
    let expires: Timestamp?
}

extension CredentialsError {
    /// The same with a way out.
    func advising(_ advice: String) -> CredentialsError { CredentialsError(message: "\(message); \(advice)", isRetryable: isRetryable) }
}

/// A source of credentials of whatever kind a configuration asks for.
struct AnyCredentialSource<Credential: ExpiringCredential>: CredentialSource {
    private let body: @Sendable () async throws -> Credential

    init(_ source: some CredentialSource<Credential>) { body = { try await source.fetch() } }

    func fetch() async throws -> Credential { try await body() }
}

/// A credential that stays as it is.
struct FixedCredential<Credential: ExpiringCredential>: CredentialSource {
    let credential: Credential

    func fetch() async throws -> Credential { credential }
}
