import Base

/// What a reader and a writer must know to touch the table (protocol, "Protocol Evolution").
public struct ProtocolAction: Sendable, Hashable {
    public var minReaderVersion: Int
    public var minWriterVersion: Int
    /// There exactly when the reader version is 3.
    public var readerFeatures: [String]?
    /// There exactly when the writer version is 7.
    public var writerFeatures: [String]?

    public init(minReaderVersion: Int, minWriterVersion: Int, readerFeatures: [String]? = nil, writerFeatures: [String]? = nil) {
        self.minReaderVersion = minReaderVersion
        self.minWriterVersion = minWriterVersion
        self.readerFeatures = readerFeatures
        self.writerFeatures = writerFeatures
    }
}

/// How far an application has got, recorded with its data (protocol, "Transaction Identifiers").
public struct SetTransaction: Sendable, Hashable {
    public var appId: String
    public var version: Int64
    /// Milliseconds since the epoch.
    public var lastUpdated: Int64?

    public init(appId: String, version: Int64, lastUpdated: Int64? = nil) {
        self.appId = appId
        self.version = version
        self.lastUpdated = lastUpdated
    }
}

/// The configuration of a named domain (protocol, "Domain Metadata"). Carried whether Levee knows the domain or not.
public struct DomainMetadata: Sendable, Hashable {
    public var domain: String
    public var configuration: String
    /// True for a tombstone.
    public var removed: Bool

    public init(domain: String, configuration: String, removed: Bool) {
        self.domain = domain
        self.configuration = configuration
        self.removed = removed
    }
}

/// Who changed the table, how, when and why (protocol, "Commit Provenance Information"): free-form, with the members that engines agree on.
public struct CommitInfo: Sendable, Hashable {
    /// As in the log, in its order.
    public var members: JSONObject

    public init(members: JSONObject) { self.members = members }

    /// Milliseconds since the epoch, by the writer's clock.
    public var timestamp: Int64? { members["timestamp"]?.intValue }
    public var inCommitTimestamp: Int64? { members["inCommitTimestamp"]?.intValue }
    public var operation: String? { members["operation"]?.stringValue }
    public var operationParameters: JSONObject? { members["operationParameters"]?.objectValue }
    public var operationMetrics: JSONObject? { members["operationMetrics"]?.objectValue }
    public var readVersion: Int64? { members["readVersion"]?.intValue }
    public var isolationLevel: String? { members["isolationLevel"]?.stringValue }
    public var isBlindAppend: Bool? { members["isBlindAppend"]?.boolValue }
    public var engineInfo: String? { members["engineInfo"]?.stringValue }
    public var txnId: String? { members["txnId"]?.stringValue }
    public var userMetadata: String? { members["userMetadata"]?.stringValue }
    /// What Levee adds of its own: `operationUid` and the like.
    public var levee: JSONObject? { members["levee"]?.objectValue }
}
