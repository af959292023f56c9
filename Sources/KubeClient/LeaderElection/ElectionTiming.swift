/// How long a lease is good for, and when it is renewed. The defaults are those of Kubernetes' own components.
public struct ElectionTiming: Sendable, Hashable {
    /// How long the others wait, from when they last saw the lease change, before they take it. Whole seconds: so the lease says it.
    public var leaseDuration: Duration
    /// How long the leader goes on without a renewal that succeeded. Less than ``leaseDuration``, so that it has stopped before another begins, though their
    /// clocks may run at somewhat different speeds.
    public var renewDeadline: Duration
    /// Between two renewals, and between two attempts to become the leader, where up to 1.2 times as much is added by chance.
    public var retryPeriod: Duration

    /// How much of ``retryPeriod`` may be added.
    static let jitter = 1.2

    /// Throws where the three do not fit together.
    public init(
        leaseDuration: Duration = .seconds(15), renewDeadline: Duration = .seconds(10), retryPeriod: Duration = .seconds(2)
    ) throws(InvalidElectionTiming) {
        guard leaseDuration >= .seconds(1), leaseDuration.components.attoseconds == 0 else {
            throw InvalidElectionTiming(reason: "the lease duration must be a whole number of seconds, at least one: a lease has room for nothing else")
        }
        guard leaseDuration > renewDeadline else {
            throw InvalidElectionTiming(reason: "the lease duration must be longer than the renew deadline, or two could lead at a time")
        }
        guard retryPeriod > .zero else { throw InvalidElectionTiming(reason: "the retry period must be more than nothing") }
        guard renewDeadline > retryPeriod * Self.jitter else {
            throw InvalidElectionTiming(reason: "the renew deadline must be longer than 1.2 times the retry period, or a leader gives up before it has tried")
        }
        self.leaseDuration = leaseDuration
        self.renewDeadline = renewDeadline
        self.retryPeriod = retryPeriod
    }
}

/// Times for a leader election that do not fit together.
public struct InvalidElectionTiming: Error, Sendable, Hashable, CustomStringConvertible {
    public let reason: String

    public var description: String { reason }
}
