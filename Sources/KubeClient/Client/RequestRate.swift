import Base

/// How many requests a client sends at most: so many a second, and so many at once after a rest.
public struct RequestRate: Sendable, Hashable {
    public var perSecond: Double
    public var burst: Int

    public init(perSecond: Double, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }
}

/// Permits that come at a constant rate and are kept up to a number. Who takes one that has not come yet waits for it; each in line waits longer. Pure.
struct TokenBucket: Sendable {
    private let rate: RequestRate
    /// Negative where permits are promised that have not come.
    private var tokens: Double
    private var filledAt = Duration.zero

    init(_ rate: RequestRate) {
        self.rate = RequestRate(perSecond: max(rate.perSecond, 0.001), burst: max(1, rate.burst))
        tokens = Double(self.rate.burst)
    }

    /// How long to wait before the permit that is taken now is good.
    mutating func take(now: Duration) -> Duration {
        let elapsed = max(.zero, now - filledAt)
        tokens = min(Double(rate.burst), tokens + elapsed / .seconds(1) * rate.perSecond)
        filledAt = max(filledAt, now)
        tokens -= 1
        return tokens >= 0 ? .zero : .seconds(-tokens / rate.perSecond)
    }

    /// A permit that was not used after all.
    mutating func giveBack() { tokens = min(Double(rate.burst), tokens + 1) }
}

/// Holds requests back that would be more than a client may send.
final class RequestLimiter: Sendable {
    private let bucket: Lock<TokenBucket>
    private let clock: any ElapsedClock

    init(_ rate: RequestRate, clock: any ElapsedClock = SystemElapsedClock()) {
        bucket = Lock(TokenBucket(rate))
        self.clock = clock
    }

    /// Returns how long it took.
    @discardableResult
    func wait() async throws(KubeError) -> Duration {
        let pause = bucket.withLock { [clock] in $0.take(now: clock.elapsed()) }
        guard pause > .zero else { return .zero }
        do { try await clock.sleep(for: pause) } catch {
            bucket.withLock { $0.giveBack() }
            throw .cancelled
        }
        return pause
    }
}
