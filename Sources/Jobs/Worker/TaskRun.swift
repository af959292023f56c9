import Base
import DeltaEngine

/// One task on its table, by the engine's operation for it, and its result in the words of the status.
struct TaskRun: Sendable {
    let task: WorkerTask
    let table: DeltaTable

    func run(progress: @escaping ProgressReporter) async throws -> TaskResult {
        switch task.work {
        case let .optimize(work): try await optimize(work, progress)
        case let .vacuum(work): try await vacuum(work, progress)
        case .checkpoint: try await checkpoint()
        case let .delete(work): try await delete(work, progress)
        case let .restore(work): try await restore(work, progress)
        case let .reorg(work): try await reorg(work, progress)
        case let .repair(work): try await repair(work, progress)
        case .probe: throw WorkerError.badTask(reason: "a probe has no table")
        }
    }

    private var conditions: CommitConditions {
        CommitConditions(
            operationUID: task.operation.uid, idempotency: task.transaction.map { .init(appId: $0.appId, version: $0.version) },
            expectedVersion: task.expectedVersion)
    }

    private func optimize(_ work: WorkerTask.Optimize, _ progress: @escaping ProgressReporter) async throws -> TaskResult {
        let options = OptimizeOptions(
            targetFileSize: work.targetFileSize, condition: work.condition, maximumBytes: work.maximumBytes, dryRun: task.dryRun, conditions: conditions)
        return try await rewrite(
            options, nothing: "nothing to merge: none of the", "files is small enough to gain by it", verb: "merge", past: "merged", progress)
    }

    private func reorg(_ work: WorkerTask.Reorg, _ progress: @escaping ProgressReporter) async throws -> TaskResult {
        let options = OptimizeOptions(
            selection: .deletionVectors, condition: work.condition, maximumBytes: work.maximumBytes, dryRun: task.dryRun, conditions: conditions)
        return try await rewrite(options, nothing: "nothing to rewrite: none of the", "files has a deletion vector", verb: "rewrite", past: "rewrote", progress)
    }

    private func rewrite(
        _ options: OptimizeOptions, nothing: String, _ why: String, verb: String, past: String, _ progress: @escaping ProgressReporter
    ) async throws -> TaskResult {
        let result = try await OptimizeOperation(table: table, options: options).run(progress: progress)
        if result.alreadyApplied { return try await alreadyApplied() }
        let metrics = result.metrics
        let counts =
            "\(metrics.numFilesRemoved) files (\(metrics.filesRemoved.totalSize.formattedBytes)) into \(metrics.numFilesAdded) "
            + "(\(metrics.filesAdded.totalSize.formattedBytes))"
        let message =
            metrics.numFilesRemoved == 0
            ? "\(nothing) \(metrics.totalConsideredFiles) \(why)" : task.dryRun ? "would \(verb) \(counts)" : "\(past) \(counts)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters)
    }

    private func vacuum(_ work: WorkerTask.Vacuum, _ progress: @escaping ProgressReporter) async throws -> TaskResult {
        let options = VacuumOptions(
            retention: work.retentionSeconds.map { .seconds($0) }, allowShortRetention: work.allowShortRetention,
            source: work.lite ? .log : .listing, maximumDeletesPerSecond: work.maximumDeletesPerSecond, dryRun: task.dryRun, conditions: conditions)
        let result = try await VacuumOperation(table: table, options: options).run(progress: progress)
        if result.alreadyApplied { return try await alreadyApplied() }
        let metrics = result.metrics
        let counts = "\(metrics.numFilesToDelete) of \(metrics.numFilesListed) files (\(metrics.sizeOfDataToDelete.formattedBytes))"
        let message =
            metrics.numFilesToDelete == 0
            ? "nothing to remove: all \(metrics.numFilesListed) files are needed, or younger than \(result.retention.formatted)"
            : task.dryRun ? "would remove \(counts)" : "removed \(counts)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters)
    }

    private func delete(_ work: WorkerTask.Delete, _ progress: @escaping ProgressReporter) async throws -> TaskResult {
        let options = DeleteOptions(condition: work.condition, dryRun: task.dryRun, conditions: conditions)
        let result = try await DeleteOperation(table: table, options: options).run(progress: progress)
        if result.alreadyApplied { return try await alreadyApplied() }
        let metrics = result.metrics
        let rows = metrics.numDeletedRows.map { "\($0) rows" } ?? "all rows of \(metrics.numRemovedFiles) files"
        let message =
            metrics.numDeletedRows == 0 ? "nothing to delete: the condition holds of no row" : task.dryRun ? "would delete \(rows)" : "deleted \(rows)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters)
    }

