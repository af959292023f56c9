import Base
import KubeClient
import ObjectStore

/// The cluster behind an API server: what reflectors keep up to date, and the client's writes.
///
/// Around every write stand fault points, so that tests can kill the operator just before and just after each of them.
final class KubeCluster: Cluster {
    let client: KubeClient
    let profiles = Store<StorageProfile>()
    let tables = Store<DeltaTable>(indexes: [
        Index.location: { table in (try? TableLocation(table.spec.location)).map { [$0.description] } ?? [] },
        Index.profile: { table in [ObjectKey(namespace: table.metadata.namespace, name: table.spec.storageRef.name).description] },
    ])
    let policies = Store<MaintenancePolicy>()
    let clones = Store<TableClone>(indexes: [Index.location: { clone in clone.targetLocation.map { [$0.description] } ?? [] }])
    let operations = Store<TableOperation>(indexes: [
        Index.table: { operation in operation.tableKey.map { [$0.description] } ?? [] },
        Index.policy: { operation in operation.policyName.map { ["\(operation.metadata.namespace)/\($0)"] } ?? [] },
        Index.clone: { operation in operation.cloneReference.map { [$0.uid] } ?? [] },
        Index.unfinished: { operation in operation.isFinished ? [] : [operation.metadata.namespace] },
    ])
    let jobs = Store<Job>()
    let pods = Store<Pod>(indexes: [Index.operation: { pod in pod.metadata.labels[Names.Label.operationUID].map { [$0] } ?? [] }])
    private let events: EventRecorder

    private enum Index {
        static let location = "location"
        static let profile = "profile"
        static let table = "table"
        static let policy = "policy"
        static let clone = "clone"
        static let unfinished = "unfinished"
        static let operation = "operation"
    }

    init(client: KubeClient, events: EventRecorder) {
        self.client = client
        self.events = events
    }

    // MARK: - What watches brought

    func profile(_ key: ObjectKey) -> StorageProfile? { profiles[key] }
    func table(_ key: ObjectKey) -> DeltaTable? { tables[key] }
    func tables(inNamespace namespace: String) -> [DeltaTable] { tables.objects(namespace: namespace) }
    func tables(at location: TableLocation) -> [DeltaTable] { tables.objects(index: Index.location, value: location.description) }
    func tables(ofProfile key: ObjectKey) -> [DeltaTable] { tables.objects(index: Index.profile, value: key.description) }
    func policy(_ key: ObjectKey) -> MaintenancePolicy? { policies[key] }
    func policies(inNamespace namespace: String) -> [MaintenancePolicy] { policies.objects(namespace: namespace) }
    func clone(_ key: ObjectKey) -> TableClone? { clones[key] }
    func clones(to location: TableLocation) -> [TableClone] { clones.objects(index: Index.location, value: location.description) }
    func operation(_ key: ObjectKey) -> TableOperation? { operations[key] }
    func operations(ofTable key: ObjectKey) -> [TableOperation] { operations.objects(index: Index.table, value: key.description) }
    func operations(ofPolicy key: ObjectKey) -> [TableOperation] { operations.objects(index: Index.policy, value: key.description) }
    func operations(ofClone uid: String) -> [TableOperation] { operations.objects(index: Index.clone, value: uid) }
    func unfinishedOperations(inNamespace namespace: String) -> [TableOperation] { operations.objects(index: Index.unfinished, value: namespace) }
    func job(_ key: ObjectKey) -> Job? { jobs[key] }

    func pods(ofOperation uid: String, namespace: String) -> [Pod] {
        pods.objects(index: Index.operation, value: uid).filter { $0.metadata.namespace == namespace }
    }

    // MARK: - Straight from the server

    func fetchOperation(_ key: ObjectKey) async throws(KubeError) -> TableOperation? { try await client.find(TableOperation.self, key) }

    func fetchJob(_ key: ObjectKey) async throws(KubeError) -> Job? { try await client.find(Job.self, key) }

    func fetchPods(ofOperation uid: String, namespace: String) async throws(KubeError) -> [Pod] {
        try await client.listAll(Pod.self, namespace: namespace, ListOptions(labelSelector: "\(Names.Label.operationUID)=\(uid)")).items
    }

    func fetchPods(ofProbe job: ObjectKey) async throws(KubeError) -> [Pod] {
        try await client.listAll(Pod.self, namespace: job.namespace, ListOptions(labelSelector: "\(Names.Label.probe)=\(job.name)")).items
    }

    func podRefusal(of job: Job) async throws(KubeError) -> String? {
        // Admission (quotas, limit ranges, Pod Security, a missing account) speaks to whoever creates the pod, and the Job's controller passes it on.
        let options = ListOptions(fieldSelector: "involvedObject.uid=\(job.metadata.uid),reason=FailedCreate")
        do {
            let events = try await client.listAll(Event.self, namespace: job.metadata.namespace, options).items
            return events.max { ($0.lastTimestamp?.time ?? .epoch) < ($1.lastTimestamp?.time ?? .epoch) }?.message
        } catch {
            // An operator without the right to read events does its work all the same.
            if error.isForbidden { return nil }
            throw error
        }
    }

