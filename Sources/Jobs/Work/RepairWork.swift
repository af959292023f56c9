import DeltaEngine

/// Takes files out of the table that are gone from the store.
public struct RepairWork: TaskWork {
    public static let name = "repair"

    /// `keep`, `remove-file` or `restore-rows`.
    public var lostVectors: String
    public var allowManyMissing: Bool

    public init(lostVectors: String = "keep", allowManyMissing: Bool = false) {
        self.lostVectors = lostVectors
        self.allowManyMissing = allowManyMissing
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        guard let lostVectors = RepairOptions.LostVectors(rawValue: lostVectors) else {
            throw WorkerError.badTask(reason: "repair.lostVectors is \(self.lostVectors); it must be keep, remove-file or restore-rows")
        }
        let options = RepairOptions(
            lostVectors: lostVectors, allowManyMissing: allowManyMissing, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await RepairOperation(table: run.table, options: options).run(progress: run.progress)
        if result.alreadyApplied { return try await run.alreadyApplied() }
        let metrics = result.metrics
        let found = "\(metrics.numMissingFiles) of \(metrics.numFilesChecked) files are gone, \(metrics.numLostDeletionVectors) have lost their deletion vector"
        let changed = metrics.numRemovedFiles + metrics.numFilesWithRestoredRows
        let message =
            changed == 0 ? found : "\(found); \(run.task.dryRun ? "would take" : "took") \(metrics.numRemovedFiles) out of the table"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters, verification: result.verification)
    }
}
