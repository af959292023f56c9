import Base

/// How hard a store is tried. The defaults are near those of the vendors' SDKs.
struct RetryPolicy: Sendable {
    var maximumAttempts = 8
    var backoff = Backoff(base: .milliseconds(100), cap: .seconds(20))
    /// After the server asked for fewer requests.
    var throttledBackoff = Backoff(base: .milliseconds(500), cap: .seconds(20))
    /// For one attempt, to its last byte; time for the bytes it moves comes on top.
    var attemptTimeout: Duration = .seconds(30)
    /// The slowest transfer that is still waited for.
    var minimumBytesPerSecond = 256 << 10
    /// Ends an attempt during which no byte moves for so long.
    var idleTimeout: Duration = .seconds(20)
    /// For an operation with all its attempts and waits.
    var deadline: Duration = .seconds(300)

    func timeout(movingBytes bytes: Int) -> Duration { attemptTimeout + .seconds(1) * (Double(bytes) / Double(max(1, minimumBytesPerSecond))) }
}

/// Bounds what retries may add to the load of a store that is in trouble: each takes tokens from a bucket, which only success fills again.
///
/// The amounts are those of the AWS SDKs' standard mode.
final class RetryBudget: Sendable {
    private let tokens: Lock<Int>
    private let capacity: Int

    init(capacity: Int = 500) {
        self.capacity = capacity
        tokens = Lock(capacity)
    }

    /// What a retry costs; nil where the bucket does not hold so much.
    func take(afterTimeout: Bool) -> Int? {
        let cost = afterTimeout ? 10 : 5
        return tokens.withLock { tokens in
            guard tokens >= cost else { return nil }
            tokens -= cost
            return cost
        }
    }

    /// A success gives back what its last retry cost, one token where it had none.
    func giveBack(_ cost: Int) { tokens.withLock { $0 = min(capacity, $0 + max(1, cost)) } }
}

/// The attempts of one operation. Used by one task at a time.
final class RetrySession: Sendable {
    private struct State {
        var failures = 0
        var heldTokens = 0
    }

    let policy: RetryPolicy
    let deadline: Timestamp
    private let budget: RetryBudget
    private let clock: any WallClock
    private let random: any RandomSource
    private let state = Lock(State())

    init(policy: RetryPolicy, budget: RetryBudget, clock: any WallClock, random: any RandomSource) {
        self.policy = policy
        self.budget = budget
        self.clock = clock
        self.random = random
        deadline = clock.now() + policy.deadline
    }

    var failures: Int { state.withLock { $0.failures } }

    /// How much of the operation's time is left.
    var remaining: Duration { max(.zero, deadline - clock.now()) }

    /// Waits until another attempt may be made; throws `failure` where none may.
    ///
    /// - Parameter minimumDelay: what the server, or the circuit, asks for.
    func waitForNextAttempt(after failure: RemoteFailure, minimumDelay: Duration = .zero) async throws {
        let failures = state.withLock { state -> Int in
            state.failures += 1
            return state.failures
        }
        guard failures < policy.maximumAttempts else { throw failure }
        let backoff = failure.server?.kind == .throttled ? policy.throttledBackoff : policy.backoff
        let delay = max(minimumDelay, failure.server?.retryAfter ?? .zero) + backoff.delay(afterFailures: failures, random: random)
        guard delay < remaining, let cost = budget.take(afterTimeout: failure.isTimeout) else { throw failure }
        state.withLock { $0.heldTokens = cost }
        try await clock.sleep(for: delay)
    }

    func succeeded() { budget.giveBack(state.withLock { $0.heldTokens }) }
}
