/// Which lists of a pod are merged, and by what: what Kubernetes' types say of them (`patchStrategy: merge` and `patchMergeKey`). All others, tolerations and `envFrom` among
/// them, are replaced.
public final class PodMergeSchema: MergeSchema, Sendable {
    public let patchMergeKey: String?
    public let patchMergesScalars: Bool
    public let items: PodMergeSchema?
    private let members: [String: PodMergeSchema]

    private init(members: [String: PodMergeSchema] = [:], items: PodMergeSchema? = nil, mergeKey: String? = nil, mergesScalars: Bool = false) {
        self.members = members
        self.items = items
        patchMergeKey = mergeKey
        patchMergesScalars = mergesScalars
    }

    public func member(_ name: String) -> PodMergeSchema? { members[name] }

    private static func list(by key: String, of items: PodMergeSchema? = nil) -> PodMergeSchema { PodMergeSchema(items: items, mergeKey: key) }

    private static let metadata = PodMergeSchema(members: ["finalizers": PodMergeSchema(mergesScalars: true), "ownerReferences": list(by: "uid")])

    private static let container = PodMergeSchema(members: [
        "env": list(by: "name"), "ports": list(by: "containerPort"), "volumeDevices": list(by: "devicePath"), "volumeMounts": list(by: "mountPath"),
    ])

    public static let podSpec = PodMergeSchema(members: [
        "containers": list(by: "name", of: container), "ephemeralContainers": list(by: "name", of: container), "hostAliases": list(by: "ip"),
        "imagePullSecrets": list(by: "name"), "initContainers": list(by: "name", of: container), "resourceClaims": list(by: "name"),
        "schedulingGates": list(by: "name"), "topologySpreadConstraints": list(by: "topologyKey"), "volumes": list(by: "name"),
    ])

    public static let pod = PodMergeSchema(members: ["metadata": metadata, "spec": podSpec])

    /// `template` is a pod's metadata and spec.
    public static let job = PodMergeSchema(members: ["metadata": metadata, "spec": PodMergeSchema(members: ["template": pod])])
}
