import Base

/// What a run of commits amounts to, reduced to what tells two such states apart: for files a count and a sum of hashes, which the order does not change.
struct ReplayedState: Equatable {
    private struct Files: Equatable {
        var count = 0
        var low = 0
        var high = 0

        mutating func add(_ value: some Hashable) {
            var hashers = (Hasher(), Hasher())
            hashers.1.combine(1)
            value.hash(into: &hashers.0)
            value.hash(into: &hashers.1)
            count += 1
            low &+= hashers.0.finalize()
            high &+= hashers.1.finalize()
        }
    }

    private var files = Files()
    private var tombstones = Files()
    private let `protocol`: ProtocolAction?
    private let metadata: JSONObject?
    private let transactions: [String: SetTransaction]
    private let domains: [String: DomainMetadata]

    /// - Parameter batches: newest first, as a snapshot's replay has them.
    init(_ batches: [ReplayBatch]) {
        var reconciliation = Reconciliation(rows: batches.reduce(0) { $0 + $1.adds.count + $1.removes.count })
        for batch in batches { reconciliation.add(commits: batch) }
        `protocol` = reconciliation.protocol?.action
        metadata = reconciliation.metadata?.members
        transactions = reconciliation.transactions
        domains = reconciliation.domains
        let rows = FileRows(parts: reconciliation.files)
        var columns = Set(rows.parts.flatMap { $0.segment.partitions.map(\.column) })
        for file in FileTable(rows: rows, partitionKeys: columns.sorted()) { files.add(file.add) }
        let removed = FileRows(parts: reconciliation.tombstones)
        columns = Set(removed.parts.flatMap { $0.segment.partitions.map(\.column) })
        let keys = columns.sorted()
        for tombstone in TombstoneTable(rows: removed) { tombstones.add(tombstone.remove(partitionKeys: keys)) }
    }
}

extension TombstoneView {
    /// The action as far as the columns have it.
    fileprivate func remove(partitionKeys: [String]) -> RemoveFile {
        RemoveFile(
            path: path, deletionTimestamp: deletionTimestamp, dataChange: dataChange, extendedFileMetadata: extendedFileMetadata,
            partitionValues: PartitionValues(columns: partitionKeys, values: partitionKeys.map(partitionValue)), size: size,
            deletionVector: deletionVector, baseRowId: baseRowId, defaultRowCommitVersion: defaultRowCommitVersion)
    }
}
