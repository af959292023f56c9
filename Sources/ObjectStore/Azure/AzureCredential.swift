import Base
import HTTP

/// What lets requests into a storage account.
enum AzureCredential: ExpiringCredential, Hashable {
    case sharedKey([UInt8])
    /// A shared access signature: parameters that every URL carries.
    case signature([RemoteURL.QueryItem], expires: Timestamp?)
    case token(BearerToken)
    /// For containers that anybody may read.
    case anonymous

    var expires: Timestamp? {
        switch self {
        case .sharedKey, .anonymous: nil
        // Nobody can renew it here; that it has expired shows when it is used.
        case .signature: nil
        case let .token(token): token.expires
        }
    }
}

extension AzureCredential {
    /// An account's access key, as the portal shows it.
    init(accountKey text: String) throws(CredentialsError) {
        guard let key = Base64.decode(text.trimmingWhiteSpace), !key.isEmpty else {
            throw CredentialsError(message: "the account key is not base64; copy it whole from the storage account's access keys", isRetryable: false)
        }
        self = .sharedKey(key)
    }

    /// A token as the portal shows it, `?sv=…&sig=…`, its values percent-encoded or not.
    init(signature text: String) throws(CredentialsError) {
        var items: [RemoteURL.QueryItem] = []
        for pair in text.trimmingWhiteSpace.drop(while: { $0 == "?" }).split(separator: "&") {
            guard let equals = pair.firstIndex(of: "=") else {
                throw CredentialsError(message: "the SAS token is not of the form sv=…&sig=…; copy it whole, without the URL before it", isRetryable: false)
            }
            items.append(RemoteURL.QueryItem(name: String(pair[..<equals]), value: PercentEncoding.decode(String(pair[pair.index(after: equals)...]))))
        }
        guard items.contains(where: { $0.name == "sig" }) else {
            throw CredentialsError(message: "the SAS token has no signature (sig=…); copy it whole, without the URL before it", isRetryable: false)
        }
        self = .signature(items, expires: items.first { $0.name == "se" }.flatMap { Timestamp(rfc3339: $0.value) })
    }
}
