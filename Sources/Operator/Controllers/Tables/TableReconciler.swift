import Base
import KubeClient

/// Watches one DeltaTable: what it is, how it does, what its policies have to do about it; and makes the operations that are due.
struct TableReconciler: Sendable {
    let cluster: any Cluster
    let observer: any TableObserving
    let timeZones: TimeZoneDatabase
    let reach: OperatorReach
    let clock: any WallClock
    let random: any RandomSource
    private let recent = RecentOperations()

    init(
        cluster: any Cluster, observer: any TableObserving, timeZones: TimeZoneDatabase, reach: OperatorReach, clock: any WallClock,
        random: any RandomSource
    ) {
        self.cluster = cluster
        self.observer = observer
        self.timeZones = timeZones
        self.reach = reach
        self.clock = clock
        self.random = random
    }

    func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let table = cluster.table(key), !table.metadata.isBeingDeleted else { return .forget }
        var status = table.status ?? DeltaTableStatus()
        var requeue = Requeue.after(interval(of: table))
        do {
            let place = try place(of: table)
            let review = MaintenanceReview(table: table, cluster: cluster, recent: recent, timeZones: timeZones, now: clock.now())
            if table.spec.suspend {
                status.maintenance = review.tasks(nil, table.status?.maintenance).status
                requeue = .forget
            } else {
                var observation = try await observer.observe(place, review.observationRequest)
                let writers = ConcurrentWriters(observation.unsafeWriter, before: table.status?.unsafeWriter, place.access, now: clock.now())
                observation.facts.storageRefusal = storageRefusal(table, place, writers)
                show(observation, in: &status, of: table)
                show(writers, in: &status, of: table)
                let tasks = review.tasks(observation.facts, table.status?.maintenance)
                status.maintenance = try await carryOut(tasks, on: table)
                if let next = tasks.reconsiderAt { requeue = .sooner(requeue, .after(max(.seconds(1), next - clock.now()))) }
            }
        } catch let error as KubeError {
            throw error
        } catch {
            try Task.checkCancellation()
            let failure = Failure(error)
            status.maintenance?.operation = cluster.operations(ofTable: key).first { $0.isRunning }?.metadata.name
            show(ObjectState(readiness: failure.needsPerson ? .stalled : .failing, reason: failure.reason, message: failure.message), in: &status, of: table)
        }
        try await write(status, of: table)
        return requeue
    }

    // MARK: - References

    private func place(of table: DeltaTable) throws(Obstacle) -> TablePlace {
        let place = try cluster.resolve(table.place, reach: reach)
        let others = cluster.tables(at: place.location).filter { $0.metadata.uid != table.metadata.uid && !$0.metadata.isBeingDeleted }
        if let owner = others.first(where: { $0.isOlder(than: table) && cluster.isSamePlace($0.place, as: table.place, at: place, reach: reach) }) {
            throw Obstacle(
                reason: .locationTaken,
                message: "the DeltaTable \(owner.key) has this location already; delete one of the two (the data stays)")
        }
        switch place.access {
        case .host: break
        case let .claim(access):
            throw Obstacle(
                reason: .notObservable,
                message:
                    "the table lies on the claim \(access.name), which the operator does not mount: this release neither observes it nor applies policies to "
                    + "it; a TableOperation runs on it")
        case let .store(access):
            if !place.access.isReachedByOperator {
                throw Obstacle(
                    reason: .notObservable,
                    message:
                        "only the pods of StorageProfile \(access.profile.name) get at the table, by their own identity, which the operator does not have: "
                        + "this release neither observes it nor applies policies to it; a TableOperation runs on it")
            }
            if let obstacle = profile(of: table)?.obstacleToObservation(place.access) { throw obstacle }
        }
        return place
    }

    private func profile(of table: DeltaTable) -> StorageProfile? { cluster.profile(of: table.place) }

    private func storageRefusal(_ table: DeltaTable, _ place: TablePlace, _ writers: ConcurrentWriters) -> StorageRefusal? {
        if let message = writers.refusal { return StorageRefusal(reason: .unsafeConcurrentWriter, message: message) }
        return profile(of: table)?.obstacleToOperations(place.access, commits: true).map { StorageRefusal(reason: .storageNotReady, message: $0.message) }
    }

    // MARK: - What was seen

    private func show(_ observation: TableObservation, in status: inout DeltaTableStatus, of table: DeltaTable) {
        status.table = observation.table
        status.layout = observation.layout
        status.history = observation.history
        let health = TableHealth(observation.health)
        status.health = .init(
            score: Int32(health.score),
            findings: health.findings.isEmpty ? nil : health.findings.map { .init(reason: $0.reason.rawValue, message: $0.message, advice: $0.advice) })
        show(ObjectState(readiness: .ready, reason: .observed, message: "version \(observation.table.version)"), in: &status, of: table)
        let found = health.findings.first
        status.conditions?.set(
            Condition(
                type: ConditionType.healthy, status: found == nil ? .true : .false,
                reason: (found == nil ? ConditionReason.noFindings : .findings).rawValue,
                message: found.map { "\($0.message); \($0.advice)" } ?? "nothing to mend", observedGeneration: table.metadata.generation,
                lastTransitionTime: clock.now().wholeSeconds))
    }

    private func show(_ writers: ConcurrentWriters, in status: inout DeltaTableStatus, of table: DeltaTable) {
        status.unsafeWriter = writers.latest
        guard let condition = writers.condition(generation: table.metadata.generation, now: clock.now()) else {
            status.conditions?.removeAll { $0.type == ConditionType.unsafeConcurrentWriter }
            return
        }
        if condition.status == .true, status.conditions?.isTrue(condition.type) != true {
            cluster.event(.warning, on: table.objectReference, reason: condition.reason, message: condition.message)
        }
        status.conditions?.set(condition)
    }

    private func show(_ state: ObjectState, in status: inout DeltaTableStatus, of table: DeltaTable) {
        let before = status.conditions?[ConditionType.ready]
        var conditions = status.conditions ?? []
        state.apply(to: &conditions, generation: table.metadata.generation, now: clock.now())
        status.conditions = conditions
        if state.readiness != .ready, before?.reason != state.reason.rawValue {
            cluster.event(.warning, on: table.objectReference, reason: state.reason.rawValue, message: state.message)
        } else if state.readiness == .ready, before?.status == .false {
            cluster.event(.normal, on: table.objectReference, reason: state.reason.rawValue, message: "the table can be read again: \(state.message)")
        }
    }

    // MARK: - What is done

    /// Makes the operations that are due, and returns what the status says of the tasks then.
    private func carryOut(_ tasks: MaintenanceReview.Tasks, on table: DeltaTable) async throws -> DeltaTableStatus.Maintenance {
        var status = tasks.status
        guard let due = tasks.due else { return status }
        let operation = due.operation(on: table)
        do throws(KubeError) {
            try await cluster.create(operation)
            cluster.event(
                .normal, on: table.objectReference, reason: due.decision.reason.rawValue, message: "\(operation.metadata.name): \(due.decision.message)")
        } catch {
            // An operator before us made it, or we did and the watch has not brought it yet.
            guard error.isAlreadyExists else { throw error }
        }
        status.operation = operation.metadata.name
        return status
    }

    private func write(_ status: DeltaTableStatus, of table: DeltaTable) async throws(KubeError) {
        var status = status
        status.observedGeneration = table.metadata.generation
        status.lastHandledReconcile = table.metadata.annotations[Names.reconcileAnnotation] ?? status.lastHandledReconcile
        if status != table.status { try await cluster.writeStatus(status, of: table) }
    }

    /// The spec's interval, up to a tenth shorter or longer, so that many tables do not come at once.
    private func interval(of table: DeltaTable) -> Duration {
        let interval = Duration(kubernetes: table.spec.observe.interval) ?? .seconds(60)
        let bounded = min(max(interval, .seconds(1)), .seconds(24 * 3600))
        return bounded * 9 / 10 + random.duration(upTo: bounded / 5)
    }
}
