import Base
import DeltaEngine

/// How a worker's run ended. It stands in the pod's termination message, which Kubernetes cuts at 4096 bytes.
public struct TaskResult: Codable, Hashable, Sendable {
    public var outcome: Outcome
    /// For people: what was done, or what failed and the way out. At most ``maximumMessageLength`` bytes.
    public var message: String
    /// Why it failed, in one CamelCase word, where that is more than a message can say to a program.
    public var reason: String?
    /// The version that was committed; nil where there was nothing to commit, or the run failed.
    public var version: Int64?
    /// By Delta's own names.
    public var metrics: [String: Int64]
    /// What the operation looked at to be sure of its result.
    public var verification: Verification?

    public enum Outcome: String, Codable, Hashable, Sendable {
        case succeeded
        /// Trying again may help: a conflict, the storage, a full disk that may be emptied.
        case retryable
        /// Trying again cannot help: a bad task, a refused feature, a corrupt table.
        case permanent
        /// Ended by a signal; nothing was committed.
        case cancelled
    }

    public static let maximumMessageLength = 1500
    /// Longer results do not fit a termination message.
    public static let maximumEncodedLength = 4096

    public init(
        outcome: Outcome, message: String, reason: String? = nil, version: Int64? = nil, metrics: [String: Int64] = [:], verification: Verification? = nil
    ) {
        self.outcome = outcome
        self.message = Self.cut(message, to: Self.maximumMessageLength)
        self.reason = reason
        self.version = version
        self.metrics = metrics
        self.verification = verification
    }

    /// Compact JSON of at most ``maximumEncodedLength`` bytes; metrics go where they would not fit.
    public func encoded() throws -> String {
        let text = JSON.encode(try JSON.value(of: self))
        if text.utf8.count <= Self.maximumEncodedLength { return text }
        // A message of control characters takes six bytes each in JSON.
        return JSON.encode(try JSON.value(of: TaskResult(outcome: outcome, message: Self.cut(message, to: 500), reason: reason, version: version)))
    }

    /// nil where it is none: the pod was killed before it could write one, or wrote only a part.
    public init?(terminationMessage text: String) {
        guard let result = try? JSON.decode(TaskResult.self, from: Bytes(text)) else { return nil }
        self = result
    }

    private static func cut(_ text: String, to length: Int) -> String {
        if text.utf8.count <= length { return text }
        var end = text.startIndex
        var used = 0
        for index in text.indices {
            let size = text[index].utf8.count
            if used + size > length - 3 { break }
            used += size
            end = text.index(after: index)
        }
        return String(text[..<end]) + "…"
    }
}

/// The exit codes of `levee worker`. The Job's podFailurePolicy knows them.
public enum WorkerExit: Int32, Sendable, CaseIterable {
    case success = 0
    /// Try again.
    case retryable = 3
    /// Trying again cannot help.
    case permanent = 4
    /// As a shell reports a process that SIGTERM ended.
    case cancelled = 143

    public init(_ outcome: TaskResult.Outcome) {
        self =
            switch outcome {
            case .succeeded: .success
            case .retryable: .retryable
            case .permanent: .permanent
            case .cancelled: .cancelled
            }
    }
}
