import Base

/// Which objects a list or watch is about, and how fresh.
public struct ListOptions: Sendable, Hashable {
    public var labelSelector: String?
    public var fieldSelector: String?
    /// Objects per page; nil for all in one.
    public var limit: Int?
    public var continueToken: String?
    /// Nil: the most recent state. "0": whatever the server has in its cache.
    public var resourceVersion: String?
    /// Objects without anything but their metadata.
    public var metadataOnly = false

    public init(
        labelSelector: String? = nil, fieldSelector: String? = nil, limit: Int? = nil, continueToken: String? = nil, resourceVersion: String? = nil
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.limit = limit
        self.continueToken = continueToken
        self.resourceVersion = resourceVersion
    }

    var query: [(name: String, value: String)] {
        var query: [(name: String, value: String)] = []
        if let labelSelector, !labelSelector.isEmpty { query.append(("labelSelector", labelSelector)) }
        if let fieldSelector, !fieldSelector.isEmpty { query.append(("fieldSelector", fieldSelector)) }
        if let limit { query.append(("limit", "\(limit)")) }
        if let continueToken, !continueToken.isEmpty {
            query.append(("continue", continueToken))
        } else if let resourceVersion {
            // A continue token carries its own version; the server refuses both.
            query.append(("resourceVersion", resourceVersion))
        }
        return query
    }
}

/// How a write is to be taken.
public struct WriteOptions: Sendable, Hashable {
    public enum FieldValidation: String, Sendable, Hashable {
        case ignore = "Ignore"
        case warn = "Warn"
        case strict = "Strict"
    }

    /// Who the changed fields belong to. Nil takes the client's.
    public var fieldManager: String?
    /// The server does everything but keep the result.
    public var dryRun: Bool
    /// What becomes of unknown and doubled fields; nil: the server's default.
    public var fieldValidation: FieldValidation?

    public init(fieldManager: String? = nil, dryRun: Bool = false, fieldValidation: FieldValidation? = nil) {
        self.fieldManager = fieldManager
        self.dryRun = dryRun
        self.fieldValidation = fieldValidation
    }
}

/// How an object is deleted.
public struct DeleteOptions: Sendable, Hashable {
    public enum Propagation: String, Sendable, Hashable {
        /// The object goes now, what it owns later.
        case background = "Background"
        /// What it owns goes first.
        case foreground = "Foreground"
        /// What it owns stays.
        case orphan = "Orphan"
    }

    public var propagation: Propagation?
    public var gracePeriodSeconds: Int?
    /// Deletes only this very object, not a namesake that was created after it.
    public var uid: String?
    /// Deletes only what was read.
    public var resourceVersion: String?
    public var dryRun: Bool

    public init(
        propagation: Propagation? = nil, gracePeriodSeconds: Int? = nil, uid: String? = nil, resourceVersion: String? = nil, dryRun: Bool = false
    ) {
        self.propagation = propagation
        self.gracePeriodSeconds = gracePeriodSeconds
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.dryRun = dryRun
    }

    var body: JSONValue {
        var body: JSONValue = ["apiVersion": "v1", "kind": "DeleteOptions"]
        if let propagation { body["propagationPolicy"] = .string(propagation.rawValue) }
        if let gracePeriodSeconds { body["gracePeriodSeconds"] = .integer(Int64(gracePeriodSeconds)) }
        var preconditions: JSONValue = [:]
        if let uid { preconditions["uid"] = .string(uid) }
        if let resourceVersion { preconditions["resourceVersion"] = .string(resourceVersion) }
        if preconditions != [:] { body["preconditions"] = preconditions }
        if dryRun { body["dryRun"] = ["All"] }
        return body
    }
}

/// A change to an object that leaves the rest of it as it is.
public enum Patch: Sendable, Hashable {
    /// RFC 7386: members replace, null removes, lists are replaced whole. With `metadata.resourceVersion` in it the server checks that the object is unchanged.
    case merge(JSONValue)
    /// RFC 6902: an array of operations.
    case json(JSONValue)
    /// Kubernetes' own, for built-in kinds: lists with merge keys are merged.
    case strategicMerge(JSONValue)
    /// Server-side apply: the fields that the manager wants to own. `force` takes them from other managers.
    case apply(JSONValue, force: Bool)

    var contentType: String {
        switch self {
        case .merge: "application/merge-patch+json"
        case .json: "application/json-patch+json"
        case .strategicMerge: "application/strategic-merge-patch+json"
        // JSON is YAML.
        case .apply: "application/apply-patch+yaml"
        }
    }

    var body: JSONValue {
        switch self {
        case .merge(let body), .json(let body), .strategicMerge(let body), .apply(let body, _): body
        }
    }
}
