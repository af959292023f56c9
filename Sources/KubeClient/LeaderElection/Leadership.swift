import Base

/// Whether this process leads, by its own clock: what everything that writes asks right before it does. A process that was frozen finds it over when it wakes, before
/// it has asked anybody.
public final class Leadership: Sendable {
    private let clock: any ElapsedClock
    /// nil: does not lead.
    private let until = Lock<Duration?>(nil)

    init(clock: any ElapsedClock) { self.clock = clock }

    public var isHeld: Bool { until.withLock { $0 }.map { clock.elapsed() < $0 } ?? false }

    func extend(until time: Duration?) { until.withLock { $0 = time } }
}

/// The lease is somebody else's now, or may be.
public struct LeadershipLost: Error, Sendable, Hashable, CustomStringConvertible {
    public let lease: ObjectKey
    public let reason: String

    public var description: String { "does not lead any more: \(reason) (Lease \(lease)); the process ends, and a new one is a candidate with a clean state" }
}
