import Base

/// batch/v1 Job: what we set and read of it. Whole Jobs are created from JSON; see ``Resource``.
public struct Job: KubeResource, Hashable {
    public static let gvr = GroupVersionResource(group: "batch", version: "v1", resource: "jobs")
    public static let kind = "Job"

    public var metadata: ObjectMeta
    public var spec: Spec?
    public var status: Status?

    public struct Spec: Sendable, Hashable, Codable {
        public var suspend: Bool?
        public var parallelism: Int?
        public var completions: Int?
        public var backoffLimit: Int?
        public var activeDeadlineSeconds: Int64?
        public var ttlSecondsAfterFinished: Int64?
        public var completionMode: String?
        public var selector: LabelSelector?
        /// The pod template as it is.
        public var template: JSONValue?

        public init() {}
    }

    public struct Status: Sendable, Hashable, Codable {
        public var active: Int?
        public var succeeded: Int?
        public var failed: Int?
        public var ready: Int?
        public var startTime: Timestamp?
        public var completionTime: Timestamp?
        /// `Complete`, `Failed`, `Suspended`, `FailureTarget`, `SuccessCriteriaMet`.
        public var conditions: [Condition]?

        public init() {}
    }

    public init(metadata: ObjectMeta, spec: Spec? = nil, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    public var isComplete: Bool { status?.conditions?.isTrue("Complete") ?? false }
    public var isFailed: Bool { status?.conditions?.isTrue("Failed") ?? false }
    public var isFinished: Bool { isComplete || isFailed }
    /// How many of its pods failed so far.
    public var failedPods: Int { status?.failed ?? 0 }
}
