import Base
import DeltaEngine

/// Writes compacted commits.
public struct CompactLogWork: TaskWork {
    public static let name = "compactLog"

    public var from: Int64?
    public var to: Int64?
    /// nil: the engine's default.
    public var commitsPerFile: Int64?

    public init(from: Int64? = nil, to: Int64? = nil, commitsPerFile: Int64? = nil) {
        self.from = from
        self.to = to
        self.commitsPerFile = commitsPerFile
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = CompactLogOptions(
            from: from, to: to, commitsPerFile: commitsPerFile ?? CompactLogOptions.defaultCommitsPerFile, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await CompactLogOperation(table: run.table, options: options).run(progress: run.progress)
        let metrics = result.metrics
        let commits = "\(metrics.numCommitsCompacted) commits (\(metrics.numBytesOfCommits.formattedBytes)) into \(result.ranges.count) files"
        let message = result.ranges.isEmpty ? "nothing to compact: no two commits wait for it" : "\(run.task.dryRun ? "would compact" : "compacted") \(commits)"
        return TaskResult(outcome: .succeeded, message: message, metrics: metrics.counters)
    }
}
