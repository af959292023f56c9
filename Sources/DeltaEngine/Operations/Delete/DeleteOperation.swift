import Base
import ObjectStore

/// Takes rows out of the table (Delta's DELETE). Files that lose all of theirs go; of the others the rows are marked by deletion vectors where the table
/// has these on, and what stays is written into new files where it has not.
public struct DeleteOperation: Sendable {
    public let table: DeltaTable
    public let options: DeleteOptions

    public init(table: DeltaTable, options: DeleteOptions = DeleteOptions()) {
        self.table = table
        self.options = options
    }

    /// On an error nothing has been committed, and what had been written is removed, but where it is not known whether the commit is in the log
    /// (``DeltaError/commitOutcomeUnknown(version:reason:)``). A conflict with another writer is an error after ``DeleteOptions/maximumTries``.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> DeleteResult {
        // Which rows go is for the table to say that is there then: what was found before counts no more.
        try await ConflictRetry.run(table.environment, maximumTries: options.maximumTries, doing: "DELETE") { tries in
            var result = try await runOnce(progress)
            result.tries = tries
            return result
        }
    }

    private func runOnce(_ progress: @escaping ProgressReporter) async throws -> DeleteResult {
        let started = table.environment.clock.now()
        progress(OperationProgress(phase: .planning))
        let snapshot = try await table.snapshot()
        try snapshot.require(.delete)
        if let version = try options.conditions.versionApplied(in: snapshot) {
            return DeleteResult(version: version, alreadyApplied: true, tries: 1, metrics: DeleteMetrics())
        }
        let plan = try DeletePlan(snapshot, condition: options.condition, now: started)
        FaultPoint.hit("delete.planned")
        let staged = StagedFiles(store: table.store, logger: table.environment.logger)
        do {
            return try await DeltaError.wrapping {
                let deletion = try Deletion(
                    table: table, snapshot: snapshot, plan: plan, options: options, started: started, staged: staged, progress: progress)
                return try await deletion.run()
            }
        } catch {
            if !StagedFiles.mayBeCommitted(after: error) { await staged.discard() }
            throw error
        }
    }
}
