import Base

/// Whether a TableClone's target is to be brought to its source's state now, and why or why not. Pure: everything it looks at is in its arguments.
///
/// A chain of small questions, the first answer counts: may it run at all, is anything owed, must it wait, is the target there already?
struct CloneDecision: Sendable {
    let clone: ResolvedClone
    /// What became of the runs so far.
    let status: TableCloneStatus
    /// The run that has not ended.
    let activeOperation: String?
    /// The source's latest version; nil where only pods can tell.
    var sourceVersion: Int64?
    let now: Timestamp

    init(clone: ResolvedClone, status: TableCloneStatus, activeOperation: String? = nil, sourceVersion: Int64? = nil, now: Timestamp) {
        self.clone = clone
        self.status = status
        self.activeOperation = activeOperation
        self.sourceVersion = sourceVersion
        self.now = now
    }

    func decide() -> Decision {
        if clone.isSuspended { return .skip(.suspended, "suspended (spec.suspend)") }
        if let activeOperation { return .wait(.operationRunning, "\(activeOperation) has not ended yet") }
        guard let need else { return idle }
        if need.reason == .requested { return need }
        if let end = endOfCooldown, end > now {
            return .wait(.coolingDown, "the last run failed\(tries); tried again at \(end.rfc3339Seconds)", until: end)
        }
        if let held = heldVersion { return .skip(.upToDate, "the target holds version \(held) of the source already", until: clone.schedule?.next(after: now)) }
        return need
    }

    /// Whether anything is owed, so that source and target have to be looked at.
    var isOwed: Bool { !clone.isSuspended && activeOperation == nil && need != nil }

    /// Whether the target is what the spec asks for, or was when the schedule came last.
    var isSynced: Bool { status.synced == clone.asked.description }

    /// The scheduled time that is due and not acted on yet. What came before the latest run began was answered by that.
    var dueTime: Timestamp? {
        guard let latest = clone.schedule?.previous(atOrBefore: now) else { return nil }
        return latest > status.lastConsideredTime ?? clone.created ? latest : nil
    }

    /// When a run that failed is tried again: after a minute, doubled by each failure in a row up to a day. A changed spec is tried at once.
    var endOfCooldown: Timestamp? {
        guard let lastRun = latestRun(.failed), let completed = lastRun.completionTime else { return nil }
        let doublings = min(max(0, Int(lastRun.failures ?? 1) - 1), 11)
        return completed + min(Self.shortestCooldown * (1 << doublings), Self.longestCooldown)
    }

    private static let shortestCooldown = Duration.seconds(60)
    private static let longestCooldown = Duration.seconds(24 * 3600)

    /// What is owed, as the decision to run.
    private var need: Decision? {
        if let request = clone.request, request != status.lastHandledReconcile {
            return .run(.requested, "asked for by levee.dev/reconcile: \(request)")
        }
        if let dueTime { return .run(.scheduled, "scheduled for \(dueTime.rfc3339Seconds)") }
        if latestRun(.failed) != nil { return .run(.retry, "the last run failed\(tries)") }
        if isSynced || latestRun(.cancelled) != nil { return nil }
        return .run(.notCloned, "the target is not \(clone.asked) of the source yet")
    }

    private var idle: Decision {
        let next = clone.schedule?.next(after: now)
        if !isSynced {
            return .skip(
                .runCancelled,
                "\(latestRun(.cancelled)?.operation ?? "the last run") was cancelled; a new value of the annotation levee.dev/reconcile clones it", until: next)
        }
        if clone.schedule == nil { return .skip(.cloned, "the target is \(clone.asked) of the source, and is cloned once") }
        guard let next else { return .skip(.notScheduled, "the schedule has no further time") }
        return .skip(.notScheduled, "considered next at \(next.rfc3339Seconds)", until: next)
    }

    /// The version of the source that is asked for, where the target holds it.
    private var heldVersion: Int64? {
        let wanted: Int64? =
            switch clone.asked {
            case .latest: sourceVersion
            case let .version(version): version
            case .timestamp: nil
            }
        return wanted != nil && wanted == status.sourceVersion ? wanted : nil
    }

    /// The last run, where it was for the spec as it is, and ended so.
    private func latestRun(_ phase: TableCloneStatus.LastRun.Phase) -> TableCloneStatus.LastRun? {
        status.lastRun.flatMap { $0.phase == phase && $0.generation == clone.generation ? $0 : nil }
    }

    private var tries: String {
        let failures = status.lastRun?.failures ?? 1
        return failures > 1 ? " (\(failures) in a row)" : ""
    }
}
