/// A task that a policy can ask for. The raw value is what stands in labels and status.
enum MaintenanceTask: String, CaseIterable, Hashable, Sendable, Codable {
    case optimize = "Optimize"
    case vacuum = "Vacuum"
    case checkpoint = "Checkpoint"
    case logCleanup = "LogCleanup"

    /// As part of an object's name.
    var nameComponent: String { rawValue.lowercased() }
}
