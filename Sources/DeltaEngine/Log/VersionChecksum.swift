import Base
import ObjectStore

/// What a version's checksum file says of the table (protocol, "Version Checksum File Schema").
public struct VersionChecksum: Sendable, Hashable {
    public let numFiles: Int64
    public let tableSizeBytes: Int64
    public let inCommitTimestamp: Int64?
    let metadata: TableMetadata?
    /// By application id.
    let transactions: [String: Int64]?
    /// Configurations by domain.
    let domains: [String: String]?
    let `protocol`: ProtocolAction?
    let numDeletedRecords: Int64?
    let numDeletionVectors: Int64?

    /// nil for text that is no checksum: one that cannot be read counts as missing.
    init?(_ bytes: Bytes) {
        guard let json = try? JSON.parse(bytes), let files = json["numFiles"]?.intValue, let size = json["tableSizeBytes"]?.intValue else { return nil }
        numFiles = files
        tableSizeBytes = size
        inCommitTimestamp = json["inCommitTimestampOpt"]?.intValue
        metadata = json["metadata"]?.objectValue.flatMap { try? ActionDecoding.metadata($0) }
        transactions = Self.entries(json["setTransactions"]) { try ActionDecoding.transaction($0) }.map { list in
            Dictionary(list.map { ($0.appId, $0.version) }) { max($0, $1) }
        }
        domains = Self.entries(json["domainMetadata"]) { try ActionDecoding.domainMetadata($0) }.map { list in
            Dictionary(list.filter { !$0.removed }.map { ($0.domain, $0.configuration) }) { $1 }
        }
        `protocol` = json["protocol"]?.objectValue.flatMap { try? ActionDecoding.protocolAction($0) }
        numDeletedRecords = json["numDeletedRecordsOpt"]?.intValue
        numDeletionVectors = json["numDeletionVectorsOpt"]?.intValue
    }

    /// nil where there is no list, or one with something else in it.
    private static func entries<Entry>(_ value: JSONValue?, _ decode: (JSONObject) throws -> Entry) -> [Entry]? {
        guard let values = value?.arrayValue else { return nil }
        var entries: [Entry] = []
        for value in values {
            guard let members = value.objectValue, let entry = try? decode(members) else { return nil }
            entries.append(entry)
        }
        return entries
    }

    /// The checksum of a version; nil where there is none that can be read.
    static func read(_ store: any ObjectStore, version: Int64) async throws -> VersionChecksum? {
        do {
            return VersionChecksum(try await store.get(ObjectPath(LogFileName.checksumPath(version))))
        } catch ObjectStoreError.notFound {
            return nil
        }
    }

    /// What the snapshot has that the checksum does not say, in words; nil where they agree.
    func difference(from snapshot: Snapshot) -> String? {
        if numFiles != Int64(snapshot.numFiles) { return "\(snapshot.numFiles) files in place of \(numFiles)" }
        if tableSizeBytes != snapshot.sizeInBytes { return "\(snapshot.sizeInBytes) bytes in place of \(tableSizeBytes)" }
        if let metadata, let difference = Self.difference(metadata, snapshot.metadata) { return difference }
        if let `protocol`, !`protocol`.isSame(as: snapshot.protocol) { return "another protocol" }
        let vectors = snapshot.files.deletionVectors
        if let numDeletionVectors, numDeletionVectors != vectors.count { return "\(vectors.count) deletion vectors in place of \(numDeletionVectors)" }
        if let numDeletedRecords, numDeletedRecords != vectors.rows { return "\(vectors.rows) deleted rows in place of \(numDeletedRecords)" }
        // Where they expire, writers leave them out at different times.
        if let transactions, snapshot.metadata.transactionRetention == nil, transactions != snapshot.transactions.mapValues(\.version) {
            return "other application transactions"
        }
        if let domains, domains != snapshot.domainMetadata.mapValues(\.configuration) { return "other domain metadata" }
        return nil
    }

    private static func difference(_ said: TableMetadata, _ actual: TableMetadata) -> String? {
        if said.id != actual.id { return "the table id \(actual.id) in place of \(said.id)" }
        if said.schema != actual.schema { return "another schema" }
        if said.partitionColumns != actual.partitionColumns { return "other partition columns" }
        return said.configuration == actual.configuration ? nil : "other table properties"
    }
}

extension ProtocolAction {
    /// The order of features says nothing.
    fileprivate func isSame(as other: ProtocolAction) -> Bool {
        minReaderVersion == other.minReaderVersion && minWriterVersion == other.minWriterVersion
            && Set(readerFeatures ?? []) == Set(other.readerFeatures ?? []) && Set(writerFeatures ?? []) == Set(other.writerFeatures ?? [])
    }
}

extension VersionChecksum {
    /// The text of the snapshot's checksum, with all that the protocol requires and what readers can use to open the table without replay.
    static func encode(_ snapshot: Snapshot, txnId: String?) -> Bytes {
        var members: JSONObject = [:]
        members["txnId"] = txnId.map(JSONValue.string)
        members["tableSizeBytes"] = .integer(snapshot.sizeInBytes)
        members["numFiles"] = .integer(Int64(snapshot.numFiles))
        members["numMetadata"] = 1
        members["numProtocol"] = 1
        if snapshot.hasInCommitTimestamps { members["inCommitTimestampOpt"] = snapshot.commitInfo?.inCommitTimestamp.map(JSONValue.integer) }
        members["setTransactions"] = .array(snapshot.transactions.values.sorted { $0.appId < $1.appId }.map(\.json))
        members["domainMetadata"] = .array(snapshot.domainMetadata.values.sorted { $0.domain < $1.domain }.map(\.json))
        members["metadata"] = snapshot.metadata.json
        members["protocol"] = snapshot.protocol.json
        if FeatureRegistry.readerFeatures(snapshot.protocol).contains(TableFeature.deletionVectors.name) {
            let vectors = snapshot.files.deletionVectors
            members["numDeletedRecordsOpt"] = .integer(vectors.rows)
            members["numDeletionVectorsOpt"] = .integer(vectors.count)
        }
        return JSON.encodeBytes(.object(members))
    }
}
