import Base
import Jobs
import KubeClient
import ObjectStore
import TestSupport

@testable import Operator

/// The controllers on a cluster and tables in memory, with workers that do in one go what pods do.
final class Harness {
    enum WorkerFate {
        case succeeds
        /// Commits, and is killed before it can say so.
        case diesAfterCommit
        /// Its pod and result are gone when the Job is seen complete.
        case loses
        case fails(TaskResult.Outcome, String)
        /// Goes on for ever.
        case hangs
    }

    static let namespace = "lake"
    static let location = "file:///lake/orders"
    static let cloneLocation = "file:///lake/copies/orders"

    let clock = ManualClock(Timestamp(rfc3339: "2026-04-11T12:00:00Z") ?? .epoch)
    let cluster: InMemoryCluster
    let tables = FakeTables()
    var fate = WorkerFate.succeeds
    /// How often the operator was killed.
    private(set) var kills = 0
    private(set) var errors: [String] = []
    /// What workers were asked to do, each time they were started.
    private(set) var ranTasks: [WorkerTask] = []
    private var operationReconciler: OperationReconciler
    private var tableReconciler: TableReconciler
    private var policyReconciler: PolicyReconciler
    private var cloneReconciler: CloneReconciler

    init() {
        cluster = InMemoryCluster(clock: clock)
        (operationReconciler, tableReconciler, policyReconciler, cloneReconciler) = Self.controllers(cluster, tables, clock)
    }

    private static func controllers(_ cluster: InMemoryCluster, _ tables: FakeTables, _ clock: ManualClock) -> (
        OperationReconciler, TableReconciler, PolicyReconciler, CloneReconciler
    ) {
        (
            OperationReconciler(
                cluster: cluster, observer: tables, queue: OperationQueue(), settings: WorkerJob.Settings(image: "levee:test"),
                reach: OperatorReach(hostFilesystem: true),
                clock: clock),
            TableReconciler(
                cluster: cluster, observer: tables, timeZones: TimeZoneDatabase(), reach: OperatorReach(hostFilesystem: true), clock: clock,
                random: SeededRandomSource(seed: 1)),
            PolicyReconciler(cluster: cluster, timeZones: TimeZoneDatabase(), clock: clock),
            CloneReconciler(
                cluster: cluster, observer: tables, timeZones: TimeZoneDatabase(), reach: OperatorReach(hostFilesystem: true), clock: clock)
        )
    }

    /// A new process: it knows what the server knows.
    func restart() {
        kills += 1
        cluster.sync()
        (operationReconciler, tableReconciler, policyReconciler, cloneReconciler) = Self.controllers(cluster, tables, clock)
    }

    // MARK: Objects

    func addProfile(_ spec: String = #"{"root":"file:///lake","filesystem":{}}"#) throws {
        cluster.add(
            StorageProfile(
                metadata: ObjectMeta(name: "lake", namespace: Self.namespace), spec: try JSON.decode(StorageProfileSpec.self, from: spec), status: nil))
    }

    func addTable(_ name: String = "orders", location: String = Harness.location, smallFiles: Int64 = 300) throws {
        let spec = DeltaTableSpec(location: location, storageRef: NameReference(name: "lake"))
        var metadata = ObjectMeta(name: name, namespace: Self.namespace)
        metadata.labels = ["layer": "bronze"]
        cluster.add(DeltaTable(metadata: metadata, spec: spec, status: nil))
        tables[location].smallFiles = smallFiles
    }

