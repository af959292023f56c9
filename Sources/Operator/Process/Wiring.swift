import Base
import DeltaEngine
import KubeClient
import ObjectStore

/// Which change wakes which controller, for one namespace or all of them.
///
/// The rule throughout: a change of the spec wakes the object itself, a change of the status wakes those who wait for it. Our own status writes wake
/// nobody who would only write them again.
struct Wiring: Sendable {
    let cluster: KubeCluster
    private let namespace: String?
    private let secrets: SecretWatcher
    private let stores: ProfileStores
    private let observer: TableObserver
    private let metrics: OperatorMetrics
    private let workers: Int
    private let resyncPeriod: Duration?
    private let logger: Logger
    private let profileQueue: WorkQueue<ObjectKey>
    private let tableQueue: WorkQueue<ObjectKey>
    private let policyQueue: WorkQueue<ObjectKey>
    private let cloneQueue: WorkQueue<ObjectKey>
    private let operationQueue: WorkQueue<ObjectKey>
    private let profileReconciler: ProfileReconciler
    private let tableReconciler: TableReconciler
    private let policyReconciler: PolicyReconciler
    private let cloneReconciler: CloneReconciler
    private let operationReconciler: OperationReconciler

    /// A policy's counts may lag a little, so that a thousand changes count once.
    private static let countingDelay = Duration.seconds(1)

    init(
        namespace: String?, cluster: KubeCluster, observer: TableObserver, stores: ProfileStores, secrets: SecretWatcher, options: OperatorOptions,
        environment: EngineEnvironment, metrics: OperatorMetrics
    ) {
        self.namespace = namespace
        self.cluster = cluster
        self.secrets = secrets
        self.stores = stores
        self.observer = observer
        self.metrics = metrics
        workers = options.workers
        resyncPeriod = options.resyncPeriod
        logger = environment.logger
        let (clock, random) = (environment.clock, environment.random)
        profileQueue = metrics.queue(of: "profile", in: namespace, environment)
        tableQueue = metrics.queue(of: "table", in: namespace, environment)
        policyQueue = metrics.queue(of: "policy", in: namespace, environment)
        cloneQueue = metrics.queue(of: "clone", in: namespace, environment)
        let operations = metrics.queue(of: "operation", in: namespace, environment)
        operationQueue = operations
        let timeZones = TimeZoneDatabase()
        let settings = WorkerJob.Settings(image: options.workerImage, command: options.workerCommand, imagePullPolicy: options.workerImagePullPolicy)
        profileReconciler = ProfileReconciler(
            cluster: cluster, stores: stores, jobs: ProbeJobs(cluster: cluster, settings: settings, clock: clock),
            reach: options.reach, clock: clock, random: random)
        tableReconciler = TableReconciler(
            cluster: cluster, observer: observer, timeZones: timeZones, reach: options.reach, clock: clock, random: random)
        policyReconciler = PolicyReconciler(cluster: cluster, timeZones: timeZones, clock: clock)
        cloneReconciler = CloneReconciler(cluster: cluster, observer: observer, timeZones: timeZones, reach: options.reach, clock: clock)
        let queue = OperationQueue { released in
            for operation in cluster.unfinishedOperations(inNamespace: released.key.namespace) where operation.metadata.uid != released.uid {
                if !operation.isRunning { operations.add(operation.key) }
            }
        }
        operationReconciler = OperationReconciler(
            cluster: cluster, observer: observer, queue: queue,
            settings: settings, reach: options.reach, logLinks: options.logLinks, clock: clock)
    }

    /// Keeps what is known of the cluster up to date until the task is cancelled. Changes nothing.
    func watch() async {
        connect()
        await withTaskGroup { group in
            reflect(cluster.profiles, in: &group)
            reflect(cluster.tables, in: &group)
            reflect(cluster.policies, in: &group)
            reflect(cluster.clones, in: &group)
            reflect(cluster.operations, in: &group)
            reflect(cluster.jobs, managedOnly: true, in: &group)
            reflect(cluster.pods, managedOnly: true, in: &group)
        }
    }

    /// Does what is due until the task is cancelled.
    func control() async {
        await withTaskGroup { group in
            // Nothing is decided on part of the truth: an object that is missing from a list that has not come yet would be made a second time.
            if await cluster.waitUntilSynced() {
                logger.info("the first lists have arrived", ["tables": cluster.tables.count, "operations": cluster.operations.count])
                control("profile", profileQueue, profileReconciler.reconcile, in: &group)
                control("table", tableQueue, tableReconciler.reconcile, in: &group)
                control("policy", policyQueue, policyReconciler.reconcile, in: &group)
                control("clone", cloneQueue, cloneReconciler.reconcile, in: &group)
                control("operation", operationQueue, operationReconciler.reconcile, in: &group)
            }
            await group.waitForAll()
        }
        for queue in [profileQueue, tableQueue, policyQueue, cloneQueue, operationQueue] { queue.shutDown() }
    }

