import Base

/// coordination.k8s.io/v1 Lease: who leads.
public struct Lease: KubeResource, Hashable {
    public static let gvr = GroupVersionResource(group: "coordination.k8s.io", version: "v1", resource: "leases")
    public static let kind = "Lease"

    public var metadata: ObjectMeta
    public var spec: Spec?

    public struct Spec: Sendable, Hashable, Codable {
        public var holderIdentity: String?
        public var leaseDurationSeconds: Int?
        public var acquireTime: MicroTime?
        public var renewTime: MicroTime?
        public var leaseTransitions: Int?

        public init() {}
    }

    public init(metadata: ObjectMeta, spec: Spec? = nil) {
        self.metadata = metadata
        self.spec = spec
    }
}
