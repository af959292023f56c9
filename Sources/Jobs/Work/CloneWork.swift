import Base
import DeltaEngine
import ObjectStore

/// Makes another place the same table as the task's, at a version or a time (at most one of them) or as it is now.
public struct CloneWork: TaskWork {
    public static let name = "clone"
    /// Which version of the source the target holds: among the result's metrics, and in the commit's provenance.
    public static let sourceVersionMetric = "sourceVersion"

    /// The target's directory as a URL, as the worker sees it; below the task's root.
    public var target: String
    /// `shallow` or `deep`.
    public var mode: String
    public var version: Int64?
    public var timestamp: Timestamp?
    public var replace: Bool

    public init(target: String, mode: String, version: Int64? = nil, timestamp: Timestamp? = nil, replace: Bool = false) {
        self.target = target
        self.mode = mode
        self.version = version
        self.timestamp = timestamp
        self.replace = replace
    }

    public func committed(_ run: TaskRun) throws -> DeltaTable {
        DeltaTable(store: try run.environment.outside.table(at: try TableLocation(target)), environment: run.environment)
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        guard let mode = CloneOptions.Mode(rawValue: mode) else { throw WorkerError.badTask(reason: "clone.mode \(mode) is neither shallow nor deep") }
        let source: CloneOptions.Version
        switch (version, timestamp) {
        case (nil, nil): source = .latest
        case let (version?, nil): source = .version(version)
        case let (nil, time?): source = .timestamp(time)
        default: throw WorkerError.badTask(reason: "clone must not have both a version and a timestamp")
        }
        let target = try committed(run)
        let options = CloneOptions(mode: mode, version: source, replace: replace, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await CloneOperation(source: run.table, target: target, options: options).run(progress: run.progress)
        if result.alreadyApplied { return try await run.alreadyApplied(in: target, also: [Self.sourceVersionMetric]) }
        let metrics = result.metrics
        let counts =
            "version \(result.sourceVersion) to \(target.location): \(metrics.sourceNumOfFiles) files (\(metrics.sourceTableSize.formattedBytes)), "
            + "\(metrics.numCopiedFiles) copied (\(metrics.copiedFilesSize.formattedBytes)), \(metrics.numRemovedFiles) gone"
        let message =
            run.task.dryRun
            ? "would clone \(counts)"
            : result.version == nil ? "nothing to do: \(target.location) is as version \(result.sourceVersion) is" : "cloned \(counts)"
        var counters = metrics.counters
        counters[Self.sourceVersionMetric] = result.sourceVersion
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: counters, verification: result.verification)
    }
}
