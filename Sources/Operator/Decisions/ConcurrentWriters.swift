import Base
import Jobs
import KubeClient
import ObjectStore

/// Whether others who commit to a table may overwrite its commits, which only matters in S3: elsewhere every engine puts a commit only where none is. Pure.
struct ConcurrentWriters: Hashable, Sendable {
    /// The latest commit of an engine that may; it is remembered although others came behind it.
    let latest: DeltaTableStatus.UnsafeWriter?
    private let isOnS3: Bool
    private let refuses: Bool

    /// - Parameters:
    ///   - seen: in the table's latest commits.
    ///   - before: what was remembered.
    init(_ seen: DeltaTableStatus.UnsafeWriter?, before: DeltaTableStatus.UnsafeWriter?, _ access: StorageAccess, now: Timestamp) {
        guard case let .store(access) = access, access.scheme == .s3 else {
            (latest, isOnS3, refuses) = (nil, false, false)
            return
        }
        isOnS3 = true
        refuses = access.refusesUnsafeWriters
        latest = [seen, before].compactMap { $0 }.filter { now - $0.timestamp < CommittingEngine.window }.max { $0.timestamp < $1.timestamp }
    }

    /// Why nothing is committed; nil where it may be.
    var refusal: String? {
        refuses ? latest.map { CommittingEngine.refusal(engine: $0.engine, version: $0.version) } : nil
    }

    /// nil where the question does not arise.
    func condition(generation: Int64, now: Timestamp) -> Condition? {
        guard isOnS3 else { return nil }
        func condition(_ status: Condition.Status, _ reason: ConditionReason, _ message: String) -> Condition {
            Condition(
                type: ConditionType.unsafeConcurrentWriter, status: status, reason: reason.rawValue, message: message, observedGeneration: generation,
                lastTransitionTime: now.wholeSeconds)
        }
        if let refusal { return condition(.true, .unsafeConcurrentWriter, refusal) }
        if refuses { return condition(.false, .safeWriters, "the engines of the latest commits are known to use conditional puts") }
        return condition(.false, .saidToBeSafe, "s3.concurrentWriters of the StorageProfile says that nobody overwrites commits")
    }
}
