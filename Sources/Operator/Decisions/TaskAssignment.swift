import Base

/// Which policy each task of a table is taken from.
enum TaskAssignment {
    /// The one with the higher priority, then the older, then the first by name, among those that ask for the task.
    static func policy(for task: MaintenanceTask, among policies: [ResolvedPolicy]) -> ResolvedPolicy? {
        policies.filter { $0.asks(for: task) }.min { left, right in
            if left.priority != right.priority { return left.priority > right.priority }
            if left.created != right.created { return left.created < right.created }
            return left.name < right.name
        }
    }
}
