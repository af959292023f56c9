import Base
import ObjectStore

/// The versions whose changes are asked for, both ends included.
public struct ChangeRange: Sendable, Hashable {
    /// One end of a range.
    public enum Bound: Sendable, Hashable {
        case version(Int64)
        /// At the start: the first version that was committed then or later; at the end: the last that had been committed by then.
        case timestamp(Timestamp)
    }

    public var start: Bound
    /// nil: the latest version.
    public var end: Bound?

    public init(from start: Bound, to end: Bound? = nil) {
        self.start = start
        self.end = end
    }

    /// The versions that the table has. Throws ``DeltaError/invalidRequest(reason:)`` for a range that is none.
    func resolve(_ table: DeltaTable) async throws -> ClosedRange<Int64> {
        let latest = try await table.latestVersion()
        let first: Int64
        switch start {
        case let .version(version): first = version
        case let .timestamp(time): first = try await table.firstVersion(since: time)
        }
        let last: Int64
        switch end {
        case let .version(version): last = version
        case let .timestamp(time): last = try await table.version(at: time)
        case nil: last = max(latest, first)
        }
        guard first <= last else { throw DeltaError.invalidRequest(reason: "the changes asked for would start with version \(first) and end with \(last)") }
        guard first >= 0, last <= latest else {
            throw DeltaError.invalidRequest(reason: "changes of versions \(first) to \(last) were asked for, the latest version is \(latest)")
        }
        return first...last
    }
}