    func addPolicy(_ name: String = "bronze", _ spec: String = #""optimize":{}"#) throws {
        cluster.add(
            MaintenancePolicy(
                metadata: ObjectMeta(name: name, namespace: Self.namespace),
                spec: try JSON.decode(MaintenancePolicySpec.self, from: #"{"tableSelector":{"matchLabels":{"layer":"bronze"}},"# + spec + "}"), status: nil))
    }

    func addOperation(_ name: String = "run", _ spec: String = #"{"tableRef":{"name":"orders"},"optimize":{}}"#) throws {
        cluster.add(
            TableOperation(
                metadata: ObjectMeta(name: name, namespace: Self.namespace), spec: try JSON.decode(TableOperationSpec.self, from: spec), status: nil))
    }

    /// - Parameter more: members of the spec besides source and target.
    func addClone(
        _ name: String = "copy", source: String = #"{"tableRef":{"name":"orders"}}"#, target: String = Harness.cloneLocation, createTable: Bool = false,
        more: String = ""
    ) throws {
        let spec = "{\"source\":\(source),\"target\":{\"location\":\"\(target)\",\"storageRef\":{\"name\":\"lake\"},\"createTable\":\(createTable)}\(more)}"
        cluster.add(
            TableClone(metadata: ObjectMeta(name: name, namespace: Self.namespace), spec: try JSON.decode(TableCloneSpec.self, from: spec), status: nil))
    }

    func clone(_ name: String = "copy") -> TableClone? { cluster.state.withLock { $0.server.clones[Self.key(name)] } }

    /// As a person does with kubectl: a changed spec has another generation.
    func editClone(_ name: String = "copy", _ change: (inout TableClone) -> Void) {
        cluster.edit { contents in
            guard var clone = contents.clones[Self.key(name)] else { return }
            let spec = clone.spec
            change(&clone)
            if clone.spec != spec { clone.metadata.generation += 1 }
            clone.metadata.resourceVersion = "edited-\(clone.metadata.resourceVersion)"
            contents.clones[clone.key] = clone
        }
    }

    func operation(_ name: String) -> TableOperation? { cluster.operations.first { $0.metadata.name == name } }

    func table(_ name: String = "orders") -> DeltaTable? { cluster.state.withLock { $0.server.tables[Self.key(name)] } }

    func policy(_ name: String = "bronze") -> MaintenancePolicy? { cluster.state.withLock { $0.server.policies[Self.key(name)] } }

    static func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }

    // MARK: Time goes by

    /// Reconciles everything once, some seconds later. A controller that is killed is started again.
    /// - Parameter stale: the watches do not catch up first.
    func step(stale: Bool = false, workers: Bool = true) async {
        clock.advance(by: .seconds(5))
        if !stale { cluster.sync() }
        let contents = cluster.state.withLock { $0.cache }
        for key in contents.tables.keys.sorted() { await attempt { try await self.tableReconciler.reconcile(key) } }
        for key in contents.clones.keys.sorted() { await attempt { try await self.cloneReconciler.reconcile(key) } }
        if !stale { cluster.sync() }
        let operations = cluster.state.withLock { $0.cache.operations.keys.sorted() }
        for key in operations { await attempt { try await self.operationReconciler.reconcile(key) } }
        for key in contents.policies.keys.sorted() { await attempt { try await self.policyReconciler.reconcile(key) } }
        if workers { runWorkers() }
    }

    func steps(_ count: Int) async {
        for _ in 0..<count { await step() }
    }

    private func attempt(_ reconcile: () async throws -> Requeue) async {
        do {
            _ = try await reconcile()
        } catch let error as KubeError where error.isCancelled {
            restart()
        } catch let error as KubeError where error.isConflict || error.isAlreadyExists {
            // Tried again at the next step, as the work queue does.
        } catch {
            errors.append("\(error)")
        }
    }

    func runWorkers() {
        for job in cluster.jobs {
            if job.metadata.isBeingDeleted {
                cluster.edit { contents in
                    contents.jobs[job.key] = nil
                    contents.pods = contents.pods.filter { $0.value.metadata.controllerReference?.uid != job.metadata.uid }
                }
            } else if !job.isFinished, job.spec?.suspend != true {
                run(job)
            }
        }
    }

    private func run(_ job: Job) {
        guard let arguments = job.spec?.template?.value(at: ["spec"])?["containers"]?[0]?["args"]?.arrayValue, let text = arguments.last?.stringValue,
            let task = try? WorkerTask(json: Bytes(text))
        else { return errors.append("job \(job.key) has no task") }
        var result: TaskResult
        ranTasks.append(task)
        switch fate {
        case .hangs: return
        case let .fails(outcome, message): result = TaskResult(outcome: outcome, message: message)
        case .succeeds, .diesAfterCommit, .loses:
            let clone = task.work.value as? CloneWork
            let commit =
                task.dryRun
                ? nil
                : tables.commit(
                    clone?.target ?? task.location, operationUID: task.operation.uid,
                    transaction: task.transaction.map { .init(appId: $0.appId, version: $0.version) },
                    sourceVersion: clone.map { $0.version ?? tables[task.location].version })
            result = TaskResult(outcome: .succeeded, message: "merged", version: commit?.version, metrics: commit?.metrics ?? [:])
        }
        var pod = Pod(metadata: ObjectMeta(name: job.metadata.name + "-pod", namespace: job.metadata.namespace))
        pod.metadata.labels = [Names.Label.operationUID: task.operation.uid]
        pod.metadata.ownerReferences = [job.controllerReference]
        var ended = Job.Status()
        switch fate {
        case .succeeds, .loses: ended.conditions = [Condition(type: "Complete", status: .true, reason: "", message: "", lastTransitionTime: clock.now())]
        default:
            ended.failed = 1
            let reason = result.outcome == .permanent ? "PodFailurePolicy" : "BackoffLimitExceeded"
            ended.conditions = [Condition(type: "Failed", status: .true, reason: reason, message: "the Job's words", lastTransitionTime: clock.now())]
        }
        var containers = Pod.ContainerStatus(name: Names.workerContainer)
        let message: String? = if case .diesAfterCommit = fate { nil } else { try? result.encoded() }
        containers.state = try? JSON.decode(
            Pod.ContainerState.self,
            from: ["terminated": ["exitCode": .integer(Int64(WorkerExit(result.outcome).rawValue)), "message": message.map(JSONValue.string) ?? .null]])
        pod.status = Pod.Status()
        pod.status?.containerStatuses = [containers]
        let loses = if case .loses = fate { true } else { false }
        cluster.edit { contents in
            contents.jobs[job.key]?.status = ended
            if !loses { contents.pods[pod.key] = pod }
        }
    }
}
