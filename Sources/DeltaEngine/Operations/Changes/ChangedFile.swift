import Base
import ObjectStore

/// A file of which a commit changed rows.
struct ChangedFile: Sendable {
    enum Kind: Sendable {
        /// Rows that say themselves what became of them (protocol, "Add CDC File").
        case changeData
        /// All rows that the vector leaves came.
        case inserted(DeletionVectorDescriptor?)
        /// All rows that the vector left went.
        case deleted(DeletionVectorDescriptor?)
        /// The file stayed with another vector: rows that it takes away now and did not before went.
        case nowDeleted(DeletionVectorDescriptor, before: DeletionVectorDescriptor?)
        /// The file stayed with another vector: rows that it took away and does not any more came back.
        case restored(DeletionVectorDescriptor, now: DeletionVectorDescriptor?)
    }

    let kind: Kind
    let path: DataPath
    /// nil where the log does not say.
    let sizeInBytes: Int64?
    /// nil where the log does not say.
    let partitionValues: PartitionValues?

    /// `_change_type` of all the rows; nil where each has its own.
    var changeType: String? {
        switch kind {
        case .changeData: nil
        case .inserted, .restored: "insert"
        case .deleted, .nowDeleted: "delete"
        }
    }

    /// The rows that were changed.
    func rows(_ files: TableFiles) async throws -> LiveRows {
        let reader = DeletionVectorReader(files: files)
        switch kind {
        case .changeData: return .all
        case let .inserted(vector), let .deleted(vector): return try await .without(vector, in: files)
        case let .nowDeleted(vector, other), let .restored(vector, other):
            async let rows = reader.read(vector)
            guard let other else { return .only(try await rows) }
            async let others = reader.read(other)
            return .only(try await rows.subtracting(others))
        }
    }
}

/// What a commit says of changed rows (protocol, "Reader Requirements for AddCDCFile").
struct CommitChanges: Sendable {
    let files: [ChangedFile]
    let commitInfo: CommitInfo?

    /// Throws ``DeltaError/corruptCommit(version:line:reason:)``.
    static func read(_ bytes: Bytes, version: Int64) throws -> CommitChanges {
        var changeData: [ChangedFile] = []
        var adds: [ChangedFile] = []
        var removes: [ChangedFile] = []
        var commitInfo: CommitInfo?
        try CommitReader.forEachAction(bytes, version: version) { action in
            switch action {
            case let .changeData(file):
                changeData.append(ChangedFile(kind: .changeData, path: file.path, sizeInBytes: file.size, partitionValues: file.partitionValues))
            case let .add(file) where file.dataChange:
                adds.append(
                    ChangedFile(kind: .inserted(file.deletionVector), path: file.path, sizeInBytes: file.size, partitionValues: file.partitionValues))
            case let .remove(file) where file.dataChange:
                removes.append(
                    ChangedFile(kind: .deleted(file.deletionVector), path: file.path, sizeInBytes: file.size, partitionValues: file.partitionValues))
            default: return
            }
        } info: { info in
            commitInfo = commitInfo ?? info
        }
        if !changeData.isEmpty { return CommitChanges(files: changeData, commitInfo: commitInfo) }
        if let commitInfo, changesNoRow(commitInfo) { return CommitChanges(files: [], commitInfo: commitInfo) }
        return CommitChanges(files: paired(adds, removes), commitInfo: commitInfo)
    }

    /// A file that is removed and added again stays, with another deletion vector: the difference of the two is what changed.
    private static func paired(_ adds: [ChangedFile], _ removes: [ChangedFile]) -> [ChangedFile] {
        let added = Dictionary(adds.map { ($0.path, $0) }) { first, _ in first }
        var stayed: Set<DataPath> = []
        var files: [ChangedFile] = []
        for remove in removes {
            guard let add = added[remove.path], case let .inserted(now) = add.kind, case let .deleted(before) = remove.kind else {
                files.append(remove)
                continue
            }
            stayed.insert(remove.path)
            if now == before { continue }
            func changed(_ kind: ChangedFile.Kind) -> ChangedFile {
                ChangedFile(kind: kind, path: add.path, sizeInBytes: add.sizeInBytes, partitionValues: add.partitionValues)
            }
            if let now { files.append(changed(.nowDeleted(now, before: before))) }
            if let before { files.append(changed(.restored(before, now: now))) }
        }
        return files + adds.filter { !stayed.contains($0.path) }
    }

    /// A MERGE that says that it changed nothing may have rewritten files all the same; Spark leaves their rows out too.
    private static func changesNoRow(_ info: CommitInfo) -> Bool {
        guard info.operation == "MERGE", let metrics = info.operationMetrics else { return false }
        return ["numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted"].allSatisfy { metrics[$0]?.stringValue == "0" }
    }
}
