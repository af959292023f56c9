import Base

/// Which finished operations of a policy go. Pure.
enum HistoryPruning {
    /// A finished operation, as far as pruning looks at it.
    struct Finished: Hashable, Sendable {
        var name: String
        var table: String
        var task: MaintenanceTask
        var succeeded: Bool
        var completed: Timestamp
        /// Bytes that count against a budget.
        var rewrittenBytes: Int64 = 0
    }

    /// The names of those beyond the limits, which count per table and task; the youngest stay.
    /// - Parameter budgetedSince: where a budget is set, the begin of its day: what was rewritten since then is kept, because it is what the budget counts.
    static func excess(_ operations: [Finished], succeeded: Int, failed: Int, budgetedSince: Timestamp?) -> [String] {
        struct Group: Hashable {
            let table: String
            let task: MaintenanceTask
            let succeeded: Bool
        }
        let groups = Dictionary(grouping: operations) { Group(table: $0.table, task: $0.task, succeeded: $0.succeeded) }
        return groups.flatMap { group, members in
            members.sorted { ($0.completed, $0.name) > ($1.completed, $1.name) }
                .dropFirst(group.succeeded ? succeeded : failed)
                .filter { operation in budgetedSince.map { operation.rewrittenBytes == 0 || operation.completed < $0 } ?? true }
                .map(\.name)
        }.sorted()
    }
}
