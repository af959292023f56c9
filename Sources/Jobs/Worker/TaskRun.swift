import Base
import DeltaEngine
import ObjectStore

/// One task at work: where its work goes on, and what all kinds of work have in common.
public struct TaskRun: Sendable {
    let task: WorkerTask
    let location: TableLocation
    /// Of the location's directory.
    let store: any ObjectStore
    let environment: EngineEnvironment
    let progress: ProgressReporter
    /// Opens another place with what opens the table's.
    let open: @Sendable (TableLocation) throws -> any ObjectStore

    var table: DeltaTable { DeltaTable(store: store, environment: environment) }

    var conditions: CommitConditions {
        CommitConditions(
            operationUID: task.operation.uid, idempotency: task.transaction.map { .init(appId: $0.appId, version: $0.version) },
            expectedVersion: task.expectedVersion, verifiesRows: task.verifiesRows)
    }

    /// An earlier pod of this run committed and died before it could say so; its commit has what it would have said.
    ///
    /// - Parameters:
    ///   - other: the table that it commits to, where that is not the task's.
    ///   - provenance: numbers of the commit's provenance that count among the metrics.
    func alreadyApplied(in other: DeltaTable? = nil, also provenance: [String] = []) async throws -> TaskResult {
        let records = try await (other ?? table).history(limit: 200)
        guard let record = records.first(where: { $0.commitInfo?.levee?["operationUid"]?.stringValue == task.operation.uid }) else {
            return TaskResult(outcome: .succeeded, message: "nothing was done: the table has this run, or a later one of its appId, already")
        }
        var metrics: [String: Int64] = [:]
        for (name, value) in record.commitInfo?.operationMetrics ?? JSONObject() { metrics[name] = value.intValue ?? value.stringValue.flatMap { Int64($0) } }
        for name in provenance { metrics[name] = record.commitInfo?.levee?[name]?.intValue }
        return TaskResult(
            outcome: .succeeded, message: "an earlier try had committed version \(record.version)", version: record.version, metrics: metrics)
    }
}
