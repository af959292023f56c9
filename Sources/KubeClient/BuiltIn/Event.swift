import Base

/// v1 Event: something that happened to an object, for people. `kubectl describe` and `kubectl events` show them.
public struct Event: KubeResource, Hashable {
    public static let gvr = GroupVersionResource(group: "", version: "v1", resource: "events")
    public static let kind = "Event"

    public struct Source: Sendable, Hashable, Codable {
        public var component: String?
        public var host: String?

        public init(component: String? = nil, host: String? = nil) {
            self.component = component
            self.host = host
        }
    }

    public var metadata: ObjectMeta
    public var involvedObject: ObjectReference
    /// CamelCase, for programs.
    public var reason: String?
    public var message: String?
    /// `Normal` or `Warning`.
    public var type: String?
    public var count: Int?
    public var firstTimestamp: SecondTime?
    public var lastTimestamp: SecondTime?
    public var source: Source?
    public var reportingComponent: String?
    public var reportingInstance: String?

    public init(metadata: ObjectMeta, involvedObject: ObjectReference) {
        self.metadata = metadata
        self.involvedObject = involvedObject
    }
}
