import Base

/// The operations that were just made and that the watch has not brought yet, by policy: a thousand tables that become due at once must not all see an
/// idle policy. A new process starts with complete lists and needs none of it.
final class RecentOperations: Sendable {
    /// What has not come by then never will: its making failed after all, or it was deleted at once.
    private static let patience = Duration.seconds(60)

    /// By policy, then by the operation's name.
    private let made = Lock<[String: [String: Timestamp]]>([:])

    /// Whether the policy has room for the operation; it is counted from now on.
    /// - Parameters:
    ///   - active: how many of the policy's operations have not ended, as the watch has them.
    ///   - isKnown: whether the watch has brought an operation, ended or not.
    func admit(_ name: String, policyUID: String, active: Int, limit: Int, now: Timestamp, isKnown: (String) -> Bool) -> Bool {
        made.withLock { made in
            var recent = (made[policyUID] ?? [:]).filter { !isKnown($0.key) && now - $0.value < Self.patience }
            defer { made[policyUID] = recent.isEmpty ? nil : recent }
            if recent[name] != nil { return true }
            guard active + recent.count < limit else { return false }
            recent[name] = now
            return true
        }
    }
}
