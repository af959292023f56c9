import DeltaEngine

/// Writes the newest version's checkpoint.
public struct CheckpointWork: TaskWork {
    public static let name = "checkpoint"

    public init() {}

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = CheckpointOptions(dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await CheckpointOperation(table: run.table, options: options).run(progress: run.progress)
        let there = "version \(result.version) has a checkpoint already"
        let message = result.written ? "\(run.task.dryRun ? "would write" : "wrote") the checkpoint of version \(result.version)" : there
        return TaskResult(outcome: .succeeded, message: message, metrics: run.task.dryRun ? [:] : result.counters)
    }
}
