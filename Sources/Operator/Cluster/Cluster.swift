import Base
import KubeClient
import ObjectStore

/// What the controllers see of the API server and ask of it. The seam at which tests put a cluster of their own, with faults.
protocol Cluster: Sendable {
    // What watches brought. It may be behind the server: whoever acts on it writes with the resource version it read, or creates under a name that
    // can be taken only once.
    func profile(_ key: ObjectKey) -> StorageProfile?
    func table(_ key: ObjectKey) -> DeltaTable?
    func tables(inNamespace namespace: String) -> [DeltaTable]
    func policy(_ key: ObjectKey) -> MaintenancePolicy?
    func policies(inNamespace namespace: String) -> [MaintenancePolicy]
    func clone(_ key: ObjectKey) -> TableClone?
    /// TableClones of all namespaces with this target, however their specs spell it.
    func clones(to location: TableLocation) -> [TableClone]
    func operation(_ key: ObjectKey) -> TableOperation?
    func operations(ofTable key: ObjectKey) -> [TableOperation]
    func operations(ofPolicy key: ObjectKey) -> [TableOperation]
    /// Those that a TableClone made, by its uid.
    func operations(ofClone uid: String) -> [TableOperation]
    func unfinishedOperations(inNamespace namespace: String) -> [TableOperation]
    func job(_ key: ObjectKey) -> Job?
    func pods(ofOperation uid: String, namespace: String) -> [Pod]
    /// DeltaTables of all namespaces with this location, however their specs spell it.
    func tables(at location: TableLocation) -> [DeltaTable]

    // Straight from the server.
    func fetchOperation(_ key: ObjectKey) async throws(KubeError) -> TableOperation?
    func fetchJob(_ key: ObjectKey) async throws(KubeError) -> Job?
    func fetchPods(ofOperation uid: String, namespace: String) async throws(KubeError) -> [Pod]
    func fetchPods(ofProbe job: ObjectKey) async throws(KubeError) -> [Pod]
    /// Why the server took no pod of a Job, in its words; nil where it took them, or nobody said.
    func podRefusal(of job: Job) async throws(KubeError) -> String?
    /// The last lines of a pod's log; nil where there is none (yet, or any more).
    func logTail(_ pod: Pod, lines: Int) async throws(KubeError) -> [String]?

    // Writes. A status is refused with a conflict when the object changed since it was read.
    func writeStatus(_ status: StorageProfileStatus, of profile: StorageProfile) async throws(KubeError)
    func writeStatus(_ status: DeltaTableStatus, of table: DeltaTable) async throws(KubeError)
    func writeStatus(_ status: MaintenancePolicyStatus, of policy: MaintenancePolicy) async throws(KubeError)
    func writeStatus(_ status: TableCloneStatus, of clone: TableClone) async throws(KubeError)
    /// Returns the operation as it is now.
    func writeStatus(_ status: TableOperationStatus, of operation: TableOperation) async throws(KubeError) -> TableOperation
    /// Throws AlreadyExists where the name is taken.
    func create(_ operation: TableOperation) async throws(KubeError)
    /// Throws AlreadyExists where the name is taken.
    func create(_ table: DeltaTable) async throws(KubeError)
    /// Deletes this very operation.
    func delete(_ operation: TableOperation) async throws(KubeError)
    /// Replaces the finalizers of this very operation; returns it as it is now, nil where that was the end of it.
    func setFinalizers(_ finalizers: [String], of operation: TableOperation) async throws(KubeError) -> TableOperation?
    /// Throws AlreadyExists where the name is taken.
    func createJob(_ manifest: JSONValue) async throws(KubeError) -> Job
    /// Deletes this very Job, its pods first.
    func delete(_ job: Job) async throws(KubeError)
    /// Tells people that something happened to an object. Never fails: events are a courtesy.
    func event(_ kind: EventKind, on object: ObjectReference, reason: String, message: String)
}

enum EventKind: String, Sendable {
    case normal = "Normal"
    case warning = "Warning"
}

extension Requeue {
    /// The one that looks again sooner.
    static func sooner(_ left: Requeue, _ right: Requeue) -> Requeue {
        switch (left, right) {
        case (.backoff, _), (_, .backoff): .backoff
        case (.forget, let other), (let other, .forget): other
        case let (.after(left), .after(right)): .after(min(left, right))
        }
    }
}
