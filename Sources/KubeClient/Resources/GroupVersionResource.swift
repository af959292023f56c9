/// Which collection of the API: `levee.dev/v1alpha1 deltatables`. The core group is the empty string.
public struct GroupVersionResource: Sendable, Hashable, CustomStringConvertible {
    public let group: String
    public let version: String
    /// The plural, lower-case.
    public let resource: String

    public init(group: String, version: String, resource: String) {
        self.group = group
        self.version = version
        self.resource = resource
    }

    /// `group/version`, or the version alone for the core group: what stands in an object's `apiVersion`.
    public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    public var description: String { "\(apiVersion) \(resource)" }
}
