import Base

/// What every object carries. Absent strings are empty, absent collections too, and neither is written.
public struct ObjectMeta: Sendable, Hashable, Codable {
    public var name: String
    public var generateName: String
    /// Empty for cluster-scoped objects.
    public var namespace: String
    public var uid: String
    /// Opaque. Sent back with an update, it makes the server refuse the update if the object has changed meanwhile.
    public var resourceVersion: String
    /// Counts changes of the spec.
    public var generation: Int64
    public var creationTimestamp: Timestamp?
    /// Set once deletion was asked for; the object stays until its finalizers are gone.
    public var deletionTimestamp: Timestamp?
    public var deletionGracePeriodSeconds: Int64?
    public var labels: [String: String]
    public var annotations: [String: String]
    public var finalizers: [String]
    public var ownerReferences: [OwnerReference]

    public init(
        name: String = "", namespace: String = "", labels: [String: String] = [:], annotations: [String: String] = [:], finalizers: [String] = [],
        ownerReferences: [OwnerReference] = []
    ) {
        self.name = name
        self.namespace = namespace
        self.labels = labels
        self.annotations = annotations
        self.finalizers = finalizers
        self.ownerReferences = ownerReferences
        generateName = ""
        uid = ""
        resourceVersion = ""
        generation = 0
    }

    public var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }

    public var isBeingDeleted: Bool { deletionTimestamp != nil }

    /// The owner that reconciles this object; at most one owner is marked so.
    public var controllerReference: OwnerReference? { ownerReferences.first { $0.controller == true } }

    private enum CodingKeys: String, CodingKey {
        case name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds
        case labels, annotations, finalizers, ownerReferences
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func text(_ key: CodingKeys) throws -> String { try container.decodeIfPresent(String.self, forKey: key) ?? "" }
        name = try text(.name)
        generateName = try text(.generateName)
        namespace = try text(.namespace)
        uid = try text(.uid)
        resourceVersion = try text(.resourceVersion)
        generation = try container.decodeIfPresent(Int64.self, forKey: .generation) ?? 0
        creationTimestamp = try container.decodeIfPresent(Timestamp.self, forKey: .creationTimestamp)
        deletionTimestamp = try container.decodeIfPresent(Timestamp.self, forKey: .deletionTimestamp)
        deletionGracePeriodSeconds = try container.decodeIfPresent(Int64.self, forKey: .deletionGracePeriodSeconds)
        labels = try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations) ?? [:]
        finalizers = try container.decodeIfPresent([String].self, forKey: .finalizers) ?? []
        ownerReferences = try container.decodeIfPresent([OwnerReference].self, forKey: .ownerReferences) ?? []
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        for (key, value) in [
            (CodingKeys.name, name), (.generateName, generateName), (.namespace, namespace), (.uid, uid), (.resourceVersion, resourceVersion),
        ] where !value.isEmpty {
            try container.encode(value, forKey: key)
        }
        if generation != 0 { try container.encode(generation, forKey: .generation) }
        try container.encodeIfPresent(creationTimestamp, forKey: .creationTimestamp)
        try container.encodeIfPresent(deletionTimestamp, forKey: .deletionTimestamp)
        try container.encodeIfPresent(deletionGracePeriodSeconds, forKey: .deletionGracePeriodSeconds)
        if !labels.isEmpty { try container.encode(labels, forKey: .labels) }
        if !annotations.isEmpty { try container.encode(annotations, forKey: .annotations) }
        if !finalizers.isEmpty { try container.encode(finalizers, forKey: .finalizers) }
        if !ownerReferences.isEmpty { try container.encode(ownerReferences, forKey: .ownerReferences) }
    }
}

/// Who an object belongs to: it is deleted when none of its owners exists any more.
public struct OwnerReference: Sendable, Hashable, Codable {
    public var apiVersion: String
    public var kind: String
    public var name: String
    public var uid: String
    public var controller: Bool?
    public var blockOwnerDeletion: Bool?

    public init(apiVersion: String, kind: String, name: String, uid: String, controller: Bool? = nil, blockOwnerDeletion: Bool? = nil) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
        self.controller = controller
        self.blockOwnerDeletion = blockOwnerDeletion
    }
}
