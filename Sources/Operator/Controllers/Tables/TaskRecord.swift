import Base
import KubeClient

/// What became of one task on one table: what the status remembers, and the operations that have ended since.
struct TaskRecord {
    private let task: MaintenanceTask
    private let previous: DeltaTableStatus.Maintenance.TaskState?
    private let lastRun: DeltaTableStatus.Maintenance.TaskState.LastRun?
    private let lastSuccessStarted: Timestamp?
    /// The highest number of a policy's run so far.
    let runs: Int64

    /// - Parameter operations: of the table, all that there are.
    init(_ task: MaintenanceTask, operations: [TableOperation], previous: DeltaTableStatus.Maintenance.TaskState?) {
        self.task = task
        self.previous = previous
        let mine = operations.filter { $0.task == task }
        let seen = previous?.lastRun?.completionTime ?? Timestamp(microseconds: .min)
        let ended = mine.filter { $0.isFinished && ($0.status?.completionTime ?? .epoch) >= seen && $0.metadata.name != previous?.lastRun?.operation }
            .sorted { ($0.status?.completionTime ?? .epoch) < ($1.status?.completionTime ?? .epoch) }
        lastRun = ended.reduce(previous?.lastRun) { .init($1, after: $0) }
        lastSuccessStarted = ended.last { $0.phase == .succeeded && !$0.spec.dryRun }?.status?.startTime ?? previous?.lastSuccessTime
        runs = max(mine.compactMap(\.run).max() ?? 0, previous?.runs ?? 0)
    }

    func history(of table: DeltaTable, _ policy: ResolvedPolicy) -> TaskHistory {
        TaskHistory(
            lastConsidered: previous?.lastConsideredTime, owedSince: max(table.metadata.creationTimestamp ?? .epoch, policy.created),
            lastCompleted: lastRun?.completionTime, lastSuccessStarted: lastSuccessStarted, failures: Int(lastRun?.failures ?? 0),
            unsortableFiles: lastRun?.unsortableFiles ?? 0, unsortableBytes: lastRun?.unsortableBytes ?? 0)
    }

    /// What the status shows.
    /// - Parameters:
    ///   - due: the scheduled time that the decision was for.
    ///   - run: the number of the run that the decision makes.
    ///   - isRunning: whether the task's own operation has the table.
    func status(policy: ResolvedPolicy, _ decision: Decision, due: Timestamp?, run: Int64?, isRunning: Bool, now: Timestamp)
        -> DeltaTableStatus.Maintenance.TaskState
    {
        var shown = DeltaTableStatus.Maintenance.TaskState.Decision(decision)
        if let before = previous?.decision, previous?.policy == policy.name {
            // Between two scheduled times, and while it runs, what was decided last is what there is to know.
            let keeps = decision.reason == .notScheduled && before.action != .wait || isRunning && before.action == .run && decision.reason == .operationRunning
            if keeps { shown = before }
            shown.time = (before.action, before.reason, before.message) == (shown.action, shown.reason, shown.message) ? before.time : now.wholeSeconds
        } else {
            shown.time = now.wholeSeconds
        }
        var state = DeltaTableStatus.Maintenance.TaskState(policy: policy.name, decision: shown)
        // A time that was waited at is owed still.
        state.lastConsideredTime = decision.verdict == .wait ? previous?.lastConsideredTime : due ?? previous?.lastConsideredTime
        state.nextTime = policy.schedule(of: task)?.next(after: now)
        state.runs = run ?? (runs > 0 ? runs : nil)
        state.lastRun = lastRun
        state.lastSuccessTime = lastSuccessStarted
        return state
    }
}

extension DeltaTableStatus.Maintenance.TaskState.Decision {
    init(_ decision: Operator.Decision) {
        let action: Action =
            switch decision.verdict {
            case .run: .run
            case .plan: .planned
            case .wait: .wait
            case .skip: .skipped
            }
        self.init(action: action, reason: decision.reason.rawValue, message: decision.message)
    }
}

extension DeltaTableStatus.Maintenance.TaskState.LastRun {
    /// - Parameter before: the last run before this one.
    init(_ operation: TableOperation, after before: Self?) {
        let phase: Phase =
            switch operation.phase {
            case .succeeded: .succeeded
            case .cancelled: .cancelled
            default: .failed
            }
        self.init(operation: operation.metadata.name, phase: phase)
        startTime = operation.status?.startTime
        completionTime = operation.status?.completionTime
        version = operation.status?.result?.version
        message = operation.status?.message
        if phase == .failed { failures = (before?.failures ?? 0) + 1 }
        let metrics = operation.status?.result?.metrics
        if let files = metrics?["numFilesUnsortable"], files > 0 {
            unsortableFiles = files
            unsortableBytes = metrics?["numBytesUnsortable"]
        }
    }
}
