import Base
import Jobs
import KubeClient
import ObjectStore

/// What the steps of an operation's story are made of.
extension OperationReconciler {
    // MARK: - References

    func place(of operation: TableOperation) throws(Obstacle) -> OperationPlace {
        if let key = operation.tableKey {
            guard let table = cluster.table(key) else {
                throw Obstacle(reason: .tableNotFound, message: "there is no DeltaTable \(key.name) in this namespace; create it, or delete this operation")
            }
            if table.spec.suspend, !operation.isRunning {
                throw Obstacle(reason: .suspended, message: "the DeltaTable \(key.name) is suspended (spec.suspend)", needsPerson: false)
            }
            return try place(table.spec.location, table.spec.storageRef.name, of: operation)
        }
        guard let location = operation.spec.location, let storage = operation.spec.storageRef else {
            throw Obstacle(reason: .invalidSpec, message: "spec names no table; set tableRef, or location and storageRef, in a new operation")
        }
        return try place(location, storage.name, of: operation)
    }

    private func place(_ location: String, _ storage: String, of operation: TableOperation) throws(Obstacle) -> OperationPlace {
        let profile = cluster.profile(ObjectKey(namespace: operation.metadata.namespace, name: storage))
        // Suspension stops new work; what runs ends by itself.
        if profile?.spec.suspend == true, !operation.isRunning {
            throw Obstacle(reason: .suspended, message: "the StorageProfile \(storage) is suspended (spec.suspend)", needsPerson: false)
        }
        var place = OperationPlace(table: try Placement.resolve(location: location, profile: profile, profileName: storage, reach: reach))
        if let target = operation.spec.clone?.target {
            guard target.storageRef.name == storage else {
                throw Obstacle(
                    reason: .invalidSpec,
                    message:
                        "clone.target.storageRef is \(target.storageRef.name), and the source is reached by \(storage): a pod has the credentials of one StorageProfile; "
                        + "name a target below the same one")
            }
            place.target = try Placement.resolve(location: target.location, profile: profile, profileName: storage, reach: reach)
        }
        // What a worker reads besides the table, it reads with the profile's credentials: it must be the profile's.
        if let inventory = operation.spec.vacuum?.inventory {
            _ = try Placement.resolve(location: inventory.location, profile: profile, profileName: storage, reach: reach)
        }
        if !operation.isRunning, let obstacle = profile?.obstacleToOperations(place.table.access, commits: !operation.spec.dryRun) { throw obstacle }
        return place
    }

    /// What the operation must not commit behind; nil where it may, or where only its worker can tell.
    func unsafeWriter(_ operation: TableOperation, _ place: OperationPlace) async throws -> Obstacle? {
        guard case let .store(access) = place.committed.access, access.refusesUnsafeWriters, place.committed.access.isReachedByOperator, !operation.spec.dryRun
        else { return nil }
        let remembered = place.target == nil ? operation.tableKey.flatMap { cluster.table($0) }?.status?.unsafeWriter : nil
        let latest = try await ifThere(operation) { try await observer.unsafeWriter(place.committed) }
        let writers = ConcurrentWriters(latest, before: remembered, place.committed.access, now: clock.now())
        return writers.refusal.map { Obstacle(reason: .unsafeConcurrentWriter, message: $0) }
    }

    /// What is read of the table that the operation commits to; nil where the operation is to make that table.
    func ifThere<Value>(_ operation: TableOperation, _ read: () async throws -> Value?) async throws -> Value? {
        do {
            return try await read()
        } catch {
            let makesTable = operation.spec.clone != nil || operation.spec.convert != nil || operation.spec.createTable != nil
            guard makesTable, [.notATable, .locationNotFound].contains(Failure(error).reason) else { throw error }
            return nil
        }
    }

    // MARK: - The queue

    func entry(_ operation: TableOperation, _ place: OperationPlace?) -> OperationQueue.Entry {
        OperationQueue.Entry(
            key: operation.key, uid: operation.metadata.uid, created: operation.metadata.creationTimestamp ?? .epoch, tables: place?.identities ?? [],
            policy: operation.policyName, isRunning: operation.isRunning, isHeld: operation.spec.suspend || operation.spec.cancel)
    }

    func others(than operation: TableOperation) -> [OperationQueue.Entry] {
        cluster.unfinishedOperations(inNamespace: operation.metadata.namespace)
            .filter { $0.metadata.uid != operation.metadata.uid }
            .map { entry($0, try? place(of: $0)) }
    }

    func policyLimit(of operation: TableOperation) -> Int? {
        operation.policyName
            .flatMap { cluster.policy(ObjectKey(namespace: operation.metadata.namespace, name: $0)) }
            .map { Int($0.spec.concurrency.operations) }
    }

    // MARK: - Task and Job

