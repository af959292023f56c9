/// Finds out whether a StorageProfile's storage can be used: not of a table.
public struct ProbeWork: TaskWork {
    public static let name = "probe"

    /// Of the object that is written and removed below `_levee/probe`.
    public var name: String

    public init(name: String) { self.name = name }

    public static var commits: Bool { false }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let probe = StorageProbe(root: run.location, store: run.store)
        try await probe.run(name: name)
        return TaskResult(outcome: .succeeded, message: probe.success, reason: "Probed")
    }
}
