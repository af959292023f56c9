import Base
import ObjectStore

/// Holds the table against its storage, and takes files that are gone out of the log, so that what is left can be read (FSCK of other engines).
///
/// The rows of those files are lost; bringing the files back from a copy is better, and ``RestoreOperation`` to a version that is whole may be. Objects that
/// nobody knows are counted and left to VACUUM, which goes by their age.
public struct RepairOperation: Sendable {
    public let table: DeltaTable
    public let options: RepairOptions

    public init(table: DeltaTable, options: RepairOptions = RepairOptions()) {
        self.table = table
        self.options = options
    }

    /// Throws ``DeltaError/invalidRequest(reason:)`` where more than half of the files are gone, unless that is allowed. On an error nothing has been
    /// committed, but for ``DeltaError/commitOutcomeUnknown(version:reason:)``.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> RepairResult {
        try await ConflictRetry.run(table.environment, maximumTries: options.maximumTries, doing: "FSCK") { tries in
            var result = try await DeltaError.wrapping { try await runOnce(progress) }
            result.tries = tries
            return result
        }
    }

    private func runOnce(_ progress: @escaping ProgressReporter) async throws -> RepairResult {
        progress(OperationProgress(phase: .planning))
        let snapshot = try await table.snapshot()
        try snapshot.require(.delete)
        var result = RepairResult(version: nil, alreadyApplied: false, tries: 1, metrics: RepairMetrics(), missing: [], lostVectors: [], unknown: [])
        if let done = try options.conditions.versionApplied(in: snapshot) {
            result.version = done
            result.alreadyApplied = true
            return result
        }
        let missing = try await FileSearch(table).missing(snapshot.files.indices, in: snapshot.files, progress: progress)
        describe(missing, snapshot, &result)
        try await lookForUnknown(snapshot, &result, progress)
        FaultPoint.hit("repair.planned")
        let changes = changes(for: missing, snapshot)
        result.metrics.numRemovedFiles = Int64(changes.removed.count)
        result.metrics.numFilesWithRestoredRows = Int64(changes.restored.count)
        if options.dryRun || changes.isEmpty { return result }
        guard options.allowManyMissing || missing.data.count * 2 <= snapshot.numFiles else {
            throw DeltaError.invalidRequest(
                reason:
                    "\(missing.data.count) of the \(snapshot.numFiles) files of \(table.location) are not in its storage; make sure that it is the right storage "
                    + "and all of it is there, and if those files are gone for good, say so (--allow-many-missing)")
        }
        progress(OperationProgress(phase: .committing))
        switch try await transaction(changes, snapshot, result.metrics).commit() {
        case let .committed(commit):
            FaultPoint.hit("repair.committed")
            result.version = commit.version
            result.verification.table = commit.verified
        case .alreadyApplied: result.alreadyApplied = true
        }
        return result
    }

    // MARK: What is wrong

    private func describe(_ missing: MissingFiles, _ snapshot: Snapshot, _ result: inout RepairResult) {
        let files = snapshot.files
        result.metrics.numFilesChecked = Int64(files.count)
        result.metrics.numMissingFiles = Int64(missing.data.count)
        result.metrics.missingFilesSize = missing.data.reduce(0) { $0.saturatingAdding(files[$1].size) }
        result.metrics.numLostDeletionVectors = Int64(missing.vectors.count)
        result.missing = missing.data.prefix(RepairResult.longestSample).map { files[$0].path.decoded }
        result.lostVectors = missing.vectors.prefix(RepairResult.longestSample).map { files[$0].path.decoded }
    }

    private func lookForUnknown(_ snapshot: Snapshot, _ result: inout RepairResult, _ progress: ProgressReporter) async throws {
        let ever = Duration.seconds(100 * 365 * 86_400)
        let now = table.environment.clock.now()
        let rules = VacuumRules(
            names: VacuumNames(partitionColumns: snapshot.metadata.partitionColumns),
            live: try LivePaths(snapshot, files: table.files, now: now, retention: ever), cutoff: now + ever, capacity: RepairResult.longestSample)
        let findings = try await VacuumListing(store: table.store, rules: rules).run(progress: progress)
        result.metrics.numUnknownFiles = findings.count
        result.metrics.unknownFilesSize = findings.sizeInBytes
        result.unknown = findings.candidates.map(\.string)
    }

    // MARK: What to do about it

    private struct Changes {
        /// Positions of files that leave the table.
        var removed: [Int]
        /// Of those that stay without their vector.
        var restored: [Int] = []

        var isEmpty: Bool { removed.isEmpty && restored.isEmpty }
    }

    private func changes(for missing: MissingFiles, _ snapshot: Snapshot) -> Changes {
        switch options.lostVectors {
        case .keep: Changes(removed: missing.data)
        case .removeFile: Changes(removed: missing.all)
        case .restoreRows: Changes(removed: missing.data, restored: missing.vectors)
        }
    }

    private func transaction(_ changes: Changes, _ snapshot: Snapshot, _ metrics: RepairMetrics) -> Transaction {
        let now = table.environment.clock.now()
        let numbers = [("numRemovedFiles", metrics.numRemovedFiles), ("numFilesWithRestoredRows", metrics.numFilesWithRestoredRows)]
        let operation = OperationInfo(
            "FSCK", parameters: ["lostDeletionVectors": .string(options.lostVectors.rawValue)],
            metrics: JSONObject(numbers.map { (key: $0.0, value: .string(String($0.1))) }), uid: options.conditions.operationUID)
        // What others add has nothing to do with files that are gone; who removes or rewrites one of these conflicts.
        var transaction = Transaction(table: table, readSnapshot: snapshot, operation: operation, access: .delete)
        for position in changes.removed { transaction.remove(snapshot.files[position].remove(at: now, dataChange: true)) }
        for position in changes.restored {
            let file = snapshot.files[position]
            transaction.remove(file.remove(at: now, dataChange: true))
            var add = file.add
            add.deletionVector = nil
            add.dataChange = true
            transaction.add(add)
        }
        options.conditions.apply(to: &transaction)
        FaultPoint.hit("repair.beforeCommit")
        return transaction
    }
}
