import Base

/// The fields that every Kubernetes object has. Absent ones read as empty; setting empties removes them, so that objects stay as the API server writes them.
extension JSONValue {
    var apiVersion: String { self["apiVersion"]?.stringValue ?? "" }
    var kind: String { self["kind"]?.stringValue ?? "" }

    /// Members of `metadata`.
    func meta(_ key: String) -> JSONValue? { self["metadata"]?[key] }

    /// Careful with `condition ? nil : value` here and below: `JSONValue` has a nil literal of its own, JSON's null. See ``removingIfEmpty(_:)``.
    mutating func setMeta(_ key: String, _ value: JSONValue?) {
        var metadata = self["metadata"] ?? .object([:])
        self["metadata"] = JSONValue.null
        metadata[key] = value
        self["metadata"] = metadata
    }

    var name: String { meta("name")?.stringValue ?? "" }
    var namespace: String { meta("namespace")?.stringValue ?? "" }
    var uid: String { meta("uid")?.stringValue ?? "" }
    var resourceVersion: String { meta("resourceVersion")?.stringValue ?? "" }
    var generation: Int64 { meta("generation")?.intValue ?? 0 }
    var isBeingDeleted: Bool { deletionTimestamp != nil }

    var creationTimestamp: Timestamp? { meta("creationTimestamp")?.stringValue.flatMap { Timestamp(rfc3339: $0) } }
    var deletionTimestamp: Timestamp? { meta("deletionTimestamp")?.stringValue.flatMap { Timestamp(rfc3339: $0) } }

    var labels: [String: String] { stringMap(meta("labels")) }
    var annotations: [String: String] { stringMap(meta("annotations")) }

    private func stringMap(_ value: JSONValue?) -> [String: String] {
        guard let object = value?.objectValue else { return [:] }
        return Dictionary(object.compactMap { key, value in value.stringValue.map { (key, $0) } }) { _, last in last }
    }

    var finalizers: [String] {
        get { (meta("finalizers")?.arrayValue ?? []).compactMap(\.stringValue) }
        set { setMeta("finalizers", Self.removingIfEmpty(newValue.map { .string($0) })) }
    }

    /// The list as a member's value; no member at all where it is empty.
    static func removingIfEmpty(_ elements: [JSONValue]) -> JSONValue? {
        if elements.isEmpty { return Optional<JSONValue>.none }
        return .array(elements)
    }

    var ownerReferences: [OwnerReference] {
        (meta("ownerReferences")?.arrayValue ?? []).compactMap(OwnerReference.init)
    }

    /// The owner that set `controller: true`.
    var controllerReference: OwnerReference? { ownerReferences.first { $0.isController } }

    func conditionStatus(_ type: String) -> String? {
        self["status"]?["conditions"]?.arrayValue?.first { $0["type"]?.stringValue == type }?["status"]?.stringValue
    }

    func hasTrueCondition(_ type: String) -> Bool { conditionStatus(type) == "True" }

    /// Member by member, without `[String: JSONValue?]?` chains at each use.
    func at(_ path: String...) -> JSONValue? { value(at: path) }

    /// Sets the value at a path of members, making objects on the way; nil removes the last one.
    mutating func set(_ path: String..., to value: JSONValue?) { set(path[...], to: value) }

    private mutating func set(_ path: ArraySlice<String>, to value: JSONValue?) {
        guard let first = path.first else { return }
        if path.count == 1 {
            if value != nil || self.objectValue != nil { self[first] = value }
            return
        }
        var member = self[first] ?? .object([:])
        if member.objectValue == nil { member = .object([:]) }
        self[first] = JSONValue.null
        member.set(path.dropFirst(), to: value)
        self[first] = member
    }
}

struct OwnerReference: Sendable, Hashable {
    let apiVersion: String
    let kind: String
    let name: String
    let uid: String
    let isController: Bool
    let blocksDeletion: Bool

    init?(_ json: JSONValue) {
        guard let kind = json["kind"]?.stringValue, let name = json["name"]?.stringValue, let uid = json["uid"]?.stringValue else { return nil }
        apiVersion = json["apiVersion"]?.stringValue ?? ""
        self.kind = kind
        self.name = name
        self.uid = uid
        isController = json["controller"]?.boolValue ?? false
        blocksDeletion = json["blockOwnerDeletion"]?.boolValue ?? false
    }

    /// A controller reference to `owner`.
    static func json(controller owner: JSONValue) -> JSONValue {
        [
            "apiVersion": .string(owner.apiVersion), "kind": .string(owner.kind), "name": .string(owner.name), "uid": .string(owner.uid), "controller": true,
            "blockOwnerDeletion": true,
        ]
    }
}

/// Times as `metav1.Time` writes them: whole seconds, UTC.
extension Timestamp {
    var kubernetes: JSONValue { .string(Timestamp(microseconds: seconds * 1_000_000).rfc3339) }
}
