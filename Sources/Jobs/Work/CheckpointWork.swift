import DeltaEngine

/// Writes the newest version's checkpoint.
public struct CheckpointWork: TaskWork {
    public static let name = "checkpoint"

    public init() {}

    public func run(_ run: TaskRun) async throws -> TaskResult {
        if run.task.expectedVersion != nil || run.task.dryRun {
            let snapshot = try await run.table.snapshot()
            if let expected = run.task.expectedVersion, expected != snapshot.version {
                throw DeltaError.versionMismatch(expected: expected, actual: snapshot.version)
            }
            if run.task.dryRun { return TaskResult(outcome: .succeeded, message: "would write the checkpoint of version \(snapshot.version)") }
        }
        let result = try await CheckpointOperation(table: run.table).run()
        return TaskResult(
            outcome: .succeeded,
            message: result.written ? "wrote the checkpoint of version \(result.version)" : "version \(result.version) has a checkpoint already",
            metrics: ["checkpointVersion": result.version])
    }
}
