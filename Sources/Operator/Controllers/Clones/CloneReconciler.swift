import Base
import KubeClient
import ObjectStore

/// Keeps one TableClone's target what the spec asks for: makes the TableOperations that clone, one at a time, and says how it stands.
///
/// An operation's name is a function of the clone's uid and the number of the run, and what a run was made for stands on the operation: an operator that died
/// after it made one has a successor that finds it, and makes no other.
struct CloneReconciler: Sendable {
    let cluster: any Cluster
    let observer: any TableObserving
    let timeZones: TimeZoneDatabase
    let reach: OperatorReach
    let clock: any WallClock

    /// How often something that wakes us by itself is looked at all the same, and something that does not is tried again.
    private static let interval = Duration.seconds(60)

    func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let clone = cluster.clone(key), !clone.metadata.isBeingDeleted else { return .forget }
        let record = CloneRecord(clone.status, operations: cluster.operations(ofClone: clone.metadata.uid))
        if let name = record.missing, try await cluster.fetchOperation(ObjectKey(namespace: key.namespace, name: name)) != nil { return .after(.seconds(1)) }
        var status = record.status
        status.source = clone.sourceName
        let state: ObjectState
        var requeue = Requeue.after(Self.interval)
        do {
            let resolved = try ResolvedClone(clone, timeZones: timeZones)
            let outcome = try await carryOut(try await decide(clone, resolved, record), clone, resolved, &status)
            if status.synced != nil, !clone.spec.suspend { status.tableRef = try await showTarget(of: clone) }
            state = CloneState(clone: clone, resolved: resolved, status: status, decision: outcome, active: record.active).objectState
            if let next = outcome.reconsiderAt { requeue = .after(min(Self.interval, max(.seconds(1), next - clock.now()))) }
            if outcome.reason == .cloned || outcome.reason == .suspended { requeue = .forget }
        } catch let error as KubeError {
            throw error
        } catch {
            try Task.checkCancellation()
            let failure = Failure(error)
            state = ObjectState(readiness: failure.needsPerson ? .stalled : .failing, reason: failure.reason, message: failure.message)
        }
        for operation in record.excess(clone.spec.historyLimits) { try await cluster.delete(operation) }
        try await write(status, state, of: clone)
        return requeue
    }

    // MARK: - What is due

    private func decide(_ clone: TableClone, _ resolved: ResolvedClone, _ record: CloneRecord) async throws -> (CloneDecision, Decision) {
        var decision = CloneDecision(clone: resolved, status: record.status, activeOperation: record.active?.metadata.name, now: clock.now())
        // Who has cloned once needs nothing any more, and who waits for a run hears of it from that.
        if decision.isOwed || resolved.schedule != nil && !resolved.isSuspended && record.active == nil {
            let source = try source(of: clone, target: try target(of: clone))
            // Waiting out a failure needs no look at the source, nor does a time that has not come.
            if decision.isOwed, decision.decide().verdict == .run, source.access.isReachedByOperator {
                decision.sourceVersion = try await observer.version(source)
            }
        }
        return (decision, decision.decide())
    }

    /// Makes the operation that is due, and notes in the status what was decided.
    private func carryOut(
        _ decided: (decision: CloneDecision, outcome: Decision), _ clone: TableClone, _ resolved: ResolvedClone, _ status: inout TableCloneStatus
    ) async throws -> Decision {
        let (decision, outcome) = decided
        switch outcome.reason {
        case .upToDate:
            status.synced = resolved.asked.description
            status.lastSyncTime = clock.now().wholeSeconds
            status.lastConsideredTime = decision.dueTime ?? status.lastConsideredTime
        case _ where outcome.verdict == .run:
            let run = (status.runs ?? 0) + 1
            let operation = clone.operation(run: run, resolved, outcome)
            do throws(KubeError) {
                try await cluster.create(operation)
                cluster.event(.normal, on: clone.objectReference, reason: outcome.reason.rawValue, message: "\(operation.metadata.name): \(outcome.message)")
            } catch {
                // An operator before us made it, or we did and the watch has not brought it yet.
                guard error.isAlreadyExists else { throw error }
            }
            status.runs = run
            status.operationRef = .init(name: operation.metadata.name)
            status.lastConsideredTime = clock.now().wholeSeconds
            status.lastHandledReconcile = resolved.request ?? status.lastHandledReconcile
        default: break
        }
        status.nextSyncTime = resolved.isSuspended ? nil : resolved.schedule?.next(after: clock.now())
        status.decision = shown(outcome, after: status.decision)
        return outcome
    }

    /// Between two scheduled times, and while a run goes on, what was decided last is what there is to know.
    private func shown(_ decision: Decision, after before: TableCloneStatus.Decision?) -> TableCloneStatus.Decision {
        var shown = TableCloneStatus.Decision(decision)
        if let before {
            if decision.reason == .notScheduled && before.action != .wait && before.reason != DecisionReason.suspended.rawValue
                || decision.reason == .operationRunning && before.action == .run
            {
                return before
            }
            if (before.action, before.reason, before.message) == (shown.action, shown.reason, shown.message) { return before }
        }
        shown.time = clock.now().wholeSeconds
        return shown
    }

    // MARK: - References

    /// Where the target is to be. Throws where that is somebody else's.
    private func target(of clone: TableClone) throws(Obstacle) -> TablePlace {
        let place = try cluster.resolve(clone.target, reach: reach)
        let tables = cluster.tables(at: place.location).filter { table in
            !table.metadata.isBeingDeleted && !table.shows(clone) && cluster.isSamePlace(table.place, as: clone.target, at: place, reach: reach)
        }
        if let table = tables.first {
            throw Obstacle(
                reason: .locationTaken,
                message: "the DeltaTable \(table.key) has target.location: if it is to show this clone, label it \(Names.Label.clone)="
                    + "\(Names.labelValue(clone.metadata.name)); else delete it (the data stays), or clone to another location")
        }
        let clones = cluster.clones(to: place.location).filter { other in
            other.metadata.uid != clone.metadata.uid && !other.metadata.isBeingDeleted && other.isOlder(than: clone)
                && cluster.isSamePlace(other.target, as: clone.target, at: place, reach: reach)
        }
        if let other = clones.first {
            throw Obstacle(
                reason: .locationTaken, message: "the TableClone \(other.key) has target.location already; delete one of the two (the data stays)")
        }
        return place
    }

    private func source(of clone: TableClone, target: TablePlace) throws(Obstacle) -> TablePlace {
        let named = try namedSource(of: clone)
        guard named.storage == clone.target.storage else {
            throw Obstacle(
                reason: .invalidSpec,
                message: "spec.target.storageRef: it is \(clone.target.storage), and the source is reached by \(named.storage): "
                    + "one pod has the credentials of one StorageProfile; name a target below the same one")
        }
        let profile = cluster.profile(of: named)
        if profile?.spec.suspend == true {
            throw Obstacle(reason: .suspended, message: "the StorageProfile \(named.storage) is suspended (spec.suspend)", needsPerson: false)
        }
        let place = try cluster.resolve(named, reach: reach)
        if place.location.isInside(target.location) || target.location.isInside(place.location) {
            throw Obstacle(
                reason: .invalidSpec,
                message: "spec.target.location: \(target.location) and the source \(place.location) lie one inside of the other: "
                    + "a vacuum of the outer one would take the inner one's files; write another directory")
        }
        if let obstacle = profile?.obstacleToOperations(place.access, commits: true) { throw obstacle }
        return place
    }

    private func namedSource(of clone: TableClone) throws(Obstacle) -> NamedLocation {
        guard let key = clone.sourceTableKey else {
            return NamedLocation(
                namespace: clone.metadata.namespace, location: clone.spec.source.location ?? "", storage: clone.spec.source.storageRef?.name ?? "")
        }
        guard let table = cluster.table(key), !table.metadata.isBeingDeleted else {
            throw Obstacle(reason: .tableNotFound, message: "there is no DeltaTable \(key.name) in this namespace; create it, or make another TableClone")
        }
        if table.spec.suspend {
            throw Obstacle(reason: .suspended, message: "the DeltaTable \(key.name) is suspended (spec.suspend)", needsPerson: false)
        }
        return table.place
    }

    // MARK: - The target's DeltaTable

    /// The DeltaTable of the target, made where it is asked for and missing; nil where it is not asked for.
    private func showTarget(of clone: TableClone) async throws -> NameReference? {
        guard clone.spec.target.createTable, let location = clone.targetLocation else { return nil }
        if let table = cluster.tables(at: location).first(where: { $0.shows(clone) && !$0.metadata.isBeingDeleted }) {
            return NameReference(name: table.metadata.name)
        }
        _ = try target(of: clone)
        if let table = cluster.table(clone.key) {
            let label = "\(Names.Label.clone)=\(Names.labelValue(clone.metadata.name))"
            throw Obstacle(
                reason: .tableNameTaken,
                message: "target.createTable: the DeltaTable \(table.metadata.name) is another one; rename one of the two, "
                    + "or set createTable: false and write a DeltaTable for the target with the label \(label)")
        }
        var metadata = ObjectMeta(name: clone.metadata.name, namespace: clone.metadata.namespace)
        metadata.labels = [Names.Label.managedBy: Names.Label.managedByLevee, Names.Label.clone: Names.labelValue(clone.metadata.name)]
        let spec = DeltaTableSpec(location: clone.spec.target.location, storageRef: clone.spec.target.storageRef)
        do throws(KubeError) {
            try await cluster.create(DeltaTable(metadata: metadata, spec: spec, status: nil))
            cluster.event(.normal, on: clone.objectReference, reason: "TableCreated", message: "the DeltaTable \(clone.metadata.name) shows the target")
        } catch {
            // The watch is behind, and brings it.
            guard error.isAlreadyExists else { throw error }
        }
        return NameReference(name: clone.metadata.name)
    }

    private func write(_ status: TableCloneStatus, _ state: ObjectState, of clone: TableClone) async throws(KubeError) {
        var status = status
        status.observedGeneration = clone.metadata.generation
        var conditions = status.conditions ?? []
        let before = conditions[ConditionType.ready]
        state.apply(to: &conditions, generation: clone.metadata.generation, now: clock.now())
        status.conditions = conditions
        guard status != clone.status else { return }
        try await cluster.writeStatus(status, of: clone)
        if let lastRun = status.lastRun, lastRun.phase == .succeeded, lastRun.run != clone.status?.lastRun?.run {
            let message = "\(lastRun.operation): \(lastRun.message ?? "done")"
            cluster.event(.normal, on: clone.objectReference, reason: ConditionReason.synced.rawValue, message: message)
        }
        if state.readiness == .stalled || state.readiness == .failing, before?.reason != state.reason.rawValue {
            cluster.event(.warning, on: clone.objectReference, reason: state.reason.rawValue, message: state.message)
        }
    }
}

