import Base

/// v1 Pod: what we read of it.
public struct Pod: KubeResource, Hashable {
    public static let gvr = GroupVersionResource(group: "", version: "v1", resource: "pods")
    public static let kind = "Pod"

    public var metadata: ObjectMeta
    public var spec: Spec?
    public var status: Status?

    public struct Spec: Sendable, Hashable, Codable {
        public var nodeName: String?
        public var serviceAccountName: String?
        public var containers: [Container]?

        public init() {}
    }

    public struct Container: Sendable, Hashable, Codable {
        public var name: String
        public var image: String?

        public init(name: String, image: String? = nil) {
            self.name = name
            self.image = image
        }
    }

    public struct Status: Sendable, Hashable, Codable {
        /// Pending, Running, Succeeded, Failed, Unknown.
        public var phase: String?
        public var reason: String?
        public var message: String?
        public var podIP: String?
        public var startTime: Timestamp?
        public var conditions: [Condition]?
        public var initContainerStatuses: [ContainerStatus]?
        public var containerStatuses: [ContainerStatus]?

        public init() {}
    }

    public struct ContainerStatus: Sendable, Hashable, Codable {
        public var name: String
        public var ready: Bool?
        public var restartCount: Int?
        public var state: ContainerState?
        public var lastState: ContainerState?

        public init(name: String) { self.name = name }
    }

    /// At most one of the three is set.
    public struct ContainerState: Sendable, Hashable, Codable {
        public var waiting: Waiting?
        public var running: Running?
        public var terminated: Terminated?

        public init() {}
    }

    public struct Waiting: Sendable, Hashable, Codable {
        /// `ImagePullBackOff`, `CrashLoopBackOff`, `CreateContainerConfigError`…
        public var reason: String?
        public var message: String?
    }

    public struct Running: Sendable, Hashable, Codable {
        public var startedAt: Timestamp?
    }

    public struct Terminated: Sendable, Hashable, Codable {
        public var exitCode: Int
        public var signal: Int?
        /// `Completed`, `Error`, `OOMKilled`…
        public var reason: String?
        /// The termination message that the container wrote.
        public var message: String?
        public var startedAt: Timestamp?
        public var finishedAt: Timestamp?
    }

    public init(metadata: ObjectMeta, spec: Spec? = nil, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    /// The status of one container.
    public func containerStatus(_ name: String) -> ContainerStatus? { status?.containerStatuses?.first { $0.name == name } }
}
