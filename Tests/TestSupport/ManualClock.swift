import Base

/// A clock that stands still until it is moved. Sleeping moves it and returns at once.
public final class ManualClock: WallClock {
    private let time: Lock<Timestamp>
    private let sleeps = Lock<[Duration]>([])

    public init(_ start: Timestamp = Timestamp(microseconds: 1_700_000_000_000_000)) { time = Lock(start) }

    public func now() -> Timestamp { time.withLock { $0 } }

    public func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }

    /// What was slept so far, in order.
    public var slept: [Duration] { sleeps.withLock { $0 } }

    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        sleeps.withLock { $0.append(duration) }
        advance(by: duration)
    }
}
