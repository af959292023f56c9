import DeltaEngine

/// Writes the manifest for engines that read a table by lists of its files.
public struct GenerateManifestWork: TaskWork {
    public static let name = "generateManifest"

    public init() {}

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = GenerateManifestOptions(dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await GenerateManifestOperation(table: run.table, options: options).run(progress: run.progress)
        let metrics = result.metrics
        let written = "\(metrics.numManifestsWritten) manifests of \(metrics.numFiles) files for version \(result.version)"
        let message = run.task.dryRun ? "would write \(written)" : "wrote \(written), removed \(metrics.numManifestsRemoved)"
        return TaskResult(outcome: .succeeded, message: message, metrics: metrics.counters)
    }
}
