import Base

/// Keys for AWS and what speaks its language.
struct AWSCredentials: ExpiringCredential, Hashable, CustomStringConvertible {
    var accessKeyID: String
    var secretAccessKey: String
    var sessionToken: String?
    var expires: Timestamp?

    /// Never the secret.
    var description: String { "access key \(accessKeyID)" }
}

/// Looks for credentials where AWS' SDKs do, and keeps what it found until shortly before it expires.
final class AWSCredentialChain: Sendable {
    private let cache: CredentialCache<Source>

    struct Source: CredentialSource {
        let sources: [any AWSCredentialSource]

        func fetch() async throws -> AWSCredentials {
            for source in sources {
                if let credentials = try await source.credentials() { return credentials }
            }
            let tried = sources.map(\.name).joined(separator: ", ")
            throw CredentialsError(message: "no credentials were found; looked in \(tried)", isRetryable: false)
        }
    }

    init(_ sources: [any AWSCredentialSource], clock: any WallClock) {
        cache = CredentialCache(Source(sources: sources), clock: clock)
    }

    func credential() async throws -> AWSCredentials { try await cache.credential() }

    /// The server refused them: whether there are others now.
    func renew() async -> Bool {
        await cache.refused(
            { _ in true }, isSame: { $0.accessKeyID == $1.accessKeyID && $0.secretAccessKey == $1.secretAccessKey && $0.sessionToken == $1.sessionToken })
    }
}

/// One place where credentials may be.
protocol AWSCredentialSource: Sendable {
    /// For messages: `the environment`.
    var name: String { get }
    /// Nil where the place has none and the next one is to be asked; throws ``CredentialsError`` where it has some that cannot be used.
    func credentials() async throws -> AWSCredentials?
}

/// Keys that somebody wrote down: options, or the environment.
struct StaticAWSCredentials: AWSCredentialSource {
    let name: String
    let accessKeyID: String?
    let secretAccessKey: String?
    let sessionToken: String?

    func credentials() async throws -> AWSCredentials? {
        switch (accessKeyID, secretAccessKey) {
        case let (id?, secret?): return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: sessionToken)
        case (nil, nil): return nil
        default: throw CredentialsError(message: "\(name): the access key's id and its secret are needed together, only one is there", isRetryable: false)
        }
    }
}

/// A directory with a file for each key, as Kubernetes mounts a Secret. Read again every minute, so that a rotated secret takes effect.
struct MountedAWSCredentials: AWSCredentialSource {
    static let interval = Duration.seconds(60)

    let directory: String
    let clock: any WallClock

    var name: String { "the files in \(directory)" }

    func credentials() async throws -> AWSCredentials? {
        func file(_ name: String) throws -> String? {
            do {
                let text = try readFile("\(directory)/\(name)", limit: 64 << 10).text.trimmingWhiteSpace
                return text.isEmpty ? nil : text
            } catch {
                if error.isMissingFile { return nil }
                throw CredentialsError(message: "\(directory)/\(name) cannot be read: \(error)", isRetryable: true)
            }
        }
        let keys = StaticAWSCredentials(
            name: name, accessKeyID: try file("AWS_ACCESS_KEY_ID"), secretAccessKey: try file("AWS_SECRET_ACCESS_KEY"),
            sessionToken: try file("AWS_SESSION_TOKEN"))
        guard var credentials = try await keys.credentials() else { return nil }
        credentials.expires = clock.now() + Self.interval
        return credentials
    }
}

extension String {
    /// Without blanks and line breaks at both ends; tokens in files often end with one.
    var trimmingWhiteSpace: String {
        let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = utf8.firstIndex(where: { !isBlank($0) }), let last = utf8.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(self[first...last])
    }
}
