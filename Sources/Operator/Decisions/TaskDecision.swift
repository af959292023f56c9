import Base

/// Whether a task is to run on a table now, and why or why not. Pure: everything it looks at is in its arguments.
///
/// A chain of small questions, the first answer counts: may it run at all, is it considered now, is there enough to do, must it wait?
struct TaskDecision: Sendable {
    let policy: ResolvedPolicy
    let task: MaintenanceTask
    let facts: TableFacts
    let history: TaskHistory
    let policyFacts: PolicyFacts
    let now: Timestamp

    func decide() -> Decision {
        if let decision = suspension() ?? schedule() { return decision }
        let need = need()
        guard need.verdict == .run else { return need }
        if let obstacle = obstacle() { return obstacle }
        return policy.plansOnly ? Decision(verdict: .plan, reason: need.reason, message: need.message) : need
    }

    /// The scheduled time that is due and not acted on yet.
    var dueTime: Timestamp? {
        guard let schedule = policy.schedule(of: task), let latest = schedule.previous(atOrBefore: now) else { return nil }
        return latest > max(history.lastConsidered ?? history.owedSince, history.owedSince) ? latest : nil
    }

    private func suspension() -> Decision? {
        if facts.isSuspended { return .skip(.tableSuspended, "the table is suspended (spec.suspend)") }
        if policy.isSuspended { return .skip(.policySuspended, "the policy \(policy.name) is suspended (spec.suspend)") }
        return nil
    }

    private func schedule() -> Decision? {
        guard let schedule = policy.schedule(of: task), dueTime == nil else { return nil }
        guard let next = schedule.next(after: now) else { return .skip(.notScheduled, "the schedule has no further time") }
        return .skip(.notScheduled, "considered next at \(next.rfc3339Seconds)", until: next)
    }

    private func need() -> Decision {
        if let refusal = facts.storageRefusal { return .skip(refusal.reason, refusal.message) }
        if let refusal = facts.refusals[task] { return .skip(.unsupportedFeature, refusal) }
        return switch task {
        case .optimize: policy.optimize.map(optimizeNeed) ?? .skip(.belowThreshold, "the policy does not ask for it")
        case .vacuum: policy.vacuum.map(vacuumNeed) ?? .skip(.belowThreshold, "the policy does not ask for it")
        case .checkpoint: policy.checkpoint.map(checkpointNeed) ?? .skip(.belowThreshold, "the policy does not ask for it")
        // What has expired only a listing of the log tells; without any the run is over with it.
        case .logCleanup: .run(.scheduled, "scheduled for \((dueTime ?? now).rfc3339Seconds)")
        }
    }

    private func optimizeNeed(_ optimize: ResolvedPolicy.Optimize) -> Decision {
        if let reason = facts.invalidCondition { return .skip(.invalidWhere, "optimize.where of policy \(policy.name): \(reason)") }
        if let reason = facts.invalidColumns { return .skip(.invalidZOrderBy, "optimize.zOrderBy of policy \(policy.name): \(reason)") }
        let need = facts.sorting.map { sortingNeed(optimize, $0) } ?? mergingNeed(optimize)
        guard need.verdict == .run, let limit = optimize.maximumBytes, facts.leastRewriteBytes > limit else { return need }
        return .skip(
            .limitTooSmall,
            "\(need.message), but the least of it is to rewrite \(facts.leastRewriteBytes.formattedBytes) and optimize.maxBytesPerRun of policy \(policy.name) is "
                + "\(limit.formattedBytes); raise it")
    }

    private func mergingNeed(_ optimize: ResolvedPolicy.Optimize) -> Decision {
        let found = "\(facts.smallFiles) small files"
        let size = facts.smallFileBytes.formattedBytes
        if let threshold = optimize.smallFiles, facts.smallFiles >= threshold {
            return .run(.smallFiles, "\(found) (\(size)), threshold \(threshold)")
        }
        guard let ratio = optimize.smallFileRatio else {
            return .skip(.belowThreshold, "\(found), threshold \(optimize.smallFiles ?? 0)")
        }
        let share = facts.numFiles > 0 ? Double(facts.smallFiles) / Double(facts.numFiles) : 0
        let shares = "\(Self.percent(share)) of \(facts.numFiles), threshold \(Self.percent(ratio))"
        // One small file alone has nothing to be merged with.
        if facts.smallFiles >= 2, share >= ratio { return .run(.smallFileRatio, "\(found) (\(size)), \(shares)") }
        let threshold = optimize.smallFiles.map { "threshold \($0), and " } ?? ""
        return .skip(.belowThreshold, "\(found), \(threshold)\(shares)")
    }

