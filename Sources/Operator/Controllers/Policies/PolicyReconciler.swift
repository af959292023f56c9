import Base
import KubeClient

/// Says what one MaintenancePolicy does, and lets go of the operations that its limits no longer keep. What is due is decided table by table, by
/// ``TableReconciler``.
struct PolicyReconciler: Sendable {
    let cluster: any Cluster
    let timeZones: TimeZoneDatabase
    let clock: any WallClock

    /// How often the counts are brought up to date though nothing called.
    static let interval = Duration.seconds(60)

    func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let policy = cluster.policy(key), !policy.metadata.isBeingDeleted else { return .forget }
        let resolved: ResolvedPolicy
        do throws(InvalidSpec) {
            resolved = try ResolvedPolicy(policy, timeZones: timeZones)
        } catch {
            try await refuse(policy, error)
            return .forget
        }
        let tables = cluster.tables(inNamespace: key.namespace).filter {
            !$0.metadata.isBeingDeleted && policy.spec.tableSelector.matches($0.metadata.labels)
        }
        let operations = cluster.operations(ofPolicy: key)
        try await prune(operations, policy, resolved)
        let summary = PolicySummary(policy: resolved, tables: tables, operations: operations, now: clock.now())
        try await write(summary.status(policy.status), inForce(resolved, tables.count), of: policy)
        return .after(Self.interval)
    }

    private func inForce(_ policy: ResolvedPolicy, _ tables: Int) -> ObjectState {
        let matched = tables == 1 ? "1 table" : "\(tables) tables"
        if policy.isSuspended { return ObjectState(readiness: .ready, reason: .suspended, message: "suspended (spec.suspend); it selects \(matched)") }
        if policy.plansOnly { return ObjectState(readiness: .ready, reason: .planning, message: "says what it would run, on \(matched); mode: Auto runs it") }
        return ObjectState(
            readiness: .ready, reason: .inForce,
            message: tables == 0 ? "it selects no table: compare tableSelector with the tables' labels" : "it maintains \(matched)")
    }

    private func refuse(_ policy: MaintenancePolicy, _ error: InvalidSpec) async throws(KubeError) {
        if policy.status?.conditions?[ConditionType.stalled]?.message != error.description {
            cluster.event(.warning, on: policy.objectReference, reason: ConditionReason.invalidSpec.rawValue, message: error.description)
        }
        var status = policy.status ?? MaintenancePolicyStatus()
        status.tables = nil
        status.planned = nil
        status.nextTime = nil
        try await write(status, ObjectState(readiness: .stalled, reason: .invalidSpec, message: error.description), of: policy)
    }

    private func write(_ status: MaintenancePolicyStatus, _ state: ObjectState, of policy: MaintenancePolicy) async throws(KubeError) {
        var status = status
        status.observedGeneration = policy.metadata.generation
        status.lastHandledReconcile = policy.metadata.annotations[Names.reconcileAnnotation] ?? status.lastHandledReconcile
        var conditions = status.conditions ?? []
        state.apply(to: &conditions, generation: policy.metadata.generation, now: clock.now())
        status.conditions = conditions
        if status != policy.status { try await cluster.writeStatus(status, of: policy) }
    }

    private func prune(_ operations: [TableOperation], _ policy: MaintenancePolicy, _ resolved: ResolvedPolicy) async throws(KubeError) {
        let finished = operations.filter { $0.isFinished && !$0.metadata.isBeingDeleted && isRecorded($0) }
        let excess = Set(
            HistoryPruning.excess(
                finished.compactMap(HistoryPruning.Finished.init), succeeded: Int(policy.spec.historyLimits.succeeded),
                failed: Int(policy.spec.historyLimits.failed),
                budgetedSince: resolved.rewriteBytesPerDay.map { _ in BudgetDay(at: clock.now(), in: resolved.timeZone).start }))
        for operation in finished where excess.contains(operation.metadata.name) {
            do { try await cluster.delete(operation) } catch {
                guard error.isNotFound || error.isConflict else { throw error }
            }
        }
    }

    /// Whether the table's status has what must outlast the operation: cooldowns and the number of the next run go by it.
    private func isRecorded(_ operation: TableOperation) -> Bool {
        guard let key = operation.tableKey, let table = cluster.table(key), let task = operation.task else { return true }
        guard let lastRun = table.status?.maintenance?[task]?.lastRun else { return false }
        return (lastRun.completionTime ?? .epoch, lastRun.operation) >= (operation.status?.completionTime ?? .epoch, operation.metadata.name)
            || lastRun.operation == operation.metadata.name
    }
}

extension HistoryPruning.Finished {
    fileprivate init?(_ operation: TableOperation) {
        guard let task = operation.task, let completed = operation.status?.completionTime else { return nil }
        self.init(
            name: operation.metadata.name, table: operation.spec.tableRef?.name ?? operation.spec.location ?? "", task: task,
            succeeded: operation.phase == .succeeded, completed: completed, rewrittenBytes: operation.rewrittenBytes(since: .epoch))
    }
}
