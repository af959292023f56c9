import Base
import HTTP

/// A bucket and how to get in, read from options by the names that deltalake's object_store and Google's tools use.
struct GCSOptions: Sendable {
    enum Key: CaseIterable {
        case serviceAccountPath, serviceAccountKey, applicationCredentials, baseURL, skipSignature, metadataHost, allowHTTP

        var names: [String] {
            switch self {
            case .serviceAccountPath: ["google_service_account", "google_service_account_path", "service_account", "service_account_path"]
            case .serviceAccountKey: ["google_service_account_key", "service_account_key", "service_account.json", "key.json", "credentials.json"]
            case .applicationCredentials: ["google_application_credentials", "application_credentials"]
            case .baseURL: ["google_base_url", "base_url", "google_endpoint", "google_storage_endpoint", "endpoint"]
            case .skipSignature: ["google_skip_signature", "skip_signature"]
            case .metadataHost: ["gce_metadata_host", "gce_metadata_root"]
            case .allowHTTP: ["google_allow_http", "allow_http"]
            }
        }
    }

    /// What a secret may call the key's file; the last is the variable's name, whose value is a path elsewhere.
    static let secretNames = Key.serviceAccountKey.names + ["google_application_credentials_json", "google_application_credentials"]

    private var values: [Key: String] = [:]

    private static let credentials: Set<Key> = [.serviceAccountPath, .serviceAccountKey, .applicationCredentials, .skipSignature]

    /// Where the options say by themselves how to get in, nothing of the process is looked at for that: an identity that the pod happens to have must not
    /// push a secret aside.
    init(_ options: StoreOptions) {
        for key in Key.allCases { values[key] = options.firstGiven(key.names) }
        let nameCredentials = Self.credentials.contains { values[$0] != nil }
        guard options.usesAmbientIdentity else { return }
        for key in Key.allCases where values[key] == nil && !(nameCredentials && Self.credentials.contains(key)) {
            values[key] = options.firstVariable(key.names.filter { $0.hasPrefix("google_") || $0.hasPrefix("gce_") })
        }
        // Google's own libraries go to an emulator by this.
        if values[.baseURL] == nil, let emulator = options.environmentValue("storage_emulator_host") {
            values[.baseURL] = emulator.contains("://") ? emulator : "http://\(emulator)"
            values[.allowHTTP] = "true"
        }
    }

    subscript(key: Key) -> String? { values[key] }

    func flag(_ key: Key) -> Bool { OptionNames.isTrue(values[key]) }
}

/// Where a bucket is.
struct GCSBucket: Sendable, Hashable {
    let name: String
    let endpoint: RemoteURL

    static let publicEndpoint = "https://storage.googleapis.com"

    init(name: String, options: GCSOptions) throws(ObjectStoreError) {
        func invalid(_ reason: String) -> ObjectStoreError { .unsupportedLocation(location: "gs://\(name.shownShort(100))", reason: reason) }
        guard (3...222).contains(name.utf8.count), name.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || "-_.".utf8.contains($0) })
        else { throw invalid("\(name.isEmpty ? "nothing" : name.shownShort(100)) is no bucket's name: write gs://bucket/path") }
        self.name = name
        let text = options[.baseURL] ?? Self.publicEndpoint
        guard let endpoint = RemoteURL(base: text) else { throw invalid("the endpoint \(text.shownShort(200)) is no http or https URL") }
        guard endpoint.scheme == "https" || options.flag(.allowHTTP) else {
            throw invalid("the endpoint \(text.shownShort(200)) has no TLS; use https, or allow it with allow_http (profile: allowHTTP)")
        }
        self.endpoint = endpoint
    }

    /// `/storage/v1/b/BUCKET/o/KEY`: a key is one segment, its slashes escaped.
    func path(_ key: String? = nil) -> String {
        let objects = "/storage/v1/b/\(PercentEncoding.encode(name))/o"
        return key.map { "\(objects)/\(PercentEncoding.encode($0))" } ?? objects
    }

    func url(_ path: String, _ query: [(String, String)] = []) -> RemoteURL {
        var url = endpoint
        url.path += path
        return url.adding(query)
    }
}
