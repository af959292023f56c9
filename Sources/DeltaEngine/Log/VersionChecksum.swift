import Base
import ObjectStore

/// What a version's checksum file says of the table (protocol, "Version Checksum File Schema").
public struct VersionChecksum: Sendable, Hashable {
    public let numFiles: Int64
    public let tableSizeBytes: Int64
    public let inCommitTimestamp: Int64?
    let metadataID: String?
    let `protocol`: ProtocolAction?
    let numDeletedRecords: Int64?
    let numDeletionVectors: Int64?

    /// nil for text that is no checksum: one that cannot be read counts as missing.
    init?(_ bytes: Bytes) {
        guard let json = try? JSON.parse(bytes), let files = json["numFiles"]?.intValue, let size = json["tableSizeBytes"]?.intValue else { return nil }
        numFiles = files
        tableSizeBytes = size
        inCommitTimestamp = json["inCommitTimestampOpt"]?.intValue
        metadataID = json["metadata"]?["id"]?.stringValue
        `protocol` = json["protocol"]?.objectValue.flatMap { try? ActionDecoding.protocolAction($0) }
        numDeletedRecords = json["numDeletedRecordsOpt"]?.intValue
        numDeletionVectors = json["numDeletionVectorsOpt"]?.intValue
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
        if let metadataID, metadataID != snapshot.metadata.id { return "the table id \(snapshot.metadata.id) in place of \(metadataID)" }
        if let `protocol`, !`protocol`.isSame(as: snapshot.protocol) { return "another protocol" }
        let vectors = snapshot.files.deletionVectors
        if let numDeletionVectors, numDeletionVectors != vectors.count { return "\(vectors.count) deletion vectors in place of \(numDeletionVectors)" }
        if let numDeletedRecords, numDeletedRecords != vectors.rows { return "\(vectors.rows) deleted rows in place of \(numDeletedRecords)" }
        return nil
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
