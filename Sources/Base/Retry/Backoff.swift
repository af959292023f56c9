/// How long to wait before each further attempt: exponential with full jitter, so that those who failed together do not come back together.
public struct Backoff: Sendable, Hashable {
    /// The longest wait before the second attempt; it doubles with each one after.
    public let base: Duration
    /// No wait is longer.
    public let cap: Duration

    public init(base: Duration = .milliseconds(100), cap: Duration = .seconds(20)) {
        self.base = base
        self.cap = cap
    }

    /// The longest wait after that many failed attempts (1, 2, …).
    public func limit(afterFailures failures: Int) -> Duration {
        let doublings = min(max(0, failures - 1), 40)
        let limit = base * (1 << doublings)
        return min(limit, cap)
    }

    /// A wait between zero and the limit.
    public func delay(afterFailures failures: Int, random: any RandomSource) -> Duration {
        limit(afterFailures: failures) * random.fraction()
    }
}

/// Calls `body` until it succeeds, until its error is not worth another try, or until `attempts` are used up; then the last error is thrown.
///
/// - Parameters:
///   - isRetryable: whether the same call may succeed later. A cancellation never is retried.
///   - minimumDelay: a wait that the error itself asks for (`Retry-After`); the jittered wait is added to it.
///   - body: is given the number of the attempt, from 1.
public func retry<Result: Sendable>(
    attempts: Int, backoff: Backoff = Backoff(), clock: any WallClock, random: any RandomSource,
    while isRetryable: (any Error) -> Bool, minimumDelay: (any Error) -> Duration = { _ in .zero },
    _ body: (Int) async throws -> Result
) async throws -> Result {
    var attempt = 1
    while true {
        do {
            return try await body(attempt)
        } catch {
            guard attempt < attempts, !(error is CancellationError), isRetryable(error) else { throw error }
            try await clock.sleep(for: minimumDelay(error) + backoff.delay(afterFailures: attempt, random: random))
            attempt += 1
        }
    }
}