extension TableClone {
    fileprivate func operation(run: Int64, _ resolved: ResolvedClone, _ decision: Decision) -> TableOperation {
        var metadata = ObjectMeta(
            name: Names.operation(clone: self.metadata.name, uid: self.metadata.uid, run: run), namespace: self.metadata.namespace)
        metadata.labels = [
            Names.Label.managedBy: Names.Label.managedByLevee, Names.Label.clone: Names.labelValue(self.metadata.name), Names.Label.run: "\(run)",
        ]
        metadata.labels[Names.Label.table] = spec.source.tableRef.map { Names.labelValue($0.name) }
        metadata.annotations = [
            Names.reasonAnnotation: "\(decision.reason.rawValue): \(decision.message)", Names.askedAnnotation: resolved.asked.description,
            Names.generationAnnotation: "\(resolved.generation)",
        ]
        metadata.annotations[Names.requestedAnnotation] = resolved.request
        metadata.ownerReferences = [controllerReference]
        var operation = TableOperationSpec(tableRef: spec.source.tableRef, location: spec.source.location, storageRef: spec.source.storageRef)
        operation.clone = .init(
            target: .init(location: spec.target.location, storageRef: spec.target.storageRef), mode: spec.mode == .shallow ? .shallow : .deep,
            version: spec.source.version, timestamp: spec.source.timestamp)
        operation.activeDeadlineSeconds = spec.activeDeadlineSeconds
        operation.jobTemplate = spec.jobTemplate
        return TableOperation(metadata: metadata, spec: operation, status: nil)
    }
}

extension TableCloneStatus.Decision {
    fileprivate init(_ decision: Operator.Decision) {
        let action: Action =
            switch decision.verdict {
            case .run: .run
            case .wait: .wait
            case .plan, .skip: .skipped
            }
        self.init(action: action, reason: decision.reason.rawValue, message: decision.message)
    }
}
