import Base
import Jobs
import KubeClient

/// What became of a TableClone: what its status remembers, and the operations that were made and have ended since. Pure.
struct CloneRecord {
    /// The status, with what the operations tell.
    private(set) var status: TableCloneStatus
    /// The run that has not ended.
    let active: TableOperation?
    private let remembered: TableCloneStatus?
    private let operations: [TableOperation]

    /// - Parameter operations: the clone's own, all that there are.
    init(_ remembered: TableCloneStatus?, operations: [TableOperation]) {
        self.remembered = remembered
        self.operations = operations.filter { $0.run != nil }.sorted { ($0.run ?? 0, $0.metadata.name) < ($1.run ?? 0, $1.metadata.name) }
        active = self.operations.last { !$0.isFinished }
        status = remembered ?? TableCloneStatus()
        status.runs = [status.runs, self.operations.last?.run].compactMap(\.self).max()
        status.operationRef = active.map { .init(name: $0.metadata.name) }
        for operation in self.operations { take(operation) }
    }

    /// An operation that the status names and that was not given. The watch has not brought it yet, or it is gone.
    var missing: String? {
        guard let name = remembered?.operationRef?.name, !operations.contains(where: { $0.metadata.name == name }) else { return nil }
        return name
    }

    /// The finished operations beyond the limits; the latest stay, and those that the remembered status does not know of.
    func excess(_ limits: TableCloneSpec.HistoryLimits) -> [TableOperation] {
        let known = remembered?.lastRun?.run ?? 0
        let finished = operations.filter { $0.isFinished && !$0.metadata.isBeingDeleted && ($0.run ?? 0) <= known }.reversed()
        let succeeded = finished.filter { $0.phase == .succeeded }.dropFirst(Int(limits.succeeded))
        let failed = finished.filter { $0.phase != .succeeded }.dropFirst(Int(limits.failed))
        return Array(succeeded) + Array(failed)
    }

    private mutating func take(_ operation: TableOperation) {
        guard let run = operation.run, run > remembered?.lastRun?.run ?? 0 else { return }
        // Whoever made it may have died before the status said so: what it was made for is answered by it all the same.
        status.lastHandledReconcile = operation.metadata.annotations[Names.requestedAnnotation] ?? status.lastHandledReconcile
        status.lastConsideredTime = [status.lastConsideredTime, operation.metadata.creationTimestamp].compactMap(\.self).max()
        guard operation.isFinished else { return }
        let lastRun = TableCloneStatus.LastRun(operation, run: run, after: status.lastRun)
        status.lastRun = lastRun
        guard lastRun.phase == .succeeded else { return }
        let result = operation.status?.result
        status.synced = lastRun.asked
        status.sourceVersion = result?.metrics?[CloneWork.sourceVersionMetric] ?? operation.spec.clone?.version
        status.targetVersion = result?.version ?? status.targetVersion
        status.lastSyncTime = lastRun.completionTime
    }
}

extension TableCloneStatus.LastRun {
    fileprivate init(_ operation: TableOperation, run: Int64, after before: Self?) {
        let phase: Phase =
            switch operation.phase {
            case .succeeded: .succeeded
            case .cancelled: .cancelled
            default: .failed
            }
        self.init(operation: operation.metadata.name, run: run, phase: phase)
        asked = operation.metadata.annotations[Names.askedAnnotation]
        generation = operation.metadata.annotations[Names.generationAnnotation].flatMap { Int64($0) }
        startTime = operation.status?.startTime
        completionTime = operation.status?.completionTime
        message = operation.status?.message
        if phase == .succeeded {
            copiedFiles = operation.status?.result?.metrics?["numCopiedFiles"]
            copiedBytes = operation.status?.result?.metrics?["copiedFilesSize"]
        }
        if phase == .failed { failures = (before?.failures ?? 0) + 1 }
    }
}