    private func reflect<Object: KubeResource>(_ store: Store<Object>, managedOnly: Bool = false, in group: inout TaskGroup<Void>) {
        var options = Reflector<Object>.Options()
        options.namespace = namespace
        options.streamsLists = true
        options.resyncPeriod = resyncPeriod
        if managedOnly { options.labelSelector = "\(Names.Label.managedBy)=\(Names.Label.managedByLevee)" }
        let reflector = Reflector(client: cluster.client, store: store, options: options)
        group.addTask { await reflector.run() }
    }

    private func control(
        _ name: String, _ queue: WorkQueue<ObjectKey>, _ reconcile: @escaping @Sendable (ObjectKey) async throws -> Requeue,
        in group: inout TaskGroup<Void>
    ) {
        let controller = Controller(name: name, queue: queue, workers: workers, logger: logger) { [metrics] key in
            try await metrics.measure(name) { try await reconcile(key) }
        }
        group.addTask { await controller.run() }
    }

    // MARK: - Who wakes whom

    private func connect() {
        cluster.profiles.onChange { change in
            if change.isOfSpec {
                secrets.watch(secretsOfProfiles, for: namespace ?? "")
                if let old = change.old, old.metadata.uid != change.new?.metadata.uid { stores.forget(profileUID: old.metadata.uid) }
                profileQueue.add(change.key)
            } else if !change.changes({ $0.status?.conditions?[ConditionType.ready]?.outcome }) {
                return
            }
            wakeUsers(ofProfile: change.key)
        }
        secrets.onChange { secret in
            for profile in cluster.profiles.objects(namespace: secret.namespace) where profile.secrets.contains(secret) { profileQueue.add(profile.key) }
        }
        cluster.tables.onChange { change in
            if change.isOfSpec {
                tableQueue.add(change.key)
                tableChanged(change)
            }
            // What was not there may be now, and a clone have waited for it.
            if change.isOfSpec || change.changes({ $0.status?.conditions?[ConditionType.ready]?.outcome }) { wakeClones(of: change) }
            if change.isOfSpec || change.changes({ $0.status?.maintenance }) { wakePolicies(in: change.key.namespace) }
        }
        cluster.policies.onChange { change in
            guard change.isOfSpec else { return }
            policyQueue.add(change.key)
            for table in cluster.tables.objects(namespace: change.key.namespace) { tableQueue.add(table.key) }
            wakeOperations(in: change.key.namespace) { $0.policyName == change.key.name }
        }
        cluster.clones.onChange { change in
            guard change.isOfSpec else { return }
            cloneQueue.add(change.key)
            // Another clone may have waited for this one's target.
            for location in [change.old, change.new].compactMap({ $0?.targetLocation }) {
                for other in cluster.clones(to: location) where other.key != change.key { cloneQueue.add(other.key) }
            }
        }
        cluster.operations.onChange { change in
            let isOfPhase = change.changes { $0.status?.phase }
            if change.isOfSpec || isOfPhase || change.changes({ $0.metadata.finalizers }) { operationQueue.add(change.key) }
            if change.isOfSpec || isOfPhase { operationChanged(change) }
            if isOfPhase || change.changes({ $0.status?.conditions?[ConditionType.ready]?.outcome }) { wakeClone(of: change) }
        }
        cluster.jobs.onChange { change in
            if let job = change.new ?? change.old { wakeOwner(of: job) }
        }
        cluster.pods.onChange { change in
            guard change.isResync || change.changes({ $0.status }), let owner = (change.new ?? change.old)?.metadata.controllerReference,
                let job = cluster.jobs[ObjectKey(namespace: change.key.namespace, name: owner.name)]
            else { return }
            wakeOwner(of: job)
        }
    }

    /// The secrets that profiles name, those of tables' credentials and of authorities.
    private var secretsOfProfiles: Set<ObjectKey> { cluster.profiles.objects.reduce(into: []) { $0.formUnion($1.secrets) } }

    private func wakeOwner(of job: Job) {
        guard let owner = job.metadata.controllerReference else { return }
        let key = ObjectKey(namespace: job.metadata.namespace, name: owner.name)
        if owner.kind == StorageProfile.kind { profileQueue.add(key) } else { operationQueue.add(key) }
    }