    func logTail(_ pod: Pod, lines: Int) async throws(KubeError) -> [String]? {
        do {
            let log = try await client.logs(pod.key, LogOptions(container: Names.workerContainer, tailLines: lines))
            var tail: [String] = []
            while let line = try await log.next() { tail.append(line) }
            return tail
        } catch {
            // A pod that has just started, or has just gone, has no log; nobody misses it.
            if error.isCancelled { throw error }
            return nil
        }
    }

    // MARK: - Writes

    func writeStatus(_ status: StorageProfileStatus, of profile: StorageProfile) async throws(KubeError) { try await apply(status, to: profile) }
    func writeStatus(_ status: DeltaTableStatus, of table: DeltaTable) async throws(KubeError) { try await apply(status, to: table) }
    func writeStatus(_ status: MaintenancePolicyStatus, of policy: MaintenancePolicy) async throws(KubeError) { try await apply(status, to: policy) }
    func writeStatus(_ status: TableCloneStatus, of clone: TableClone) async throws(KubeError) { try await apply(status, to: clone) }

    func writeStatus(_ status: TableOperationStatus, of operation: TableOperation) async throws(KubeError) -> TableOperation {
        try await apply(status, to: operation)
    }

    @discardableResult
    private func apply<Object: KubeResource>(_ status: some Encodable, to object: Object) async throws(KubeError) -> Object {
        FaultPoint.hit("operator.status.before")
        let written = try await client.applyStatus(Object.self, object.key, status: status, resourceVersion: object.metadata.resourceVersion)
        FaultPoint.hit("operator.status.after")
        return written
    }

    func create(_ operation: TableOperation) async throws(KubeError) {
        FaultPoint.hit("operator.create-operation.before")
        try await client.create(operation)
        FaultPoint.hit("operator.create-operation.after")
    }

    func create(_ table: DeltaTable) async throws(KubeError) {
        FaultPoint.hit("operator.create-table.before")
        try await client.create(table)
        FaultPoint.hit("operator.create-table.after")
    }

    func delete(_ operation: TableOperation) async throws(KubeError) {
        FaultPoint.hit("operator.delete-operation.before")
        try await forgiving { () throws(KubeError) in
            try await client.delete(TableOperation.self, operation.key, DeleteOptions(propagation: .background, uid: operation.metadata.uid))
        }
        FaultPoint.hit("operator.delete-operation.after")
    }

    func setFinalizers(_ finalizers: [String], of operation: TableOperation) async throws(KubeError) -> TableOperation? {
        FaultPoint.hit("operator.finalizer.before")
        let patch: JSONValue = [
            "metadata": [
                "finalizers": .array(finalizers.map(JSONValue.string)), "uid": .string(operation.metadata.uid),
                "resourceVersion": .string(operation.metadata.resourceVersion),
            ]
        ]
        do {
            let changed = try await client.patch(TableOperation.self, operation.key, .merge(patch))
            FaultPoint.hit("operator.finalizer.after")
            // Without its last finalizer a deleted object is gone, though the server shows it once more.
            return finalizers.isEmpty && operation.metadata.isBeingDeleted ? nil : changed
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    func createJob(_ manifest: JSONValue) async throws(KubeError) -> Job {
        FaultPoint.hit("operator.create-job.before")
        let job = try await client.create(Job.gvr, Resource(json: manifest)).decoded(as: Job.self)
        FaultPoint.hit("operator.create-job.after")
        return job
    }

    func delete(_ job: Job) async throws(KubeError) {
        FaultPoint.hit("operator.delete-job.before")
        try await forgiving { () throws(KubeError) in
            try await client.delete(Job.self, job.key, DeleteOptions(propagation: .foreground, uid: job.metadata.uid))
        }
        FaultPoint.hit("operator.delete-job.after")
    }

    func event(_ kind: EventKind, on object: ObjectReference, reason: String, message: String) {
        events.record(object, kind == .warning ? .warning : .normal, reason: reason, message: message)
    }

    /// What is gone already needs no deletion, nor what has that name now in its place.
    private func forgiving(_ body: () async throws(KubeError) -> Void) async throws(KubeError) {
        do { try await body() } catch {
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }
}

extension KubeCluster {
    var isSynced: Bool {
        profiles.isSynced && tables.isSynced && policies.isSynced && clones.isSynced && operations.isSynced && jobs.isSynced && pods.isSynced
    }

    /// False where the task was cancelled before.
    func waitUntilSynced() async -> Bool {
        do {
            try await profiles.waitUntilSynced()
            try await tables.waitUntilSynced()
            try await policies.waitUntilSynced()
            try await clones.waitUntilSynced()
            try await operations.waitUntilSynced()
            try await jobs.waitUntilSynced()
            try await pods.waitUntilSynced()
            return true
        } catch {
            return false
        }
    }
}
