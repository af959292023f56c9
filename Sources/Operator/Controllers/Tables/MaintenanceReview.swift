import Base
import KubeClient

/// What the policies of a table have to do about it now. It gathers the facts that other objects hold, asks ``TaskDecision`` for each task, and says
/// what the status is to show. Changes nothing in the cluster.
struct MaintenanceReview {
    private let table: DeltaTable
    private let policies: [ResolvedPolicy]
    private let specs: [String: MaintenancePolicySpec]
    /// Of this table, running and finished.
    private let operations: [TableOperation]
    /// Of each policy in use.
    private let policyFacts: [String: PolicyFacts]
    private let cluster: any Cluster
    private let recent: RecentOperations
    private let now: Timestamp

    /// What came of it.
    struct Tasks {
        var status: DeltaTableStatus.Maintenance
        /// The operation to make; one at a time.
        var due: Due?
        /// When to look again though nothing changes.
        var reconsiderAt: Timestamp?
    }

    /// An operation to make.
    struct Due {
        var task: MaintenanceTask
        var policy: ResolvedPolicy
        var spec: MaintenancePolicySpec
        var run: Int64
        var decision: Decision
        /// The most bytes it may rewrite; nil: no limit.
        var maximumBytes: Int64?
        /// The bytes it will rewrite as far as can be told, for the budget.
        var expectedBytes: Int64
        /// Whether the table is clustered by columns of its own, beside which it takes no others.
        var sortsByTablesOwn: Bool
    }

    init(table: DeltaTable, cluster: any Cluster, recent: RecentOperations, timeZones: TimeZoneDatabase, now: Timestamp) {
        self.table = table
        self.now = now
        self.cluster = cluster
        self.recent = recent
        let matching = cluster.policies(inNamespace: table.metadata.namespace).filter {
            !$0.metadata.isBeingDeleted && $0.spec.tableSelector.matches(table.metadata.labels)
        }
        // A policy that cannot be read is stalled by its own controller; it takes no task.
        policies = matching.compactMap { try? ResolvedPolicy($0, timeZones: timeZones) }
        specs = Dictionary(matching.map { ($0.metadata.name, $0.spec) }) { first, _ in first }
        operations = cluster.operations(ofTable: table.key)
        var facts: [String: PolicyFacts] = [:]
        let waitingOrRunning = cluster.unfinishedOperations(inNamespace: table.metadata.namespace)
        for policy in policies {
            let active = waitingOrRunning.count { $0.policyName == policy.name }
            facts[policy.name] = PolicyFacts(policy, active: active, namespace: table.metadata.namespace, cluster, now: now)
        }
        policyFacts = facts
    }

    /// What the observation's figures are to be for: the policy that optimizes the table.
    var observationRequest: ObservationRequest {
        let optimize = TaskAssignment.policy(for: .optimize, among: policies)?.optimize
        return ObservationRequest(targetFileSize: optimize?.targetFileSize, condition: optimize?.condition, zOrderBy: optimize?.zOrderBy ?? [])
    }

    /// - Parameter facts: nil where the table is suspended and was not looked at.
    func tasks(_ facts: TableFacts?, _ previous: DeltaTableStatus.Maintenance?) -> Tasks {
        var facts = facts ?? TableFacts(isSuspended: true)
        let active = activeOperation
        facts.activeOperation = active?.metadata.name
        var tasks = Tasks(status: DeltaTableStatus.Maintenance(operation: active?.metadata.name))
        for task in MaintenanceTask.allCases {
            guard let policy = TaskAssignment.policy(for: task, among: policies) else { continue }
            let record = TaskRecord(task, operations: operations, previous: previous?[task])
            let decision = TaskDecision(
                policy: policy, task: task, facts: facts, history: record.history(of: table, policy), policyFacts: policyFacts[policy.name] ?? PolicyFacts(),
                now: now)
            var outcome = decision.decide()
            if outcome.verdict == .run, let spec = specs[policy.name] {
                let limit = task == .optimize ? Self.limit(policy, decision) : nil
                let due = Due(
                    task: task, policy: policy, spec: spec, run: record.runs + 1, decision: outcome, maximumBytes: limit,
                    expectedBytes: task == .optimize ? min(facts.rewriteBytes, limit ?? .max) : 0,
                    sortsByTablesOwn: facts.sorting?.isTables ?? false)
                if admits(due) {
                    tasks.due = due
                    facts.activeOperation = due.name(on: table)
                } else {
                    outcome = .wait(.concurrencyLimit, "the policy's \(policy.maximumOperations) operations are under way")
                }
            }
            tasks.status[task] = record.status(
                policy: policy, outcome, due: decision.dueTime, run: tasks.due.flatMap { $0.task == task ? $0.run : nil },
                isRunning: active?.task == task && active?.policyName == policy.name, now: now)
            tasks.reconsiderAt = [tasks.reconsiderAt, outcome.reconsiderAt].compactMap { $0 }.min()
        }
        return tasks
    }

