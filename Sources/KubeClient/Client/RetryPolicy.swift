import Base
import HTTP

/// When a request is sent again. Pure; the client does the waiting.
///
/// As client-go: what the server did not see, or refused with an invitation to come back, may be repeated whatever it was; what may have been carried out is
/// repeated only if it changes nothing.
public struct RetryPolicy: Sendable {
    /// Including the first. 1 never repeats.
    public var maximumAttempts: Int
    public var backoff: Backoff

    public init(maximumAttempts: Int = 5, backoff: Backoff = Backoff(base: .milliseconds(100), cap: .seconds(10))) {
        self.maximumAttempts = maximumAttempts
        self.backoff = backoff
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
            return asked + backoff.delay(afterFailures: attempt, random: random)
        case .status(let status, _) where isRead && status.code >= 500: return backoff.delay(afterFailures: attempt, random: random)
        case .transport(.connectionFailed): return backoff.delay(afterFailures: attempt, random: random)
        case .transport(.interrupted) where isRead: return backoff.delay(afterFailures: attempt, random: random)
        default: return nil
        }
    }
}
