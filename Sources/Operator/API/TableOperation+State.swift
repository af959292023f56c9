import Base
import KubeClient

/// What an operation does. The raw value is what stands in the status; those that policies can ask for are called as ``MaintenanceTask`` calls them.
enum OperationType: String, CaseIterable, Hashable, Sendable, Codable {
    case optimize = "Optimize"
    case vacuum = "Vacuum"
    case checkpoint = "Checkpoint"
    case delete = "Delete"
    case restore = "Restore"
    case reorg = "Reorg"
    case repair = "Repair"
    case compactLog = "CompactLog"
    case logCleanup = "LogCleanup"
    case computeStatistics = "ComputeStatistics"
    case generateManifest = "GenerateManifest"
    case clone = "Clone"
    case convert = "Convert"
    case createTable = "CreateTable"
    case setProperties = "SetProperties"
}

/// Where an operation stands.
extension TableOperation {
    typealias Phase = TableOperationStatus.Phase

    var phase: Phase { status?.phase ?? .pending }

    /// Ended for good; nothing of it changes any more.
    var isFinished: Bool { phase == .succeeded || phase == .failed || phase == .cancelled }

    /// It holds its table: its Job exists, or is about to.
    var isRunning: Bool { phase == .running || phase == .queued }

    /// nil for a spec without one, which the schema's rules refuse where the server has CEL.
    var type: OperationType? {
        if spec.optimize != nil { return .optimize }
        if spec.vacuum != nil { return .vacuum }
        if spec.checkpoint != nil { return .checkpoint }
        if spec.delete != nil { return .delete }
        if spec.restore != nil { return .restore }
        if spec.reorg != nil { return .reorg }
        if spec.repair != nil { return .repair }
        if spec.compactLog != nil { return .compactLog }
        if spec.logCleanup != nil { return .logCleanup }
        if spec.computeStatistics != nil { return .computeStatistics }
        if spec.generateManifest != nil { return .generateManifest }
        if spec.clone != nil { return .clone }
        if spec.convert != nil { return .convert }
        if spec.createTable != nil { return .createTable }
        return spec.setProperties != nil ? .setProperties : nil
    }

    /// nil for what no policy asks for.
    var task: MaintenanceTask? { type.flatMap { MaintenanceTask(rawValue: $0.rawValue) } }

    /// The policy that made it; nil where a person did.
    var policyName: String? { metadata.labels[Names.Label.policy] }

    /// The number of the policy's run on its table, or of the TableClone's; nil where a person made it.
    var run: Int64? { metadata.labels[Names.Label.run].flatMap { Int64($0) } }

    var tableKey: ObjectKey? { spec.tableRef.map { ObjectKey(namespace: metadata.namespace, name: $0.name) } }

    var jobName: String { Names.job(operation: metadata.name, uid: metadata.uid) }

    var jobKey: ObjectKey { ObjectKey(namespace: metadata.namespace, name: jobName) }

    /// When its time is up; nil before it began.
    var deadline: Timestamp? { status?.startTime.map { $0 + .seconds(spec.activeDeadlineSeconds) } }

    /// When it may be deleted by its own TTL; nil where it has none or has not ended.
    var expiry: Timestamp? {
        guard isFinished, let ttl = spec.ttlSecondsAfterFinished, let completed = status?.completionTime else { return nil }
        return completed + .seconds(Int64(ttl))
    }
}