    private func restore(_ work: WorkerTask.Restore, _ progress: @escaping ProgressReporter) async throws -> TaskResult {
        let target: RestoreOptions.Target
        switch (work.version, work.timestamp) {
        case let (version?, nil): target = .version(version)
        case let (nil, time?): target = .timestamp(time)
        default: throw WorkerError.badTask(reason: "restore must have either a version or a timestamp")
        }
        let options = RestoreOptions(target: target, allowMissing: work.allowMissing, dryRun: task.dryRun, conditions: conditions)
        let result = try await RestoreOperation(table: table, options: options).run(progress: progress)
        if result.alreadyApplied { return try await alreadyApplied() }
        let metrics = result.metrics
        let counts =
            "version \(result.restoredVersion): \(metrics.numRestoredFiles) files (\(metrics.restoredFilesSize.formattedBytes)) come back, "
            + "\(metrics.numRemovedFiles) (\(metrics.removedFilesSize.formattedBytes)) go"
            + (metrics.numMissingFiles > 0 ? ", \(metrics.numMissingFiles) are gone for good" : "")
        let message =
            task.dryRun
            ? "would restore \(counts)" : result.version == nil ? "nothing to do: the table is as version \(result.restoredVersion) was" : "restored \(counts)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters)
    }

    private func repair(_ work: WorkerTask.Repair, _ progress: @escaping ProgressReporter) async throws -> TaskResult {
        guard let lostVectors = RepairOptions.LostVectors(rawValue: work.lostVectors) else {
            throw WorkerError.badTask(reason: "repair.lostVectors is \(work.lostVectors); it must be keep, remove-file or restore-rows")
        }
        let options = RepairOptions(
            lostVectors: lostVectors, allowManyMissing: work.allowManyMissing, dryRun: task.dryRun, conditions: conditions)
        let result = try await RepairOperation(table: table, options: options).run(progress: progress)
        if result.alreadyApplied { return try await alreadyApplied() }
        let metrics = result.metrics
        let found = "\(metrics.numMissingFiles) of \(metrics.numFilesChecked) files are gone, \(metrics.numLostDeletionVectors) have lost their deletion vector"
        let changed = metrics.numRemovedFiles + metrics.numFilesWithRestoredRows
        let message =
            changed == 0 ? found : "\(found); \(task.dryRun ? "would take" : "took") \(metrics.numRemovedFiles) out of the table"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters)
    }

    private func checkpoint() async throws -> TaskResult {
        if task.expectedVersion != nil || task.dryRun {
            let snapshot = try await table.snapshot()
            if let expected = task.expectedVersion, expected != snapshot.version {
                throw DeltaError.versionMismatch(expected: expected, actual: snapshot.version)
            }
            if task.dryRun { return TaskResult(outcome: .succeeded, message: "would write the checkpoint of version \(snapshot.version)") }
        }
        let result = try await CheckpointOperation(table: table).run()
        return TaskResult(
            outcome: .succeeded,
            message: result.written ? "wrote the checkpoint of version \(result.version)" : "version \(result.version) has a checkpoint already",
            metrics: ["checkpointVersion": result.version])
    }

    /// An earlier pod of this run committed and died before it could say so; its commit has what it would have said.
    private func alreadyApplied() async throws -> TaskResult {
        let records = try await table.history(limit: 200)
        guard let record = records.first(where: { $0.commitInfo?.levee?["operationUid"]?.stringValue == task.operation.uid }) else {
            return TaskResult(outcome: .succeeded, message: "nothing was done: the table has this run, or a later one of its appId, already")
        }
        var metrics: [String: Int64] = [:]
        for (name, value) in record.commitInfo?.operationMetrics ?? JSONObject() { metrics[name] = value.intValue ?? value.stringValue.flatMap { Int64($0) } }
        return TaskResult(
            outcome: .succeeded, message: "an earlier try had committed version \(record.version)", version: record.version, metrics: metrics)
    }
}
