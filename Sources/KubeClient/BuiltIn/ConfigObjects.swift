import Base

/// v1 Secret. Its description shows no values.
public struct Secret: KubeResource, Hashable, CustomStringConvertible {
    public static let gvr = GroupVersionResource(group: "", version: "v1", resource: "secrets")
    public static let kind = "Secret"

    public var metadata: ObjectMeta
    public var type: String?
    /// Base64, as the API has it; see ``bytes(_:)``.
    public var data: [String: String]?

    public init(metadata: ObjectMeta, type: String? = nil, data: [String: String]? = nil) {
        self.metadata = metadata
        self.type = type
        self.data = data
    }

    /// A value, decoded; nil where it is missing or no base64.
    public func bytes(_ key: String) -> Bytes? { data?[key].flatMap { Base64.decode($0) } }

    /// A value as text.
    public func text(_ key: String) -> String? { bytes(key)?.text }

    public var description: String { "Secret \(key) with \((data ?? [:]).count) keys" }
}

/// A Secret without its values.
public struct SecretMetadata: KubeResource, Hashable {
    public static let gvr = Secret.gvr
    public static let kind = Secret.kind

    public var metadata: ObjectMeta

    public init(metadata: ObjectMeta) { self.metadata = metadata }
}

/// v1 ConfigMap.
public struct ConfigMap: KubeResource, Hashable {
    public static let gvr = GroupVersionResource(group: "", version: "v1", resource: "configmaps")
    public static let kind = "ConfigMap"

    public var metadata: ObjectMeta
    public var data: [String: String]?
    /// Base64.
    public var binaryData: [String: String]?

    public init(metadata: ObjectMeta, data: [String: String]? = nil, binaryData: [String: String]? = nil) {
        self.metadata = metadata
        self.data = data
        self.binaryData = binaryData
    }
}

/// v1 Namespace.
public struct Namespace: KubeResource, Hashable {
    public static let gvr = GroupVersionResource(group: "", version: "v1", resource: "namespaces")
    public static let kind = "Namespace"
    public static let isNamespaced = false

    public var metadata: ObjectMeta
    public var status: Status?

    public struct Status: Sendable, Hashable, Codable {
        /// Active or Terminating.
        public var phase: String?

        public init() {}
    }

    public init(metadata: ObjectMeta, status: Status? = nil) {
        self.metadata = metadata
        self.status = status
    }
}
