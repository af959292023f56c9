import Base
import DeltaEngine
import ObjectStore

/// Removes files that no version within the retention needs.
public struct VacuumWork: TaskWork {
    public static let name = "vacuum"

    /// In seconds; nil: the table's own, or Delta's default of a week.
    public var retentionSeconds: Int64?
    public var allowShortRetention: Bool
    /// Go by the log, list nothing.
    public var lite: Bool
    /// Go by an inventory: the place of a Parquet file that the worker reaches as it does the table.
    public var inventory: String?
    public var maximumDeletesPerSecond: Int?
    /// Locations of shallow clones that the table does not know of, and of those that are not to be asked any more; nil for none.
    public var keepFor: [String]?
    public var forgetClones: [String]?

    public init(
        retentionSeconds: Int64? = nil, allowShortRetention: Bool = false, lite: Bool = false, inventory: String? = nil, maximumDeletesPerSecond: Int? = nil,
        keepFor: [String]? = nil, forgetClones: [String]? = nil
    ) {
        self.retentionSeconds = retentionSeconds
        self.allowShortRetention = allowShortRetention
        self.lite = lite
        self.inventory = inventory
        self.maximumDeletesPerSecond = maximumDeletesPerSecond
        self.keepFor = keepFor
        self.forgetClones = forgetClones
    }

    private func source(_ run: TaskRun) throws -> VacuumOptions.Source {
        guard let inventory else { return lite ? .log : .listing }
        if lite { throw WorkerError.badTask(reason: "vacuum must not have both lite and an inventory") }
        let place = try TableLocation(inventory)
        guard place.path != "/" else { throw WorkerError.badTask(reason: "vacuum.inventory is \(inventory), which is no file") }
        return .inventory(store: try run.open(place.parent), path: try ObjectPath(place.name))
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = VacuumOptions(
            retention: retentionSeconds.map { .seconds($0) }, allowShortRetention: allowShortRetention,
            source: try source(run), maximumDeletesPerSecond: maximumDeletesPerSecond, keepFor: keepFor ?? [],
            forgottenClones: forgetClones ?? [], dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await VacuumOperation(table: run.table, options: options).run(progress: run.progress)
        if result.alreadyApplied { return try await run.alreadyApplied() }
        let metrics = result.metrics
        let counts = "\(metrics.numFilesToDelete) of \(metrics.numFilesListed) files (\(metrics.sizeOfDataToDelete.formattedBytes))"
        let message =
            metrics.numFilesToDelete == 0
            ? "nothing to remove: all \(metrics.numFilesListed) files are needed, or younger than \(result.retention.formatted)"
            : run.task.dryRun ? "would remove \(counts)" : "removed \(counts)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters, verification: result.verification)
    }
}