    /// By what is new since rows were sorted last. What the last run could not sort the next cannot either.
    private func sortingNeed(_ optimize: ResolvedPolicy.Optimize, _ sorting: SortingFacts) -> Decision {
        let files = max(0, sorting.unsortedFiles - history.unsortableFiles)
        let bytes = files == 0 ? 0 : max(0, sorting.unsortedBytes - history.unsortableBytes)
        let columns = sorting.columns.joined(separator: ", ")
        let by = sorting.isTables ? "the table's own \(columns)\(sorting.replacesPolicys ? " (in place of optimize.zOrderBy)" : "")" : columns
        guard files > 0 else {
            let left = sorting.unsortedFiles > 0 ? " but \(sorting.unsortedFiles) that cannot be" : ""
            return .skip(.belowThreshold, "all \(sorting.totalFiles) files\(left) are sorted by \(by)")
        }
        let found = "\(files) files (\(bytes.formattedBytes)) are not sorted by \(by) yet"
        var missed: [String] = []
        if let threshold = optimize.smallFiles {
            if files >= threshold { return .run(.unsortedFiles, "\(found), threshold \(threshold)") }
            missed.append("threshold \(threshold)")
        }
        if let ratio = optimize.smallFileRatio {
            let share = Double(files) / Double(max(1, sorting.totalFiles))
            let shares = "\(Self.percent(share)) of \(sorting.totalFiles), threshold \(Self.percent(ratio))"
            if files >= 2, share >= ratio { return .run(.unsortedFiles, "\(found), \(shares)") }
            missed.append(shares)
        }
        // Less than a file's worth becomes one file wherever its rows lie.
        let share = Double(bytes) / Double(max(1, sorting.totalBytes))
        let shares = "\(Self.percent(share)) of the bytes, threshold \(Self.percent(optimize.unsortedRatio))"
        if bytes >= sorting.targetFileSize {
            if share >= optimize.unsortedRatio { return .run(.unsortedRatio, "\(found), \(shares)") }
            missed.append(shares)
        } else {
            missed.append("less than one file of \(sorting.targetFileSize.formattedBytes)")
        }
        return .skip(.belowThreshold, "\(found): \(missed.joined(separator: "; "))")
    }

    private func vacuumNeed(_ vacuum: ResolvedPolicy.Vacuum) -> Decision {
        let retention = vacuum.retention ?? facts.retentionFloor
        if retention < facts.retentionFloor, !vacuum.allowsShortRetention {
            return .skip(
                .shortRetention,
                "vacuum.retention \(retention.formatted) of policy \(policy.name) is below the table's delta.deletedFileRetentionDuration of "
                    + "\(facts.retentionFloor.formatted); raise it, or set allowShortRetention: true if no reader needs the files")
        }
        guard vacuum.removableFiles != nil || vacuum.removableBytes != nil else {
            return .run(.scheduled, "scheduled for \((dueTime ?? now).rfc3339Seconds)")
        }
        // What the last successful vacuum could remove is gone, though the log may remember it until the next checkpoint.
        let since = history.lastSuccessStarted.map { $0 - retention } ?? Timestamp(microseconds: .min)
        let removable = facts.removedFiles.removed(in: since..<max(since, now - retention))
        let found = "\(removable.files) removable files (\(removable.bytes.formattedBytes))"
        if let threshold = vacuum.removableFiles, removable.files >= threshold {
            return .run(.removableFiles, "\(found), threshold \(threshold)")
        }
        if let threshold = vacuum.removableBytes, removable.bytes >= threshold {
            return .run(.removableBytes, "\(found), threshold \(threshold.formattedBytes)")
        }
        let thresholds = [vacuum.removableFiles.map { "\($0)" }, vacuum.removableBytes.map(\.formattedBytes)].compactMap { $0 }
        return .skip(.belowThreshold, "\(found), threshold \(thresholds.joined(separator: " or "))")
    }

    private func checkpointNeed(_ checkpoint: ResolvedPolicy.Checkpoint) -> Decision {
        let found = "\(facts.commitsSinceCheckpoint) commits since the last checkpoint, threshold \(checkpoint.commits)"
        return facts.commitsSinceCheckpoint >= checkpoint.commits ? .run(.commits, found) : .skip(.belowThreshold, found)
    }

    private func obstacle() -> Decision? {
        if let name = facts.activeOperation { return .wait(.operationRunning, "\(name) has the table") }
        if !policy.windows.isOpen(at: now) {
            let opening = policy.windows.nextOpening(after: now)
            return .wait(.outsideWindow, opening.map { "the next window opens at \($0.rfc3339Seconds)" } ?? "no window opens", until: opening)
        }
        if let end = endOfCooldown, end > now {
            let failed = history.failures > 0 ? " after \(history.failures) failed runs" : ""
            return .wait(
                .coolingDown, "the last run ended at \((history.lastCompleted ?? now).rfc3339Seconds); cooling down\(failed) until \(end.rfc3339Seconds)",
                until: end)
        }
        if task == .optimize, let limit = policy.rewriteBytesPerDay, remainingBudget < min(facts.rewriteBytes, limit / 10) {
            return .wait(
                .budgetSpent, "\(policyFacts.rewrittenBytesToday.formattedBytes) of the day's \(limit.formattedBytes) are rewritten",
                until: policyFacts.endOfDay)
        }
        if policyFacts.activeOperations >= policy.maximumOperations {
            return .wait(.concurrencyLimit, "\(policyFacts.activeOperations) of the policy's \(policy.maximumOperations) operations are under way")
        }
        return nil
    }

    /// Bytes that may still be rewritten today; no limit where there is no budget.
    var remainingBudget: Int64 {
        policy.rewriteBytesPerDay.map { max(0, $0 - policyFacts.rewrittenBytesToday) } ?? .max
    }

    /// The cooldown, doubled by each failure in a row up to a day.
    private var endOfCooldown: Timestamp? {
        guard let completed = history.lastCompleted else { return nil }
        var cooldown = policy.cooldown
        for _ in 0..<min(history.failures, 20) where cooldown < Self.longestCooldown { cooldown = min(cooldown * 2, Self.longestCooldown) }
        return completed + cooldown
    }

    private static let longestCooldown = Duration.seconds(24 * 3600)

    private static func percent(_ ratio: Double) -> String {
        let tenths = Int((ratio * 1000).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10) %" : "\(tenths / 10).\(tenths % 10) %"
    }
}