    private func admits(_ due: Due) -> Bool {
        recent.admit(
            due.name(on: table), policyUID: due.policy.uid, active: policyFacts[due.policy.name]?.activeOperations ?? 0,
            limit: due.policy.maximumOperations, now: now
        ) { name in cluster.operation(ObjectKey(namespace: table.metadata.namespace, name: name)) != nil }
    }

    /// The operation that has the table, or will have it next. One that is held back is in nobody's way.
    private var activeOperation: TableOperation? {
        operations.filter { !$0.isFinished && ($0.isRunning || !$0.spec.suspend) }
            .min { ($0.isRunning ? 0 : 1, $0.metadata.creationTimestamp ?? .epoch) < ($1.isRunning ? 0 : 1, $1.metadata.creationTimestamp ?? .epoch) }
    }

    private static func limit(_ policy: ResolvedPolicy, _ decision: TaskDecision) -> Int64? {
        let limit = min(policy.optimize?.maximumBytes ?? .max, decision.remainingBudget)
        return limit == .max ? nil : limit
    }
}

extension MaintenanceReview.Due {
    func name(on table: DeltaTable) -> String { Names.operation(table: table.metadata.name, tableUID: table.metadata.uid, task: task, run: run) }

    func operation(on table: DeltaTable) -> TableOperation {
        var metadata = ObjectMeta(name: name(on: table), namespace: table.metadata.namespace)
        metadata.labels = [
            Names.Label.managedBy: Names.Label.managedByLevee, Names.Label.table: Names.labelValue(table.metadata.name),
            Names.Label.policy: policy.name, Names.Label.task: task.rawValue, Names.Label.run: "\(run)",
        ]
        metadata.annotations = [Names.reasonAnnotation: "\(decision.reason.rawValue): \(decision.message)"]
        if expectedBytes > 0 { metadata.annotations[Names.expectedBytesAnnotation] = "\(expectedBytes)" }
        metadata.ownerReferences = [table.controllerReference]
        var operation = TableOperationSpec(tableRef: NameReference(name: table.metadata.name))
        operation.jobTemplate = spec.jobTemplate
        switch task {
        case .optimize:
            operation.optimize = .init(
                targetFileSize: spec.optimize?.targetFileSize, where: spec.optimize?.where, maxBytes: maximumBytes.map { "\($0)" },
                zOrderBy: sortsByTablesOwn ? nil : spec.optimize?.zOrderBy)
        case .vacuum:
            operation.vacuum = .init(
                retention: spec.vacuum?.retention, mode: spec.vacuum?.mode == .lite ? .lite : .full,
                maxDeletesPerSecond: spec.vacuum?.maxDeletesPerSecond, allowShortRetention: spec.vacuum?.allowShortRetention ?? false)
            operation.dryRun = spec.vacuum?.dryRun ?? false
        case .checkpoint:
            operation.checkpoint = .init()
        case .logCleanup:
            operation.logCleanup = .init()
        }
        return TableOperation(metadata: metadata, spec: operation)
    }
}

extension DeltaTableStatus.Maintenance {
    subscript(task: MaintenanceTask) -> TaskState? {
        get {
            switch task {
            case .optimize: optimize
            case .vacuum: vacuum
            case .checkpoint: checkpoint
            case .logCleanup: logCleanup
            }
        }
        set {
            switch task {
            case .optimize: optimize = newValue
            case .vacuum: vacuum = newValue
            case .checkpoint: checkpoint = newValue
            case .logCleanup: logCleanup = newValue
            }
        }
    }
}

extension PolicyFacts {
    init(_ policy: ResolvedPolicy, active: Int, namespace: String, _ cluster: any Cluster, now: Timestamp) {
        activeOperations = active
        guard policy.rewriteBytesPerDay != nil else { return }
        let day = BudgetDay(at: now, in: policy.timeZone)
        endOfDay = day.end
        rewrittenBytesToday = cluster.operations(ofPolicy: ObjectKey(namespace: namespace, name: policy.name)).reduce(0) {
            $0 + $1.rewrittenBytes(since: day.start)
        }
    }
}

/// The day that a budget is for.
struct BudgetDay: Hashable, Sendable {
    let date: CivilDate
    let start: Timestamp
    let end: Timestamp

    init(at now: Timestamp, in zone: TimeZoneRules) {
        date = zone.localTime(of: now).date
        start = zone.firstTimestamp(reaching: LocalDateTime(date: date, hour: 0, minute: 0))
        end = zone.firstTimestamp(reaching: LocalDateTime(date: CivilDate(daysSinceEpoch: date.daysSinceEpoch + 1), hour: 0, minute: 0))
    }
}

extension TableOperation {
    /// What it takes from a budget: what it rewrote since then, or what it is expected to while it has not ended.
    func rewrittenBytes(since start: Timestamp) -> Int64 {
        guard task == .optimize, !spec.dryRun else { return 0 }
        if !isFinished { return metadata.annotations[Names.expectedBytesAnnotation].flatMap { Int64($0) } ?? 0 }
        guard let completed = status?.completionTime, completed >= start else { return 0 }
        return status?.result?.metrics?["numBytesRemoved"] ?? status?.result?.metrics?["numRemovedBytes"] ?? 0
    }
}
