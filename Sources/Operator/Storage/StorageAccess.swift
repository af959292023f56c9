import Base
import KubeClient
import ObjectStore

/// How a table's storage is reached: by the operator's own process, or only by pods.
enum StorageAccess: Hashable, Sendable {
    /// A directory of the machine, under `levee dev`.
    case host
    /// A claim that pods mount.
    case claim(ClaimAccess)
    case store(StoreAccess)

    /// Whether the operator gets at it with what the profile gives it; else only the profile's pods do.
    var isReachedByOperator: Bool {
        switch self {
        case .host: true
        case .claim: false
        case let .store(access): access.secretName != nil || access.lendsOperatorIdentity
        }
    }

    /// The account that the profile's pods run under; nil: the namespace's default.
    var serviceAccountName: String? {
        switch self {
        case .host: nil
        case let .claim(access): access.serviceAccountName
        case let .store(access): access.serviceAccountName
        }
    }
}

struct ClaimAccess: Hashable, Sendable {
    var name: String
    var mountPath: String
    var serviceAccountName: String?
}

/// An object store as a profile describes it. Holds no credential: it says where they are.
struct StoreAccess: Hashable, Sendable {
    /// A key of a secret.
    struct SecretKey: Hashable, Sendable {
        var name: String
        var key: String
    }

    var scheme: TableLocation.Scheme
    var profile: ObjectKey
    var profileUID: String
    /// By deltalake's names, for ``StoreOptions``.
    var options: [String: String] = [:]
    /// Who asks; nil: the identity that the profile's pods have.
    var secretName: String?
    var serviceAccountName: String?
    /// Whether the operator may look with its own identity; its pods never have that.
    var lendsOperatorIdentity = false
    /// The authorities that may sign the server's certificate.
    var certificates: SecretKey?
    /// Whether commits are refused where others may overwrite them; see ``CommittingEngine``.
    var refusesUnsafeWriters = false

    /// The secrets that it takes.
    var secrets: Set<ObjectKey> {
        Set([secretName, certificates?.name].compactMap { $0 }.map { ObjectKey(namespace: profile.namespace, name: $0) })
    }

    /// Where the store is, as far as the profile says: one location is another table at another endpoint.
    var endpoint: String {
        options[Self.endpointOption(scheme)] ?? ""
    }

    static func endpointOption(_ scheme: TableLocation.Scheme) -> String {
        switch scheme {
        case .azure: "azure_storage_endpoint"
        case .gcs: "google_base_url"
        case .s3, .file: "aws_endpoint_url_s3"
        }
    }
}

/// A table's location, resolved against its profile.
struct TablePlace: Hashable, Sendable {
    var location: TableLocation
    var access: StorageAccess
    /// Of the profile: what its pods may open.
    var root: TableLocation?

    /// What two operations must not hold at once.
    var identity: String {
        switch access {
        case .host: location.description
        case let .claim(access): "\(access.name):\(location)"
        case let .store(access): "\(access.endpoint) \(location)"
        }
    }

    /// What was read with one profile's credentials is shown to nobody else: each profile has its own.
    var cacheKey: String {
        if case let .store(access) = access { "\(access.profileUID) \(identity)" } else { identity }
    }
}

/// Why something cannot go on, as a state for its status.
struct Obstacle: Error, Hashable, Sendable {
    var reason: ConditionReason
    var message: String
    /// Whether only a person can end it.
    var needsPerson = true
}
