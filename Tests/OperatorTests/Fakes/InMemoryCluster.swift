import Base
import Jobs
import KubeClient
import ObjectStore
import TestSupport

@testable import Operator

/// The process was killed at a write.
struct Killed: Error {}

/// An API server in memory, as far as the controllers need one: resource versions, the status subresource, finalizers, foreground deletion of Jobs. What
/// the controllers read may lag behind it, and it can kill them just before and just after any write.
final class InMemoryCluster: Cluster {
    struct Contents {
        var profiles: [ObjectKey: StorageProfile] = [:]
        var tables: [ObjectKey: DeltaTable] = [:]
        var policies: [ObjectKey: MaintenancePolicy] = [:]
        var clones: [ObjectKey: TableClone] = [:]
        var operations: [ObjectKey: TableOperation] = [:]
        var jobs: [ObjectKey: Job] = [:]
        var pods: [ObjectKey: Pod] = [:]
        var logs: [ObjectKey: [String]] = [:]
        /// What the server says to the creation of a Job's pods.
        var refusals: [ObjectKey: String] = [:]
    }

    struct State {
        var server = Contents()
        var cache = Contents()
        var version = 0
        var uids = 0
        /// Counts the moments just before and just after writes.
        var moments = 0
        var killAt: Set<Int> = []
        var createdJobs: [String] = []
        var createdOperations: [String] = []
        var events: [String] = []
        var refuseJobs: KubeError?
    }

    let clock: ManualClock
    let state = Lock(State())

    init(clock: ManualClock) { self.clock = clock }

    // MARK: For tests

    /// Lets the watches catch up.
    func sync() { state.withLock { $0.cache = $0.server } }

    func killAt(_ moments: Set<Int>) { state.withLock { $0.killAt = moments } }

    var moments: Int { state.withLock { $0.moments } }
    var createdJobs: [String] { state.withLock { $0.createdJobs } }
    var createdOperations: [String] { state.withLock { $0.createdOperations } }
    var events: [String] { state.withLock { $0.events } }
    var operations: [TableOperation] { state.withLock { Array($0.server.operations.values) } }
    var jobs: [Job] { state.withLock { Array($0.server.jobs.values) } }

    func edit(_ change: (inout Contents) -> Void) {
        state.withLock { state in
            change(&state.server)
            state.cache = state.server
        }
    }

    func refuseJobs(with error: KubeError?) { state.withLock { $0.refuseJobs = error } }

    /// As a person does with kubectl.
    func add(_ profile: StorageProfile) { edit { $0.profiles[profile.key] = self.stamped(profile) } }
    func add(_ table: DeltaTable) { edit { $0.tables[table.key] = self.stamped(table) } }
    func add(_ policy: MaintenancePolicy) { edit { $0.policies[policy.key] = self.stamped(policy) } }
    func add(_ clone: TableClone) { edit { $0.clones[clone.key] = self.stamped(clone) } }
    func add(_ operation: TableOperation) { edit { $0.operations[operation.key] = self.stamped(operation) } }

    private let counter = Lock(0)

    private func stamped<Object: KubeResource>(_ object: Object) -> Object {
        let number = counter.withLock { counter in
            counter += 1
            return counter
        }
        var object = object
        if object.metadata.uid.isEmpty { object.metadata.uid = "uid-\(number)" }
        object.metadata.resourceVersion = "r\(number)"
        object.metadata.generation = max(1, object.metadata.generation)
        if object.metadata.creationTimestamp == nil { object.metadata.creationTimestamp = clock.now().wholeSeconds }
        return object
    }

    /// One write: the server may kill the caller before it, and after it.
    private func write<Result>(_ body: (inout State) throws(KubeError) -> Result) throws(KubeError) -> Result {
        try moment()
        let result = try state.withLock { state throws(KubeError) in try body(&state) }
        try moment()
        return result
    }

