import Base
import KubeClient

/// What a policy's status says about its tables and operations. Pure.
struct PolicySummary {
    let policy: ResolvedPolicy
    let tables: [DeltaTable]
    /// The policy's, running and finished.
    let operations: [TableOperation]
    let now: Timestamp

    private typealias TaskState = DeltaTableStatus.Maintenance.TaskState

    private static let longestPlan = 50

    func status(_ previous: MaintenancePolicyStatus?) -> MaintenancePolicyStatus {
        var status = previous ?? MaintenancePolicyStatus()
        let states = tables.map { table in (table: table, tasks: tasks(of: table)) }
        let due = states.filter { $0.tasks.contains { $0.state.decision.action != .skipped } }
        let waiting = states.filter { $0.tasks.contains { $0.state.decision.action == .wait } }
        status.tables = .init(
            matched: Int32(clamping: tables.count), due: Int32(clamping: due.count), waiting: Int32(clamping: waiting.count),
            skipped: Int32(clamping: tables.count - due.count))
        status.running = Int32(clamping: operations.count { $0.isRunning })
        status.pending = Int32(clamping: operations.count { !$0.isRunning && !$0.isFinished })
        let planned = states.flatMap { table, tasks in
            tasks.filter { $0.state.decision.action == .planned }.map {
                MaintenancePolicyStatus.PlannedRun(table: table.metadata.name, task: $0.task, message: $0.state.decision.message)
            }
        }
        let shown = planned.sorted { ($0.table, $0.task.rawValue) < ($1.table, $1.task.rawValue) }.prefix(Self.longestPlan)
        status.planned = shown.isEmpty ? nil : Array(shown)
        status.lastRunTime = [previous?.lastRunTime, operations.compactMap { $0.status?.startTime }.max()].compactMap { $0 }.max()
        status.nextTime = MaintenanceTask.allCases.compactMap { policy.schedule(of: $0)?.next(after: now) }.min()
        status.budget = policy.rewriteBytesPerDay.map { _ in
            let day = BudgetDay(at: now, in: policy.timeZone)
            return .init(day: "\(day.date)", rewrittenBytes: operations.reduce(0) { $0 + $1.rewrittenBytes(since: day.start) })
        }
        status.totals = totals
        return status
    }

    private func tasks(of table: DeltaTable) -> [(task: MaintenanceTask, state: TaskState)] {
        MaintenanceTask.allCases.compactMap { task in
            guard let state = table.status?.maintenance?[task], state.policy == policy.name else { return nil }
            return (task, state)
        }
    }

    private var totals: MaintenancePolicyStatus.Totals {
        let succeeded = operations.filter { $0.phase == .succeeded && !$0.spec.dryRun }
        func sum(_ task: MaintenanceTask, _ metric: String) -> Int64 {
            succeeded.reduce(0) { $0 + ($1.task == task ? $1.status?.result?.metrics?[metric] ?? 0 : 0) }
        }
        return .init(
            operations: Int64(succeeded.count), bytesRewritten: sum(.optimize, "numBytesRemoved"), filesRemoved: sum(.optimize, "numFilesRemoved"),
            bytesReclaimed: sum(.vacuum, "sizeOfDataToDelete"))
    }
}
