import Base

/// How stores are reached and who asks, by the names that `object_store` and deltalake use: `aws_region`, `AWS_ENDPOINT_URL`, `region`.
///
/// Names are compared without regard to case. What is given counts before the environment.
public struct StoreOptions: Sendable {
    private let given: [String: String]
    private let environment: [String: String]
    /// Whether credentials may also be looked for where the process runs: environment, configuration files, the pod's or machine's identity.
    ///
    /// Off where one process works for several owners (the operator): its own identity is not theirs.
    public let usesAmbientIdentity: Bool

    public init(_ given: [String: String] = [:], environment: [String: String] = [:], usesAmbientIdentity: Bool = true) {
        self.given = Dictionary(given.map { ($0.key.lowercased(), $0.value) }) { $1 }
        self.environment = environment
        self.usesAmbientIdentity = usesAmbientIdentity
    }

    /// The same with more given; these count before those.
    func adding(_ more: [String: String]) -> StoreOptions {
        StoreOptions(given.merging(more.map { ($0.key.lowercased(), $0.value) }) { $1 }, environment: environment, usesAmbientIdentity: usesAmbientIdentity)
    }

    /// The first of these names (in lower case) that has a value: given ones first. A name without its service's prefix is an option, not a variable.
    func value(_ names: String...) -> String? {
        for name in names {
            if let value = given[name], !value.isEmpty { return value }
        }
        return variable(names)
    }

    /// The same, and whether it was given rather than found in the environment.
    func givenValue(_ names: String...) -> String? {
        for name in names {
            if let value = given[name], !value.isEmpty { return value }
        }
        return nil
    }

    /// From the environment alone.
    func environmentValue(_ names: String...) -> String? { variable(names) }

    private func variable(_ names: [String]) -> String? {
        for name in names where name.contains("_") || name == "home" {
            if let value = environment[name.uppercased()], !value.isEmpty { return value }
        }
        return nil
    }

    /// How long a connection may take to come about (`connect_timeout`); nil: the client's default.
    var connectTimeout: Duration? {
        get throws(ObjectStoreError) {
            guard let text = givenValue("connect_timeout") else { return nil }
            guard let duration = Duration(kubernetes: text), duration > .zero else {
                throw .unsupportedLocation(location: "connect_timeout", reason: "`\(text.shownShort(40))` is no time like 5s")
            }
            return duration
        }
    }

    /// Throws for anything but the words for yes and no.
    func flag(_ names: String...) throws(ObjectStoreError) -> Bool? {
        for name in names {
            guard let text = value(name) else { continue }
            switch text.lowercased() {
            case "true", "1", "yes", "on", "y", "t": return true
            case "false", "0", "no", "off", "n", "f": return false
            default: throw .unsupportedLocation(location: name, reason: "`\(text)` is neither true nor false")
            }
        }
        return nil
    }

    /// Reads `name=value` as a person writes it on a command line, where no secret may stand: other users see it, and shells remember it.
    public static func commandLineOption(_ text: String) throws(ObjectStoreError) -> (name: String, value: String) {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw .unsupportedLocation(location: "storage option", reason: "it is written as name=value")
        }
        let name = String(text[..<equals])
        guard !isSecret(name) else {
            throw .unsupportedLocation(
                location: name,
                reason: "a secret on a command line can be read by everybody on the machine; set the environment variable \(name.uppercased()) instead")
        }
        return (name, String(text[text.index(after: equals)...]))
    }

    /// Whether the option's value is a credential. Names of files that hold one are not.
    static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        if name.hasSuffix("_file") || name.hasSuffix("_path") || name.hasSuffix("_endpoint") || name.hasSuffix("_id") || name.hasSuffix("account") {
            return false
        }
        return ["secret", "token", "password", "key", "sas", "signature", "credential"].contains { name.contains($0) }
    }
}
