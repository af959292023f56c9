import Base
import DeltaEngine

/// Changes the table's properties.
public struct SetPropertiesWork: TaskWork {
    public static let name = "setProperties"

    public var set: [String: String]
    public var unset: [String]

    public init(set: [String: String] = [:], unset: [String] = []) {
        self.set = set
        self.unset = unset
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let options = SetPropertiesOptions(set: set, unset: unset, dryRun: run.task.dryRun, conditions: run.conditions)
        let result = try await SetPropertiesOperation(table: run.table, options: options).run()
        if result.alreadyApplied { return try await run.alreadyApplied() }
        let names = result.changed.joined(separator: ", ")
        let features = result.addedFeatures.isEmpty ? "" : "; the protocol gets \(result.addedFeatures.joined(separator: ", "))"
        let message =
            result.changed.isEmpty
            ? "nothing to do: the table has these properties" : "\(run.task.dryRun ? "would change" : "changed") \(names)\(features)"
        return TaskResult(
            outcome: .succeeded, message: message, version: result.version, metrics: ["numChangedProperties": Int64(result.changed.count)])
    }
}
