import Base
import ObjectStore

/// Puts the table back to what it was at a version (Delta's RESTORE): by a new commit, so that the versions between stay in its history and can be restored
/// in their turn. No data file is read or written.
public struct RestoreOperation: Sendable {
    public let table: DeltaTable
    public let options: RestoreOptions

    public init(table: DeltaTable, options: RestoreOptions) {
        self.table = table
        self.options = options
    }

    /// Throws ``DeltaError/missingDataFiles(version:paths:count:)`` where files of the older version are gone, unless that is allowed. On an error nothing
    /// has been committed, but for ``DeltaError/commitOutcomeUnknown(version:reason:)``.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> RestoreResult {
        // A time means a version once and for all: commits of tries that follow must not move it.
        let version =
            switch options.target {
            case let .version(version): version
            case let .timestamp(time): try await table.version(at: time)
            }
        return try await ConflictRetry.run(table.environment, maximumTries: options.maximumTries, doing: "RESTORE") { tries in
            var result = try await DeltaError.wrapping { try await runOnce(to: version, progress) }
            result.tries = tries
            return result
        }
    }

    private func runOnce(to version: Int64, _ progress: @escaping ProgressReporter) async throws -> RestoreResult {
        progress(OperationProgress(phase: .planning))
        let current = try await table.snapshot()
        try current.require(.restore)
        var result = RestoreResult(version: nil, restoredVersion: version, alreadyApplied: false, tries: 1, metrics: RestoreMetrics())
        if let done = try options.conditions.versionApplied(in: current) {
            result.version = done
            result.alreadyApplied = true
            return result
        }
        let older = try await table.snapshot(version: version)
        try older.require(.restore)
        let plan = try RestorePlan(from: current, to: older)
        FaultPoint.hit("restore.planned")
        let missing = try await missingFiles(plan, older, progress)
        result.metrics = metrics(plan, current, older, missing)
        if options.dryRun || plan.isEmpty { return result }

        progress(OperationProgress(phase: .committing))
        switch try await transaction(plan, current, older, missing, result.metrics).commit() {
        case let .committed(commit):
            FaultPoint.hit("restore.committed")
            result.version = commit.version
            result.verification.table = commit.verified
        case .alreadyApplied:
            result.alreadyApplied = true
            result.metrics = RestoreMetrics()
        }
        return result
    }

    private func missingFiles(_ plan: RestorePlan, _ older: Snapshot, _ progress: @escaping ProgressReporter) async throws -> Set<Int> {
        let missing = try await FileSearch(table).missing(plan.restored, in: older.files, progress: progress).all
        guard missing.isEmpty || options.allowMissing else {
            throw DeltaError.missingDataFiles(
                version: older.version, paths: missing.prefix(20).map { older.files[$0].path.decoded }, count: missing.count)
        }
        return Set(missing)
    }

    private func metrics(_ plan: RestorePlan, _ current: Snapshot, _ older: Snapshot, _ missing: Set<Int>) -> RestoreMetrics {
        var metrics = RestoreMetrics()
        metrics.numMissingFiles = Int64(missing.count)
        for position in plan.restored where !missing.contains(position) {
            metrics.numRestoredFiles += 1
            metrics.restoredFilesSize = metrics.restoredFilesSize.saturatingAdding(older.files[position].size)
        }
        for position in plan.removed {
            metrics.numRemovedFiles += 1
            metrics.removedFilesSize = metrics.removedFilesSize.saturatingAdding(current.files[position].size)
        }
        metrics.numOfFilesAfterRestore = Int64(current.numFiles) - metrics.numRemovedFiles + metrics.numRestoredFiles
        metrics.tableSizeAfterRestore = current.sizeInBytes.saturatingAdding(metrics.restoredFilesSize - metrics.removedFilesSize)
        return metrics
    }

    private func transaction(
        _ plan: RestorePlan, _ current: Snapshot, _ older: Snapshot, _ missing: Set<Int>, _ metrics: RestoreMetrics
    ) -> Transaction {
        let now = table.environment.clock.now()
        var parameters: JSONObject = ["version": .null, "timestamp": .null]
        switch options.target {
        case let .version(version): parameters["version"] = .string(String(version))
        case let .timestamp(time): parameters["timestamp"] = .string(time.rfc3339Milliseconds)
        }
        let operation = OperationInfo(
            "RESTORE", parameters: parameters, metrics: JSONObject(metrics.commitMetrics.map { (key: $0.0, value: .string(String($0.1))) }),
            uid: options.conditions.operationUID, provenance: ["restoredVersion": .integer(older.version)])
        // The rows that another writer adds meanwhile are none of the older version's either.
        var transaction = Transaction(table: table, readSnapshot: current, operation: operation, reads: .wholeTable, access: .restore)
        transaction.isolationLevel = .serializable
        if let action = plan.protocol { transaction.actions.append(.protocol(action)) }
        if let metadata = plan.metadata { transaction.actions.append(.metadata(metadata)) }
        transaction.actions += plan.domains.map(Action.domainMetadata)
        for position in plan.removed { transaction.remove(current.files[position].remove(at: now, dataChange: true)) }
        for position in plan.restored where !missing.contains(position) {
            var add = older.files[position].add
            add.dataChange = true
            if !plan.keepsRowIds {
                add.baseRowId = nil
                add.defaultRowCommitVersion = nil
            }
            transaction.add(add)
        }
        transaction.looksUpFiles = true
        options.conditions.apply(to: &transaction)
        FaultPoint.hit("restore.beforeCommit")
        return transaction
    }
}