    private func moment() throws(KubeError) {
        let isKilled = state.withLock { state in
            state.moments += 1
            return state.killAt.contains(state.moments)
        }
        if isKilled { throw .cancelled }
    }

    static func status(_ code: Int, _ reason: String) -> KubeError {
        .status(APIStatus(code: code, reason: reason, message: reason), request: "test")
    }

    private func replace<Object: KubeResource>(_ objects: WritableKeyPath<Contents, [ObjectKey: Object]>, _ object: Object, _ change: (inout Object) -> Void)
        throws(KubeError) -> Object
    {
        try write { state throws(KubeError) in
            guard var current = state.server[keyPath: objects][object.key] else { throw Self.status(404, "NotFound") }
            guard current.metadata.resourceVersion == object.metadata.resourceVersion else { throw Self.status(409, "Conflict") }
            change(&current)
            let stamped = self.stamped(current)
            state.server[keyPath: objects][object.key] = stamped
            return stamped
        }
    }

    // MARK: Cluster

    private func cached<Value>(_ read: (Contents) -> Value) -> Value { state.withLock { read($0.cache) } }

    func profile(_ key: ObjectKey) -> StorageProfile? { cached { $0.profiles[key] } }
    func table(_ key: ObjectKey) -> DeltaTable? { cached { $0.tables[key] } }
    func tables(inNamespace namespace: String) -> [DeltaTable] { cached { $0.tables.values.filter { $0.metadata.namespace == namespace } } }
    func policy(_ key: ObjectKey) -> MaintenancePolicy? { cached { $0.policies[key] } }
    func policies(inNamespace namespace: String) -> [MaintenancePolicy] { cached { $0.policies.values.filter { $0.metadata.namespace == namespace } } }
    func clone(_ key: ObjectKey) -> TableClone? { cached { $0.clones[key] } }
    func clones(to location: TableLocation) -> [TableClone] { cached { $0.clones.values.filter { $0.targetLocation == location } } }
    func operations(ofClone uid: String) -> [TableOperation] { cached { $0.operations.values.filter { $0.cloneReference?.uid == uid } } }
    func operation(_ key: ObjectKey) -> TableOperation? { cached { $0.operations[key] } }
    func operations(ofTable key: ObjectKey) -> [TableOperation] { cached { $0.operations.values.filter { $0.tableKey == key } } }

    func operations(ofPolicy key: ObjectKey) -> [TableOperation] {
        cached { $0.operations.values.filter { $0.metadata.namespace == key.namespace && $0.policyName == key.name } }
    }

    func unfinishedOperations(inNamespace namespace: String) -> [TableOperation] {
        cached { $0.operations.values.filter { $0.metadata.namespace == namespace && !$0.isFinished } }
    }

    func job(_ key: ObjectKey) -> Job? { cached { $0.jobs[key] } }

    func pods(ofOperation uid: String, namespace: String) -> [Pod] {
        cached { $0.pods.values.filter { $0.metadata.namespace == namespace && $0.metadata.labels[Names.Label.operationUID] == uid } }
    }

    func tables(at location: TableLocation) -> [DeltaTable] {
        cached { $0.tables.values.filter { (try? TableLocation($0.spec.location)) == location } }
    }

    func fetchOperation(_ key: ObjectKey) async throws(KubeError) -> TableOperation? { state.withLock { $0.server.operations[key] } }

    func fetchJob(_ key: ObjectKey) async throws(KubeError) -> Job? { state.withLock { $0.server.jobs[key] } }

    func fetchPods(ofOperation uid: String, namespace: String) async throws(KubeError) -> [Pod] {
        state.withLock { $0.server.pods.values.filter { $0.metadata.labels[Names.Label.operationUID] == uid } }
    }

    func fetchPods(ofProbe job: ObjectKey) async throws(KubeError) -> [Pod] {
        state.withLock { $0.server.pods.values.filter { $0.metadata.labels[Names.Label.probe] == job.name } }
    }

    func podRefusal(of job: Job) async throws(KubeError) -> String? { state.withLock { $0.server.refusals[job.key] } }

