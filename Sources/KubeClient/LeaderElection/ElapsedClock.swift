/// How much time has passed in this process, whatever is done to the machine's date. Time in which the machine slept counts: its lease ran on meanwhile.
public protocol ElapsedClock: Sendable {
    /// Since some moment that stays the same for the process.
    func elapsed() -> Duration
    /// Suspends; throws `CancellationError` when the task is cancelled meanwhile.
    func sleep(for duration: Duration) async throws
}

public struct SystemElapsedClock: ElapsedClock {
    private static let start = ContinuousClock.now

    public init() { _ = Self.start }

    public func elapsed() -> Duration { ContinuousClock.now - Self.start }

    public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration, clock: .continuous) }
}
