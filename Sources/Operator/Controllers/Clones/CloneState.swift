import Base
import KubeClient

/// How a TableClone stands, for its conditions. Pure.
struct CloneState {
    let clone: TableClone
    let resolved: ResolvedClone
    let status: TableCloneStatus
    let decision: Decision
    /// The run that has not ended, as far as the watch has brought it.
    let active: TableOperation?

    var objectState: ObjectState {
        if resolved.isSuspended {
            return ObjectState(
                readiness: status.synced == nil ? .stalled : .ready, reason: .suspended,
                message: status.synced == nil ? "suspended (spec.suspend) before it was cloned" : "suspended (spec.suspend); the target \(held)")
        }
        if let operation = status.operationRef?.name { return whileRunning(operation) }
        if status.lastRun?.phase == .failed, decision.verdict == .wait || decision.reason == .retry {
            let failure = status.lastRun.map { "\($0.operation): \($0.message ?? "it failed")" }
            let retry = decision.reconsiderAt.map { "tried again at \($0.rfc3339Seconds)" }
            let message = [failure, retry].compactMap(\.self).joined(separator: "; ")
            return ObjectState(readiness: .failing, reason: .syncFailed, message: message)
        }
        if decision.reason == .runCancelled { return ObjectState(readiness: .stalled, reason: .cancelled, message: decision.message) }
        return ObjectState(readiness: .ready, reason: .synced, message: "the target \(held)")
    }

    /// A target that is only brought up to date is as good as before.
    private func whileRunning(_ operation: String) -> ObjectState {
        if let stalled = active?.status?.conditions?[ConditionType.stalled], stalled.status == .true, active?.isFinished == false {
            let reason = ConditionReason(rawValue: stalled.reason) ?? .syncFailed
            return ObjectState(readiness: .stalled, reason: reason, message: "\(operation): \(stalled.message)")
        }
        if status.synced == resolved.asked.description, status.lastRun?.phase != .failed {
            return ObjectState(readiness: .ready, reason: .synced, message: "the target \(held)")
        }
        return ObjectState(readiness: .reconciling, reason: .syncing, message: "\(operation) clones it")
    }

    private var held: String {
        status.sourceVersion.map { "holds version \($0) of \(clone.sourceName)" } ?? "is a clone of \(clone.sourceName)"
    }
}
