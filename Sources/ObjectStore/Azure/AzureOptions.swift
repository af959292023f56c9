import Base
import HTTP

/// A storage account and how to get in, read from options by the names that deltalake's object_store and the vendor's tools use, from a secret's keys
/// (`account-name`, `account-key`), and from the location itself.
struct AzureOptions: Sendable {
    enum Key: CaseIterable {
        case accountName, accountKey, sasToken, bearerToken, clientID, clientSecret, tenantID, authorityHost, federatedTokenFile, endpoint, useEmulator
        case metadataEndpoint, objectID, metadataResourceID, skipSignature, allowHTTP

        /// What a secret may hold.
        static let secrets: [Key] = [.accountName, .accountKey, .sasToken, .clientID, .clientSecret, .tenantID]

        var names: [String] {
            switch self {
            case .accountName: ["azure_storage_account_name", "account_name"]
            case .accountKey:
                ["azure_storage_account_key", "azure_storage_access_key", "azure_storage_master_key", "account_key", "access_key", "master_key"]
            case .sasToken: ["azure_storage_sas_token", "azure_storage_sas_key", "sas_token", "sas_key"]
            case .bearerToken: ["azure_storage_token", "bearer_token", "token"]
            case .clientID: ["azure_storage_client_id", "azure_client_id", "client_id"]
            case .clientSecret: ["azure_storage_client_secret", "azure_client_secret", "client_secret"]
            case .tenantID:
                ["azure_storage_tenant_id", "azure_storage_authority_id", "azure_tenant_id", "azure_authority_id", "tenant_id", "authority_id"]
            case .authorityHost: ["azure_storage_authority_host", "azure_authority_host", "authority_host"]
            case .federatedTokenFile: ["azure_federated_token_file", "federated_token_file"]
            case .endpoint: ["azure_storage_endpoint", "azure_endpoint", "endpoint"]
            case .useEmulator: ["azure_storage_use_emulator", "use_emulator"]
            case .metadataEndpoint: ["azure_msi_endpoint", "azure_identity_endpoint", "identity_endpoint", "msi_endpoint"]
            case .objectID: ["azure_object_id", "object_id"]
            case .metadataResourceID: ["azure_msi_resource_id", "msi_resource_id"]
            case .skipSignature: ["azure_skip_signature", "skip_signature"]
            case .allowHTTP: ["azure_allow_http", "azure_storage_allow_http", "allow_http"]
            }
        }
    }

    private var values: [Key: String] = [:]
    /// Of App Service and its like, beside their own endpoint.
    let identityHeader: String?

    private static let credentials: Set<Key> = [.accountKey, .sasToken, .bearerToken, .clientID, .clientSecret, .tenantID, .federatedTokenFile, .skipSignature]

    /// Where the options say by themselves how to get in, nothing of the process is looked at for that: an identity that the pod happens to have must not
    /// push a secret aside.
    init(_ options: StoreOptions) {
        identityHeader = options.usesAmbientIdentity ? options.environmentValue("identity_header") : nil
        for key in Key.allCases { values[key] = options.firstGiven(key.names) }
        let nameCredentials = [.accountKey, .sasToken, .bearerToken, .clientSecret, .federatedTokenFile, .skipSignature].contains { values[$0] != nil }
        if options.usesAmbientIdentity {
            for key in Key.allCases where values[key] == nil && !(nameCredentials && Self.credentials.contains(key)) {
                values[key] = options.firstVariable(key.names.filter { $0.hasPrefix("azure_") || $0 == "identity_endpoint" })
            }
        }
    }

    subscript(key: Key) -> String? { values[key] }

    func flag(_ key: Key) -> Bool { OptionNames.isTrue(values[key]) }
}

/// Where a container is, for the Blob endpoint: it alone puts a whole object, with its condition, in one request.
struct AzureContainer: Sendable, Hashable {
    let account: String
    let name: String
    /// Of the account: `https://account.blob.core.windows.net`, or with the account in its path.
    let endpoint: RemoteURL

    static let emulatorAccount = "devstoreaccount1"
    /// Of Microsoft's own emulator; in its documentation, and no secret.
    static let emulatorKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    /// - Parameters:
    ///   - location: the container and, where the URL names them, account and host.
    ///   - emulatorURL: what `AZURITE_BLOB_STORAGE_URL` says.
    init(_ location: AzureLocation, options: AzureOptions, emulatorURL: String? = nil) throws(ObjectStoreError) {
        name = location.container
        func invalid(_ reason: String) -> ObjectStoreError { .unsupportedLocation(location: location.description, reason: reason) }
        let isEmulator = options.flag(.useEmulator)
        guard let account = location.account ?? options[.accountName] ?? (isEmulator ? Self.emulatorAccount : nil) else {
            throw invalid(
                "the storage account is not named: write abfss://container@account.dfs.core.windows.net/path, or set AZURE_STORAGE_ACCOUNT_NAME (in a secret: account-name)"
            )
        }
        guard account.isStorageName else { throw invalid("\(account.shownShort(80)) is no name of a storage account") }
        if let named = location.account, let configured = options[.accountName], named != configured {
            throw invalid("the URL names the account \(named), the credentials are for \(configured.shownShort(80)); correct one of them")
        }
        self.account = account
        let text: String
        if let configured = options[.endpoint] {
            text = configured
        } else if isEmulator {
            text = "\(emulatorURL ?? "http://127.0.0.1:10000")/\(account)"
        } else {
            text = "https://\(location.host ?? "\(account).blob.\(AzureLocation.publicSuffix)")"
        }
        guard let endpoint = RemoteURL(base: text) else { throw invalid("the endpoint \(text.shownShort(200)) is no http or https URL") }
        guard endpoint.scheme == "https" || isEmulator || options.flag(.allowHTTP) else {
            throw invalid("the endpoint \(text.shownShort(200)) has no TLS; use https, or allow it with allow_http (profile: allowHTTP)")
        }
        self.endpoint = endpoint
    }

    /// An object's address; of the container itself where there is no key.
    func url(_ key: String = "") -> RemoteURL {
        var url = endpoint
        url.path += "/\(PercentEncoding.encode(name))"
        if !key.isEmpty {
            url.path += "/" + key.split(separator: "/", omittingEmptySubsequences: false).map { PercentEncoding.encode(String($0)) }.joined(separator: "/")
        }
        return url
    }
}

extension String {
    fileprivate var isStorageName: Bool {
        (1...63).contains(utf8.count) && utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
    }
}
