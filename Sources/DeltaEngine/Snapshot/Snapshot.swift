import Base
import Columnar
import ObjectStore

/// The table at one version: what it is, which files it has, how far applications have got. Immutable; shared parts are shared between snapshots.
public final class Snapshot: Sendable {
    public let version: Int64
    public let `protocol`: ProtocolAction
    public let metadata: TableMetadata
    public let files: FileTable
    public let tombstones: TombstoneTable
    /// By application id.
    public let transactions: [String: SetTransaction]
    /// By domain, without those that were removed.
    public let domainMetadata: [String: DomainMetadata]
    /// Of the commit of ``version``; nil where it had none or is gone.
    public let commitInfo: CommitInfo?
    /// The log files this was read from.
    public let segment: LogSegment

    init(
        segment: LogSegment, protocol: ProtocolAction, metadata: TableMetadata, files: FileTable, tombstones: TombstoneTable,
        transactions: [String: SetTransaction], domainMetadata: [String: DomainMetadata], commitInfo: CommitInfo?
    ) {
        version = segment.version
        self.protocol = `protocol`
        self.metadata = metadata
        self.files = files
        self.tombstones = tombstones
        self.transactions = transactions
        self.domainMetadata = domainMetadata
        self.commitInfo = commitInfo
        self.segment = segment
    }

    public var schema: Schema { metadata.schema }
    public var numFiles: Int { files.count }
    public var sizeInBytes: Int64 { files.sizeInBytes }

    /// When the version was made: its in-commit timestamp where the table has those, else the commit file's modification time, which is what Delta
    /// goes by; nil where the commit is gone.
    public var timestamp: Timestamp? {
        if hasInCommitTimestamps, let time = commitInfo?.inCommitTimestamp { return Timestamp(milliseconds: time) }
        return segment.lastCommit?.modified
    }

    /// Whether every commit says when it was made (protocol, "In-Commit Timestamps").
    public var hasInCommitTimestamps: Bool { metadata.hasInCommitTimestamps(`protocol`) }

    /// The names of all features that the table's protocol lists, or that its legacy versions imply; sorted.
    public var tableFeatures: [String] {
        Set(FeatureRegistry.readerFeatures(`protocol`) + FeatureRegistry.writerFeatures(`protocol`)).sorted()
    }

    /// How far the application has got, by its `txn` actions.
    public func transactionVersion(_ appId: String) -> Int64? { transactions[appId]?.version }

    /// Throws ``DeltaError/unsupportedFeature(feature:access:reason:)`` or another refusal unless Levee may do this to the table as it is.
    public func require(_ access: Access) throws(DeltaError) {
        try FeatureRegistry.check(`protocol`, metadata, hasDeletionVectors: files.hasDeletionVectors, access: access, version: version)
    }
}
