import Base

/// Why there are no credentials. Never holds one.
struct CredentialsError: Error, Sendable, Hashable, CustomStringConvertible {
    let message: String
    /// Whether asking again may help (a metadata service that does not answer).
    let isRetryable: Bool

    var description: String { message }
}

/// Something that proves who asks, for a time.
protocol ExpiringCredential: Sendable {
    /// Nil: never.
    var expires: Timestamp? { get }
}

/// Where credentials come from: a file, a metadata service, an exchange of tokens. Throws ``CredentialsError``.
protocol CredentialSource<Credential>: Sendable {
    associatedtype Credential: ExpiringCredential
    func fetch() async throws -> Credential
}

/// Hands out credentials and renews them before they expire: in the background while the old ones serve, and before anybody gets one that is about to end.
/// However many ask, one request is under way.
actor CredentialCache<Source: CredentialSource> {
    /// Renewed in the background from so long before the end…
    private let advisoryWindow: Duration
    /// …and waited for from so long before it.
    private let mandatoryWindow: Duration
    private let source: Source
    private let clock: any WallClock
    private var current: Source.Credential?
    private var fetchedAt: Timestamp?
    private var fetching: Task<Source.Credential, any Error>?
    /// A source that fails is left alone for a moment while the old credentials serve.
    private var failedAt: Timestamp?

    init(_ source: Source, clock: any WallClock, advisoryWindow: Duration = .seconds(600), mandatoryWindow: Duration = .seconds(120)) {
        self.source = source
        self.clock = clock
        self.advisoryWindow = advisoryWindow
        self.mandatoryWindow = mandatoryWindow
    }

    func credential() async throws -> Source.Credential {
        guard let current else { return try await fetched().value }
        guard let expires = current.expires else { return current }
        // Credentials that live shorter than the windows are renewed in the last quarter of their life.
        let life = fetchedAt.map { expires - $0 } ?? advisoryWindow * 4
        let left = expires - clock.now()
        if left > min(advisoryWindow, life / 4) { return current }
        let mayAsk = failedAt.map { clock.now() - $0 > .seconds(10) } ?? true
        if left > min(mandatoryWindow, life / 8) {
            if mayAsk { _ = fetched() }
            return current
        }
        do {
            return try await fetched().value
        } catch {
            // They may still do: the server decides.
            if left > .zero, !(error is CancellationError) { return current }
            throw error
        }
    }

    /// The server refused these: fetches new ones. Whether there are others now.
    func refused(_ isRefused: @Sendable (Source.Credential) -> Bool, isSame: @Sendable (Source.Credential, Source.Credential) -> Bool) async -> Bool {
        guard let old = current else { return false }
        guard isRefused(old) else { return true }
        guard let new = try? await fetched().value else { return false }
        return !isSame(old, new)
    }

    private func fetched() -> Task<Source.Credential, any Error> {
        if let fetching { return fetching }
        // A task of its own: one caller's cancellation is not the others'.
        let task = Task {
            do {
                let credential = try await source.fetch()
                done(credential)
                return credential
            } catch {
                failed()
                throw error
            }
        }
        fetching = task
        return task
    }

    private func done(_ credential: Source.Credential) {
        current = credential
        fetchedAt = clock.now()
        fetching = nil
        failedAt = nil
    }

    private func failed() {
        fetching = nil
        failedAt = clock.now()
    }
}
