import Base

/// A kind that the server serves at one version: what discovery says of it, what its objects look like, what happens when one is written.
struct ResourceDefinition: Sendable {
    enum NameRule: Sendable {
        case label
        case subdomain
        /// Anything that fits a URL path segment.
        case pathSegment

        func complaint(about name: String) -> String? {
            switch self {
            case .label: ObjectNames.isLabel(name) ? nil : ObjectNames.labelMessage
            case .subdomain: ObjectNames.isSubdomain(name) ? nil : ObjectNames.subdomainMessage
            case .pathSegment:
                name == "." || name == ".." || name.contains("/") || name.contains("%") ? "may not be '.' or '..' and may not contain '/' or '%'" : nil
            }
        }
    }

    let group: String
    let version: String
    let kind: String
    let plural: String
    let singular: String
    var shortNames: [String] = []
    var categories: [String] = []
    let isNamespaced: Bool
    /// `status` and, for pods, `log`.
    var subresources: [String] = []
    var nameRule: NameRule = .subdomain
    /// What `fieldSelector` may name beside name and namespace.
    var selectableFields: [String] = []
    /// Of the whole object, `metadata` included.
    let schema: Schema
    /// The schema as OpenAPI documents give it, with references to other definitions.
    let openAPI: JSONValue
    /// Nil where objects are listed by name and age.
    var columns: [TableColumn]?
    var behaviour: any KindBehaviour = PlainBehaviour()
    var isCustom = false
    /// The version that objects are stored at.
    let storageVersion: String
    /// Where the objects are stored, where that is not under the resource's own name: `events` for both groups of events.
    var sharedStorage: String?
    /// Between what is stored and what this version shows.
    var conversion: any ObjectConversion = VersionConversion()

    var name: ResourceName { ResourceName(group: group, plural: plural) }
    var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    var listKind: String { "\(kind)List" }
    var storage: String { sharedStorage ?? name.qualified }
    var hasStatus: Bool { subresources.contains("status") }
    var verbs: [String] { ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] }

    func key(_ namespace: String, _ name: String) -> StoredKey { StoredKey(resource: storage, namespace: isNamespaced ? namespace : "", name: name) }

    /// A stored object as this version shows it.
    func shown(_ stored: JSONValue) -> JSONValue { conversion.shown(stored, as: self) }

    /// An object of this version as it is stored.
    func stored(_ object: JSONValue) -> JSONValue { conversion.stored(object, as: self) }
}

/// How a kind's versions differ.
protocol ObjectConversion: Sendable {
    func shown(_ stored: JSONValue, as definition: ResourceDefinition) -> JSONValue
    func stored(_ object: JSONValue, as definition: ResourceDefinition) -> JSONValue
}

/// All versions have one shape (a CustomResourceDefinition's conversion `None`): only `apiVersion` changes.
struct VersionConversion: ObjectConversion {
    func shown(_ stored: JSONValue, as definition: ResourceDefinition) -> JSONValue {
        if stored.apiVersion == definition.apiVersion { return stored }
        var object = stored
        object["apiVersion"] = .string(definition.apiVersion)
        return object
    }

    func stored(_ object: JSONValue, as definition: ResourceDefinition) -> JSONValue {
        let version = definition.group.isEmpty ? definition.storageVersion : "\(definition.group)/\(definition.storageVersion)"
        if object.apiVersion == version { return object }
        var stored = object
        stored["apiVersion"] = .string(version)
        return stored
    }
}

/// What a kind does beyond its schema when objects are written.
protocol KindBehaviour: Sendable {
    /// Completes a new object. Metadata is complete, the schema's defaults are set.
    func prepareForCreate(_ object: inout JSONValue)
    /// Completes a change; `object` already has what may not change restored from `old`.
    func prepareForUpdate(_ object: inout JSONValue, old: JSONValue)
    /// What the schema cannot say. `old` is nil for a new object.
    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError]
    /// How many seconds a deleted object goes on existing for whoever has to end it; nil removes it at once when it has no finalizers.
    func deletionHold(of object: JSONValue, requestedGrace: Int64?) -> Int64?
}

extension KindBehaviour {
    func prepareForCreate(_ object: inout JSONValue) {}
    func prepareForUpdate(_ object: inout JSONValue, old: JSONValue) {}
    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError] { [] }
    func deletionHold(of object: JSONValue, requestedGrace: Int64?) -> Int64? { nil }
}

/// A kind that its schema describes completely.
struct PlainBehaviour: KindBehaviour {}
