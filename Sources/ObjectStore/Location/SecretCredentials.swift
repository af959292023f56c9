/// What a Kubernetes Secret's entries say of who asks, by the keys that a mounted one is read by, too.
public struct SecretCredentials: Sendable {
    /// For ``StoreOptions``. Nothing else of the secret is in it: where a store is and how it is reached is not the secret's to say.
    public let options: [String: String]

    /// - Parameter entries: the secret's keys and values, decoded.
    public init(_ entries: [String: String], for scheme: TableLocation.Scheme) throws(MissingSecretKey) {
        switch scheme {
        case .s3: options = try Self.s3(entries)
        case .azure: options = try Self.azure(entries)
        case .gcs: options = try Self.gcs(entries)
        case .file: options = [:]
        }
    }

    private static func s3(_ entries: [String: String]) throws(MissingSecretKey) -> [String: String] {
        let found = values(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", customerKey], spelled: { [$0] }, in: entries)
        for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] where found[key] == nil { throw MissingSecretKey(reason: "it has no \(key)") }
        return found
    }

    /// Of server-side encryption with a key of the customer's; it is mounted beside the credentials.
    public static let customerKey = "AWS_SSE_CUSTOMER_KEY_BASE64"

    private static func azure(_ entries: [String: String]) throws(MissingSecretKey) -> [String: String] {
        let found = values(AzureOptions.Key.secrets.flatMap(\.names), spelled: MountedSecret.spellings, in: entries)
        func has(_ key: AzureOptions.Key) -> Bool { key.names.contains { found[$0] != nil } }
        if has(.accountKey) || has(.sasToken) { return found }
        let application: [(AzureOptions.Key, String)] = [(.clientID, "client-id"), (.tenantID, "tenant-id"), (.clientSecret, "client-secret")]
        let missing = application.filter { !has($0.0) }.map(\.1)
        if missing.isEmpty { return found }
        throw MissingSecretKey(
            reason: missing.count < application.count && has(.clientSecret)
                ? "it has no \(missing.joined(separator: " and no "))"
                : "it has neither account-key (with account-name), nor sas-token, nor client-id with tenant-id and client-secret")
    }

    private static func gcs(_ entries: [String: String]) throws(MissingSecretKey) -> [String: String] {
        let found = values(GCSOptions.secretNames, spelled: MountedSecret.spellings, in: entries)
        guard let document = GCSOptions.secretNames.lazy.compactMap({ found[$0] }).first else {
            throw MissingSecretKey(reason: "it has no service account's key file: put it under google-service-account-key, key.json or credentials.json")
        }
        return ["google_service_account_key": document]
    }

    private static func values(_ names: [String], spelled spellings: (String) -> [String], in entries: [String: String]) -> [String: String] {
        var found: [String: String] = [:]
        for name in names {
            found[name] = spellings(name).lazy.compactMap { entries[$0]?.trimmingWhiteSpace }.first { !$0.isEmpty }
        }
        return found
    }
}

/// A secret lacks what lets anybody in. Names keys, never a value.
public struct MissingSecretKey: Error, Sendable, Hashable {
    public let reason: String
}
