/// Why a worker could not begin.
public enum WorkerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The task is no JSON of the form that this version of the program reads.
    case badTask(reason: String)
    /// The table lies somewhere that this version of the program cannot reach.
    case unsupportedLocation(location: String, reason: String)

    /// What is mounted beside the worker is not what the task needs.
    case unusableStorage(reason: String)
    /// See ``CommittingEngine``.
    case unsafeWriter(reason: String)

    public var description: String {
        switch self {
        case let .badTask(reason): "the task cannot be read: \(reason); operator and worker must be of the same version"
        case let .unsupportedLocation(location, reason): "\(location): \(reason)"
        case let .unusableStorage(reason), let .unsafeWriter(reason): reason
        }
    }
}