    func logTail(_ pod: Pod, lines: Int) async throws(KubeError) -> [String]? { state.withLock { $0.server.logs[pod.key]?.suffix(lines) } }

    func writeStatus(_ status: StorageProfileStatus, of profile: StorageProfile) async throws(KubeError) {
        _ = try replace(\.profiles, profile) { $0.status = status }
    }

    func writeStatus(_ status: DeltaTableStatus, of table: DeltaTable) async throws(KubeError) { _ = try replace(\.tables, table) { $0.status = status } }

    func writeStatus(_ status: MaintenancePolicyStatus, of policy: MaintenancePolicy) async throws(KubeError) {
        _ = try replace(\.policies, policy) { $0.status = status }
    }

    func writeStatus(_ status: TableCloneStatus, of clone: TableClone) async throws(KubeError) { _ = try replace(\.clones, clone) { $0.status = status } }

    func writeStatus(_ status: TableOperationStatus, of operation: TableOperation) async throws(KubeError) -> TableOperation {
        try replace(\.operations, operation) { $0.status = status }
    }

    func create(_ operation: TableOperation) async throws(KubeError) {
        try write { state throws(KubeError) in
            guard state.server.operations[operation.key] == nil else { throw Self.status(409, "AlreadyExists") }
            state.server.operations[operation.key] = self.stamped(operation)
            state.createdOperations.append(operation.metadata.name)
        }
    }

    func create(_ table: DeltaTable) async throws(KubeError) {
        try write { state throws(KubeError) in
            guard state.server.tables[table.key] == nil else { throw Self.status(409, "AlreadyExists") }
            state.server.tables[table.key] = self.stamped(table)
        }
    }

    func delete(_ operation: TableOperation) async throws(KubeError) {
        try write { state throws(KubeError) in self.delete(operation.key, uid: operation.metadata.uid, &state.server) }
    }

    /// As the server does: with finalizers it is only marked.
    func delete(_ key: ObjectKey, uid: String, _ contents: inout Contents) {
        guard var current = contents.operations[key], current.metadata.uid == uid else { return }
        if current.metadata.finalizers.isEmpty {
            contents.operations[key] = nil
            for (job, owned) in contents.jobs where owned.metadata.controllerReference?.uid == uid { contents.jobs[job] = nil }
        } else {
            current.metadata.deletionTimestamp = clock.now()
            contents.operations[key] = stamped(current)
        }
    }

    func setFinalizers(_ finalizers: [String], of operation: TableOperation) async throws(KubeError) -> TableOperation? {
        let changed = try replace(\.operations, operation) { $0.metadata.finalizers = finalizers }
        guard finalizers.isEmpty, changed.metadata.isBeingDeleted else { return changed }
        state.withLock { $0.server.operations[operation.key] = nil }
        return nil
    }

    func createJob(_ manifest: JSONValue) async throws(KubeError) -> Job {
        let job = try Resource(json: manifest).decoded(as: Job.self)
        return try write { state throws(KubeError) in
            if let refusal = state.refuseJobs { throw refusal }
            guard state.server.jobs[job.key] == nil else { throw Self.status(409, "AlreadyExists") }
            let stamped = self.stamped(job)
            state.server.jobs[job.key] = stamped
            state.createdJobs.append(job.metadata.name)
            return stamped
        }
    }

    func delete(_ job: Job) async throws(KubeError) {
        try write { state throws(KubeError) in
            guard var current = state.server.jobs[job.key], current.metadata.uid == job.metadata.uid else { return }
            current.metadata.deletionTimestamp = self.clock.now()
            state.server.jobs[job.key] = self.stamped(current)
        }
    }

    func event(_ kind: EventKind, on object: ObjectReference, reason: String, message: String) {
        state.withLock { $0.events.append("\(kind.rawValue) \(object.kind ?? "")/\(object.name ?? "") \(reason)") }
    }
}