    func task(of operation: TableOperation, _ place: OperationPlace, _ transaction: TableOperationStatus.Transaction?) throws(InvalidSpec) -> WorkerTask {
        WorkerTask(
            operation: identity(of: operation), location: place.table.location.description, storage: place.table.access.taskStorage,
            root: place.table.root?.description,
            work: try operation.spec.work(),
            transaction: transaction.map { .init(appId: $0.appId, version: $0.version) }, expectedVersion: operation.spec.expectedVersion,
            dryRun: operation.spec.dryRun, verifiesRows: operation.spec.verify == .rows, memoryLimit: WorkerJob.memoryLimit(operation.spec.jobTemplate))
    }

    private func identity(of operation: TableOperation) -> WorkerTask.OperationIdentity {
        .init(uid: operation.metadata.uid, namespace: operation.metadata.namespace, name: operation.metadata.name)
    }

    func job(for operation: TableOperation, _ place: OperationPlace) throws(InvalidSpec) -> WorkerJob {
        var labels: [String: String] = [:]
        if let table = operation.spec.tableRef?.name { labels[Names.Label.table] = Names.labelValue(table) }
        if let policy = operation.policyName { labels[Names.Label.policy] = policy }
        labels[Names.Label.clone] = operation.metadata.labels[Names.Label.clone]
        return WorkerJob(
            operation: identity(of: operation), task: try task(of: operation, place, operation.status?.transaction), access: place.table.access, labels: labels,
            template: operation.spec.jobTemplate ?? JobTemplate(), activeDeadlineSeconds: operation.spec.activeDeadlineSeconds,
            backoffLimit: operation.spec.backoffLimit, settings: settings)
    }

    /// The operation's Job, from the watch or, where that does not know it, from the server.
    func job(of operation: TableOperation) async throws(KubeError) -> Job? {
        if let job = cluster.job(operation.jobKey) { return job }
        return try await cluster.fetchJob(operation.jobKey)
    }

    func fetchPods(_ operation: TableOperation) async throws(KubeError) -> [Pod] {
        try await cluster.fetchPods(ofOperation: operation.metadata.uid, namespace: operation.metadata.namespace)
    }

    // MARK: - Writing

    /// With the finalizer that keeps the operation until its Job is gone; nil where the operation is gone.
    func hold(_ operation: TableOperation) async throws(KubeError) -> TableOperation? {
        if operation.metadata.finalizers.contains(Names.operationFinalizer) { return operation }
        return try await cluster.setFinalizers(operation.metadata.finalizers + [Names.operationFinalizer], of: operation)
    }

    /// Without that finalizer; nil where that was the end of the operation.
    func letGo(_ operation: TableOperation) async throws(KubeError) -> TableOperation? {
        guard operation.metadata.finalizers.contains(Names.operationFinalizer) else { return operation }
        return try await cluster.setFinalizers(operation.metadata.finalizers.filter { $0 != Names.operationFinalizer }, of: operation)
    }

    /// The status so far, with what follows from the spec filled in.
    func status(of operation: TableOperation) -> TableOperationStatus {
        var status = operation.status ?? TableOperationStatus()
        status.type = operation.type
        status.table = operation.spec.tableRef?.name ?? operation.spec.location
        return status
    }

    func wait(_ operation: TableOperation, _ obstacle: Obstacle) async throws -> Requeue {
        queue.release(uid: operation.metadata.uid)
        var status = status(of: operation)
        status.phase = .pending
        status.message = obstacle.message
        _ = try await write(
            status, .init(readiness: obstacle.needsPerson ? .stalled : .reconciling, reason: obstacle.reason, message: obstacle.message), of: operation)
        return .after(Self.safetyInterval)
    }

    /// Writes the status where it says something new; returns the operation as it is now.
    func write(_ status: TableOperationStatus, _ state: ObjectState, of operation: TableOperation) async throws(KubeError) -> TableOperation {
        var status = status
        status.observedGeneration = operation.metadata.generation
        status.lastHandledReconcile = operation.metadata.annotations[Names.reconcileAnnotation] ?? status.lastHandledReconcile
        var conditions = status.conditions ?? []
        state.apply(to: &conditions, generation: operation.metadata.generation, now: clock.now())
        status.conditions = conditions
        return status == operation.status ? operation : try await cluster.writeStatus(status, of: operation)
    }
}

/// What an operation works on.
struct OperationPlace: Hashable, Sendable {
    var table: TablePlace
    /// Of a clone: the table that it makes.
    var target: TablePlace?

    /// Where its commit goes, and so where it is looked for.
    var committed: TablePlace { target ?? table }

    /// See ``TablePlace/identity``.
    var identities: Set<String> { Set([table.identity, target?.identity].compactMap(\.self)) }
}

extension Timestamp {
    /// 1970-01-01T00:00:00Z.
    static let epoch = Timestamp(microseconds: 0)
}
