import KubeClient

/// What a profile's last probe means for its tables. Pure.
extension StorageProfile {
    /// Why nothing is to be started on the profile's tables; nil where it may.
    ///
    /// - Parameters:
    ///   - access: how its storage is reached.
    ///   - commits: whether what is to start would write to the table.
    func obstacleToOperations(_ access: StorageAccess, commits: Bool) -> Obstacle? {
        if case .host = access { return nil }
        let ready = currentReady
        guard access.isReachedByOperator else {
            // A template may give an operation's pod another account, and other variables, than the probe's had: it finds out for itself. What the storage
            // does with conditions is the same for all.
            return commits && ready.flatMap(problem) == .noConditionalWrites ? obstacle(.noConditionalWrites) : nil
        }
        guard let ready else {
            return Obstacle(reason: .storageNotReady, message: "the StorageProfile \(metadata.name) has not been probed yet", needsPerson: false)
        }
        guard let reason = problem(ready) else { return nil }
        if !commits, reason == .noConditionalWrites { return nil }
        return obstacle(reason)
    }

    /// Why its tables cannot be looked at, so that it need not be tried with each of them; nil where it may be possible.
    func obstacleToObservation(_ access: StorageAccess) -> Obstacle? {
        if case .host = access { return nil }
        guard let ready = currentReady, let reason = problem(ready) else { return nil }
        switch reason {
        case .secretNotFound, .invalidSecret, .secretForbidden, .invalidCredentials, .unreachable: return obstacle(reason)
        // What cannot be written to may be read.
        default: return nil
        }
    }

    /// `Ready`, where it is about the spec as it is.
    private var currentReady: Condition? {
        guard let ready = status?.conditions?[ConditionType.ready], ready.observedGeneration == metadata.generation else { return nil }
        return ready.status == .true || problem(ready) != nil ? ready : nil
    }

    /// nil while it is ready, and while that is still being found out.
    private func problem(_ ready: Condition) -> ConditionReason? {
        guard ready.status != .true, let reason = ConditionReason(rawValue: ready.reason) else { return nil }
        return reason == .probing || reason == .probeNotRunning ? nil : reason
    }

    private func obstacle(_ reason: ConditionReason) -> Obstacle {
        Obstacle(
            // Not the probe's own words: they may differ each time, and would be written to each table.
            reason: reason, message: "the StorageProfile \(metadata.name) is not ready (\(reason.rawValue)); its status says why",
            needsPerson: status?.conditions?.isTrue(ConditionType.stalled) ?? false)
    }
}
