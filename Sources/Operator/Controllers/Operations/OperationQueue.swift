import Base
import KubeClient

/// Who may start: one operation per table, and no more per policy than it allows.
///
/// The statuses say who runs; what this keeps in memory only bridges the moments until the watches have brought a start that was just written. A new
/// process starts with complete lists and needs none of it.
final class OperationQueue: Sendable {
    /// An operation that has not ended, as far as the queue looks at it.
    struct Entry: Hashable, Sendable {
        var key: ObjectKey
        var uid: String
        var created: Timestamp
        /// ``TablePlace/identity`` of its table, and of a clone's target; empty where that cannot be told.
        var tables: Set<String>
        /// Its policy, in the same namespace.
        var policy: String?
        var isRunning: Bool
        /// Pending and not to start for now.
        var isHeld: Bool
    }

    private let claims = Lock<[String: Entry]>([:])
    private let released: @Sendable (Entry) -> Void

    /// - Parameter released: called when an operation's place is free; those that wait may try again. They would not hear of it otherwise: the watch that
    ///   brings an operation's end may be faster than its reconciler.
    init(released: @escaping @Sendable (Entry) -> Void = { _ in }) {
        self.released = released
    }

    /// Takes the table for `entry`, or says what it waits for.
    /// - Parameters:
    ///   - others: the other operations of the namespace that have not ended.
    ///   - policyLimit: how many operations its policy allows at once.
    func claim(_ entry: Entry, others: [Entry], policyLimit: Int?) -> Obstacle? {
        claims.withLock { claims in
            let running = others.filter { $0.isRunning || claims[$0.uid] != nil }
            if let holder = running.first(where: { $0.shares(entry) })
                ?? claims.values.first(where: { $0.uid != entry.uid && $0.shares(entry) })
            {
                return Obstacle(reason: .waitingForTable, message: "\(holder.key.name) has the table", needsPerson: false)
            }
            let ahead = others.filter { !$0.isRunning && !$0.isHeld && $0.shares(entry) && $0.comesBefore(entry) }
            if let first = ahead.min(by: { $0.comesBefore($1) }) {
                return Obstacle(reason: .waitingForTable, message: "\(first.key.name) is before it in the table's queue", needsPerson: false)
            }
            if let policy = entry.policy, let policyLimit {
                let active = Set(running.filter { $0.policy == policy }.map(\.uid))
                    .union(claims.values.filter { $0.policy == policy && $0.key.namespace == entry.key.namespace && $0.uid != entry.uid }.map(\.uid))
                if active.count >= policyLimit {
                    return Obstacle(
                        reason: .concurrencyLimit, message: "\(active.count) of the \(policyLimit) operations that policy \(policy) allows are running",
                        needsPerson: false)
                }
            }
            claims[entry.uid] = entry
            return nil
        }
    }

    /// The operation has ended, or does not start after all.
    func release(uid: String) {
        if let entry = claims.withLock({ $0.removeValue(forKey: uid) }) { released(entry) }
    }

    /// The operation of that name is gone, or is another one now.
    func release(_ key: ObjectKey, exceptUID uid: String? = nil) {
        let gone = claims.withLock { claims in
            let gone = claims.values.filter { $0.key == key && $0.uid != uid }
            for entry in gone { claims[entry.uid] = nil }
            return gone
        }
        gone.forEach(released)
    }
}

extension OperationQueue.Entry {
    /// Whether both work on a table.
    fileprivate func shares(_ other: OperationQueue.Entry) -> Bool { !tables.isDisjoint(with: other.tables) }

    /// First come, first served.
    fileprivate func comesBefore(_ other: OperationQueue.Entry) -> Bool { (created, key) < (other.created, other.key) }
}
