import Base

/// What a commit says about the operation that made it: Delta's own names, so that other engines' histories read well.
public struct OperationInfo: Sendable {
    /// `WRITE`, `OPTIMIZE`, `VACUUM START`, …
    public var name: String
    /// As Spark writes them: nearly all values are texts, lists and maps are JSON inside a text.
    public var parameters: JSONObject
    /// By Delta's own names; written as texts.
    public var metrics: JSONObject
    /// The uid of the TableOperation that asked for it, by which a lost result is found again.
    public var uid: String?
    public var userMetadata: String?
    /// More for the `levee` member: batch numbers, sources of clones.
    public var provenance: JSONObject

    public init(
        _ name: String, parameters: JSONObject = [:], metrics: JSONObject = [:], uid: String? = nil, userMetadata: String? = nil,
        provenance: JSONObject = [:]
    ) {
        self.name = name
        self.parameters = parameters
        self.metrics = metrics
        self.uid = uid
        self.userMetadata = userMetadata
        self.provenance = provenance
    }
}