    private func tableChanged(_ change: StoreChange<DeltaTable>) {
        for table in [change.old, change.new].compactMap({ $0 }) {
            guard let location = try? TableLocation(table.spec.location) else { continue }
            // Another table may have waited for this location.
            for other in cluster.tables(at: location) where other.key != change.key { tableQueue.add(other.key) }
            if change.new == nil {
                observer.forget(place(of: table, at: location))
                metrics.forget(table: change.key)
            }
        }
        wakeOperations(in: change.key.namespace) { $0.tableKey == change.key }
    }

    /// As far as its profile still tells.
    private func place(of table: DeltaTable, at location: TableLocation) -> TablePlace {
        let profile = cluster.profile(ObjectKey(namespace: table.metadata.namespace, name: table.spec.storageRef.name))
        let access = profile.flatMap { try? Placement.access(to: $0, reach: OperatorReach(hostFilesystem: true)) }
        return TablePlace(location: location, access: access ?? .host)
    }

    private func operationChanged(_ change: StoreChange<TableOperation>) {
        guard let operation = change.new ?? change.old else { return }
        if let table = operation.tableKey { tableQueue.add(table) }
        if let policy = operation.policyName { policyQueue.add(ObjectKey(namespace: change.key.namespace, name: policy), after: Self.countingDelay) }
        guard change.new?.isFinished ?? true else { return }
        // Its place is free: for others of the queue, and for tables that their policy's limit held back.
        wakeOperations(in: change.key.namespace) { $0.metadata.uid != operation.metadata.uid && !$0.isRunning }
        guard let policy = operation.policyName else { return }
        for table in cluster.tables.objects(namespace: change.key.namespace) where table.waitsForPlace(of: policy) { tableQueue.add(table.key) }
    }

    /// The TableClone that an operation works for.
    private func wakeClone(of change: StoreChange<TableOperation>) {
        guard let owner = (change.new ?? change.old)?.cloneReference else { return }
        cloneQueue.add(ObjectKey(namespace: change.key.namespace, name: owner.name))
    }

    /// TableClones that have a table for their source, or would have its place for their target.
    private func wakeClones(of change: StoreChange<DeltaTable>) {
        for clone in cluster.clones.objects(namespace: change.key.namespace) where clone.sourceTableKey == change.key { cloneQueue.add(clone.key) }
        for table in [change.old, change.new].compactMap(\.self) {
            guard let location = try? TableLocation(table.spec.location) else { continue }
            for clone in cluster.clones(to: location) { cloneQueue.add(clone.key) }
        }
    }

    private func wakeUsers(ofProfile key: ObjectKey) {
        for clone in cluster.clones.objects(namespace: key.namespace) where clone.spec.target.storageRef.name == key.name { cloneQueue.add(clone.key) }
        for table in cluster.tables(ofProfile: key) { tableQueue.add(table.key) }
        wakeOperations(in: key.namespace) { !$0.isRunning }
    }

    private func wakeOperations(in namespace: String, where isMeant: (TableOperation) -> Bool) {
        for operation in cluster.unfinishedOperations(inNamespace: namespace) where isMeant(operation) { operationQueue.add(operation.key) }
    }

    private func wakePolicies(in namespace: String) {
        for policy in cluster.policies.objects(namespace: namespace) { policyQueue.add(policy.key, after: Self.countingDelay) }
    }
}

extension StoreChange {
    /// Whether a person changed the object: it is new, gone or going, or has another spec, other labels or other annotations. A resync is taken as such.
    fileprivate var isOfSpec: Bool {
        guard let old, let new, !isResync else { return true }
        return old.metadata.uid != new.metadata.uid || old.metadata.generation != new.metadata.generation || old.metadata.labels != new.metadata.labels
            || old.metadata.annotations != new.metadata.annotations || old.metadata.deletionTimestamp != new.metadata.deletionTimestamp
    }

    fileprivate func changes<Value: Equatable>(_ value: (Object) -> Value) -> Bool { old.map(value) != new.map(value) }
}

extension DeltaTable {
    fileprivate func waitsForPlace(of policy: String) -> Bool {
        MaintenanceTask.allCases.contains { task in
            status?.maintenance?[task].map { $0.policy == policy && $0.decision.reason == DecisionReason.concurrencyLimit.rawValue } ?? false
        }
    }
}

extension StorageProfile {
    /// The secrets that it takes, as far as it is valid.
    fileprivate var secrets: Set<ObjectKey> {
        guard case let .store(access)? = try? Placement.access(to: self, reach: OperatorReach(hostFilesystem: true)) else { return [] }
        return access.secrets
    }
}

extension Condition {
    /// What those who wait for it look at; the message may name another request each time.
    fileprivate var outcome: [String] { [status.rawValue, reason, "\(observedGeneration ?? 0)"] }
}
