import Base
import Columnar

/// What the target's protocol, metadata and domains have to be: the source's, but for what belongs to the target itself. Made from the two snapshots alone.
struct CloneState: Sendable {
    let `protocol`: ProtocolAction
    let metadata: TableMetadata
    let domains: [DomainMetadata]
    /// Whether a target that is there differs from it.
    let changesProtocol: Bool
    let changesMetadata: Bool

    var changesNothing: Bool { !changesProtocol && !changesMetadata && domains.isEmpty }

    /// Properties that speak of versions of the source's own log, or of who decides on its commits.
    private static let ownProperties = [
        "delta.inCommitTimestampEnablementVersion", "delta.inCommitTimestampEnablementTimestamp", "delta.requireCheckpointProtectionBeforeVersion",
    ]
    private static let ownPrefixes = ["delta.coordinatedCommits."]
    /// Properties that say how the target's log is kept.
    private static let keptProperties = [
        "delta.enableInCommitTimestamps", "delta.inCommitTimestampEnablementVersion", "delta.inCommitTimestampEnablementTimestamp",
    ]
    private static let columnIds = "delta.columnMapping.maxColumnId"

    /// - Parameters:
    ///   - target: nil where the table is made.
    ///   - id: of a table that is made.
    init(of source: Snapshot, for target: Snapshot?, id: String, createdTime: Int64) {
        var metadata = source.metadata
        var configuration = source.metadata.configuration.filter { key, _ in
            !Self.ownProperties.contains(key) && !Self.ownPrefixes.contains { key.hasPrefix($0) }
        }
        if let target {
            metadata.id = target.metadata.id
            metadata.createdTime = target.metadata.createdTime
            metadata.name = target.metadata.name ?? source.metadata.name
            for property in Self.keptProperties { configuration[property] = target.metadata.configuration[property] }
            // An id that a column of the target had must not come to another one.
            let ids = [configuration, target.metadata.configuration].compactMap { $0[Self.columnIds].flatMap { Int64($0) } }
            if let highest = ids.max() { configuration[Self.columnIds] = String(highest) }
        } else {
            metadata.id = id
            metadata.createdTime = createdTime
        }
        // Never lowered: older versions of the target are read by it.
        let wanted = target?.protocol.union(source.protocol) ?? source.protocol
        metadata.configuration = configuration
        metadata.allowsColumnMapping = source.metadata.allowsColumnMapping || (target?.metadata.allowsColumnMapping ?? false)
        self.protocol = wanted
        self.metadata = metadata
        domains = Self.domains(of: source, for: target)
        changesProtocol = target?.protocol != wanted
        changesMetadata = target?.metadata != metadata
    }

    /// The clustering columns belong to the schema, the row ids' mark to the files; all other domains belong to somebody who knows nothing of the clone.
    private static func domains(of source: Snapshot, for target: Snapshot?) -> [DomainMetadata] {
        var domains: [DomainMetadata] = []
        let (now, then) = (target?.domainMetadata[Clustering.domain], source.domainMetadata[Clustering.domain])
        if now?.configuration != then?.configuration {
            if let then {
                domains.append(then)
            } else if let now {
                domains.append(DomainMetadata(domain: now.domain, configuration: now.configuration, removed: true))
            }
        }
        let marks = (target: target?.domainMetadata[RowTracking.domain], source: source.domainMetadata[RowTracking.domain])
        if let mark = marks.source, RowTracking.highWaterMark(mark) ?? -1 > marks.target.flatMap(RowTracking.highWaterMark) ?? -1 { domains.append(mark) }
        return domains
    }
}
