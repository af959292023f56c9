import Base
import Glibc

extension SystemError {
    var isMissingFile: Bool { code == ENOENT || code == ENOTDIR }
}

/// The shared files `~/.aws/config` and `~/.aws/credentials`: sections of `name = value`.
struct AWSProfileFile: Sendable {
    private(set) var sections: [String: [String: String]] = [:]

    /// - Parameter isConfig: in `config` a profile's section is called `[profile name]`, but `[default]`.
    init(_ text: String, isConfig: Bool) {
        var current: String?
        for line in text.split(whereSeparator: \.isNewline) {
            let trimmed = String(line).trimmingWhiteSpace
            if trimmed.isEmpty || trimmed.hasPrefix("#") || trimmed.hasPrefix(";") { continue }
            if trimmed.hasPrefix("[") {
                guard let end = trimmed.firstIndex(of: "]") else { continue }
                current = Self.profile(String(trimmed[trimmed.index(after: trimmed.startIndex)..<end]).trimmingWhiteSpace, isConfig: isConfig)
                continue
            }
            // Indented lines belong to a nested setting (`s3 =`).
            guard let section = current, let first = line.first, first != " ", first != "\t", let equals = trimmed.firstIndex(of: "=") else { continue }
            let name = String(trimmed[..<equals]).trimmingWhiteSpace.lowercased()
            sections[section, default: [:]][name] = String(trimmed[trimmed.index(after: equals)...]).trimmingWhiteSpace
        }
    }

    private static func profile(_ title: String, isConfig: Bool) -> String? {
        guard isConfig, title != "default" else { return title }
        guard title.hasPrefix("profile ") || title.hasPrefix("profile\t") else { return nil }
        return String(title.dropFirst("profile".count)).trimmingWhiteSpace
    }

    /// A profile's settings, those of `credentials` before those of `config`; nil where neither file has it.
    static func profile(_ name: String, in files: AWSFiles) throws(CredentialsError) -> [String: String]? {
        let config = try load(files.config, isConfig: true).sections[name]
        let credentials = try load(files.credentials, isConfig: false).sections[name]
        guard config != nil || credentials != nil else { return nil }
        return (config ?? [:]).merging(credentials ?? [:]) { $1 }
    }

    private static func load(_ path: String, isConfig: Bool) throws(CredentialsError) -> AWSProfileFile {
        do throws(SystemError) {
            return AWSProfileFile(try readFile(path, limit: 1 << 20).text, isConfig: isConfig)
        } catch {
            if error.isMissingFile { return AWSProfileFile("", isConfig: isConfig) }
            throw CredentialsError(message: "\(path) cannot be read: \(error)", isRetryable: false)
        }
    }
}

/// Where the shared files are, and which profile counts.
struct AWSFiles: Sendable {
    var config: String
    var credentials: String
    var profile: String
    /// Whether somebody named the profile, so that a missing one is a mistake.
    var isNamed: Bool

    init(_ options: StoreOptions) {
        let home = options.environmentValue("home") ?? ""
        config = options.value("aws_config_file") ?? "\(home)/.aws/config"
        credentials = options.value("aws_shared_credentials_file") ?? "\(home)/.aws/credentials"
        let named = options.value("aws_profile", "aws_default_profile")
        profile = named ?? "default"
        isNamed = named != nil
    }
}

/// A profile of the shared files: keys, a role by web identity, or a role that another profile's keys may take.
struct ProfileAWSCredentials: AWSCredentialSource {
    private static let maximumChain = 8

    let files: AWSFiles
    let sts: SecurityTokenService
    let environment: StaticAWSCredentials

    var name: String { "the profile \(files.profile) of \(files.credentials) and \(files.config)" }

    func credentials() async throws -> AWSCredentials? {
        guard let settings = try AWSProfileFile.profile(files.profile, in: files) else {
            if files.isNamed { throw CredentialsError(message: "\(name): there is no such profile", isRetryable: false) }
            return nil
        }
        return try await credentials(of: files.profile, settings, depth: 0)
    }

    private func credentials(of profile: String, _ settings: [String: String], depth: Int) async throws -> AWSCredentials? {
        guard depth < Self.maximumChain else {
            throw CredentialsError(message: "the profile \(profile) leads in a circle by source_profile", isRetryable: false)
        }
        guard let role = settings["role_arn"] else {
            if let unsupported = ["credential_process", "sso_session", "sso_start_url"].first(where: { settings[$0] != nil }),
                settings["aws_access_key_id"] == nil
            {
                throw CredentialsError(
                    message:
                        "the profile \(profile) gets its keys by \(unsupported), which Levee does not do; give it keys, a role_arn, or set AWS_ACCESS_KEY_ID",
                    isRetryable: false)
            }
            return try await StaticAWSCredentials(
                name: "the profile \(profile)", accessKeyID: settings["aws_access_key_id"], secretAccessKey: settings["aws_secret_access_key"],
                sessionToken: settings["aws_session_token"]
            ).credentials()
        }
        let session = settings["role_session_name"] ?? SecurityTokenService.defaultSessionName
        if let tokenFile = settings["web_identity_token_file"] { return try await sts.assumeRole(role, session: session, webIdentityTokenFile: tokenFile) }
        let base: AWSCredentials?
        if let source = settings["source_profile"] {
            guard let sourceSettings = try AWSProfileFile.profile(source, in: files) else {
                throw CredentialsError(message: "the profile \(profile) names the source_profile \(source), which is not there", isRetryable: false)
            }
            // A profile that names itself means its own keys.
            let own = source == profile ? sourceSettings.filter { $0.key != "role_arn" } : sourceSettings
            base = try await credentials(of: source, own, depth: depth + 1)
        } else if settings["credential_source"] == "Environment" {
            base = try await environment.credentials()
        } else {
            throw CredentialsError(message: "the profile \(profile) has a role_arn and neither source_profile nor web_identity_token_file", isRetryable: false)
        }
        guard let base else { throw CredentialsError(message: "the profile \(profile) has no keys to take its role with", isRetryable: false) }
        return try await sts.assumeRole(role, session: session, externalID: settings["external_id"], with: base)
    }
}
