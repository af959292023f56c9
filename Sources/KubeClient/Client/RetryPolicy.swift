import Base
import HTTP

/// When a request is sent again. Pure; the client does the waiting.
///
/// As client-go: what the server did not see, or refused with an invitation to come back, may be repeated whatever it was; what may have been carried out is
/// repeated only if it changes nothing.
public struct RetryPolicy: Sendable {
    /// Including the first. 1 never repeats.
    public var maximumAttempts: Int
    public var firstDelay: Duration
    public var maximumDelay: Duration

    public init(maximumAttempts: Int = 5, firstDelay: Duration = .milliseconds(100), maximumDelay: Duration = .seconds(10)) {
        self.maximumAttempts = maximumAttempts
        self.firstDelay = firstDelay
        self.maximumDelay = maximumDelay
    }

    /// For callers with a backoff of their own.
    public static let never = RetryPolicy(maximumAttempts: 1)

    /// How long to wait before the next attempt; nil to give up.
    ///
    /// - Parameter attempt: How many have been made, 1 after the first.
    func delay(after error: KubeError, attempt: Int, isRead: Bool, random: any RandomSource) -> Duration? {
        guard attempt < maximumAttempts else { return nil }
        switch error {
        case .status(let status, _) where status.code == 429 || (status.code >= 500 && status.retryAfter != nil):
            // Never earlier than asked, and not all at the same moment.
            let asked = status.retryAfter ?? .zero
            return asked + backoff(attempt, random)
        case .status(let status, _) where isRead && status.code >= 500: return backoff(attempt, random)
        case .transport(.connectionFailed): return backoff(attempt, random)
        case .transport(.interrupted) where isRead: return backoff(attempt, random)
        default: return nil
        }
    }

    private func backoff(_ attempt: Int, _ random: any RandomSource) -> Duration {
        let bound = min(maximumDelay, firstDelay * (1 << min(attempt - 1, 20)))
        return bound / 2 + random.duration(upTo: bound / 2)
    }
}
