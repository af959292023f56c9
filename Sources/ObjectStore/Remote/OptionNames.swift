import Base

/// Options as people and tools spell them.
enum OptionNames {
    static func isTrue(_ value: String?) -> Bool { value.map { ["true", "1", "yes", "on", "y", "t"].contains($0.lowercased()) } ?? false }
}

extension StoreOptions {
    /// The first of these names that was given; with hyphens for underscores too, as the keys of a secret have them.
    func firstGiven(_ names: [String]) -> String? {
        for name in names {
            if let value = givenValue(name, name.replacing("_", with: "-"))?.trimmingWhiteSpace, !value.isEmpty { return value }
        }
        return nil
    }

    func firstVariable(_ names: [String]) -> String? {
        for name in names {
            if let value = environmentValue(name)?.trimmingWhiteSpace, !value.isEmpty { return value }
        }
        return nil
    }
}

/// A directory with a file for each option, as Kubernetes mounts a Secret.
struct MountedSecret: Sendable {
    /// How long what was read counts: a rotated secret takes effect after that.
    static let interval = Duration.seconds(60)

    let directory: String

    init?(_ options: StoreOptions) {
        guard let directory = options.value("levee_credentials_directory") else { return nil }
        self.directory = directory
    }

    static func spellings(_ name: String) -> [String] { [name, name.replacing("_", with: "-"), name.uppercased()] }

    /// What the files of these names hold; a name may be written with hyphens, and in upper case.
    func read(_ names: [String]) throws(CredentialsError) -> [String: String] {
        var found: [String: String] = [:]
        for name in names {
            for spelling in Self.spellings(name) where found[name] == nil {
                do {
                    let text = try readFile("\(directory)/\(spelling)", limit: 1 << 20).text.trimmingWhiteSpace
                    if !text.isEmpty { found[name] = text }
                } catch {
                    if error.isMissingFile { continue }
                    throw CredentialsError(message: "\(directory)/\(spelling) cannot be read: \(error)", isRetryable: true)
                }
            }
        }
        return found
    }
}

/// A credential that is asked for again after a time although it has not ended: its source may have another by then.
struct Rechecked<Credential: ExpiringCredential>: ExpiringCredential {
    let credential: Credential
    let recheck: Timestamp?

    var expires: Timestamp? {
        guard let recheck else { return credential.expires }
        return credential.expires.map { min($0, recheck) } ?? recheck
    }
}
