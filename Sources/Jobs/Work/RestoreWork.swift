import Base
import DeltaEngine

/// Puts the table back to a version or a time; exactly one of them.
public struct RestoreWork: TaskWork {
    public static let name = "restore"

    public var version: Int64?
    public var timestamp: Timestamp?
    public var allowMissing: Bool

    public init(version: Int64? = nil, timestamp: Timestamp? = nil, allowMissing: Bool = false) {
        self.version = version
        self.timestamp = timestamp
        self.allowMissing = allowMissing
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let target: RestoreOptions.Target
        switch (version, timestamp) {
        case let (version?, nil): target = .version(version)
        case let (nil, time?): target = .timestamp(time)
        default: throw WorkerError.badTask(reason: "restore must have either a version or a timestamp")
        }
        let options = RestoreOptions(target: target, allowMissing: allowMissing, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await RestoreOperation(table: run.table, options: options).run(progress: run.progress)
        if result.alreadyApplied { return try await run.alreadyApplied() }
        let metrics = result.metrics
        let counts =
            "version \(result.restoredVersion): \(metrics.numRestoredFiles) files (\(metrics.restoredFilesSize.formattedBytes)) come back, "
            + "\(metrics.numRemovedFiles) (\(metrics.removedFilesSize.formattedBytes)) go"
            + (metrics.numMissingFiles > 0 ? ", \(metrics.numMissingFiles) are gone for good" : "")
        let message =
            run.task.dryRun
            ? "would restore \(counts)" : result.version == nil ? "nothing to do: the table is as version \(result.restoredVersion) was" : "restored \(counts)"
        return TaskResult(outcome: .succeeded, message: message, version: result.version, metrics: metrics.counters, verification: result.verification)
    }
}
