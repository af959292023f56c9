import DeltaEngine
import KubeClient
import ObjectStore

/// How the program ended, as scripts and the worker's Job see it.
enum ExitCode: Int32, Sendable {
    case done = 0
    case failed = 1
    /// The command line itself is wrong; nothing was tried.
    case wrongUsage = 2
    /// The same call may succeed later: a lost race, a storage that did not answer.
    case retryable = 3
    /// The table or a guard forbids it; trying again changes nothing.
    case refused = 4
}

extension ExitCode {
    /// What an error that ended a command means for a script.
    init(of error: any Error) {
        switch error {
        case is UsageError: self = .wrongUsage
        case is CancellationError: self = .retryable
        case let error as DeltaError:
            switch error.kind {
            case .retryable: self = .retryable
            case .refused: self = .refused
            case .permanent: self = .failed
            }
        case let error as NotApplied: self = error.isRetryable ? .retryable : .failed
        case let error as KubeError: self = error.isRetryable ? .retryable : .failed
        case let error as ObjectStoreError: self = error.isRetryable ? .retryable : .failed
        case let error as KubeError: self = error.isRetryable ? .retryable : .failed
        case FollowError.timedOut, is NotReady: self = .retryable
        default: self = .failed
        }
    }
}
