import Glibc

/// The project's one mutual-exclusion type: a state that can only be reached while the lock is held.
///
/// It is a `pthread_mutex_t` on its own heap cell rather than `Synchronization.Mutex`, because Thread Sanitizer knows pthread mutexes
/// and reports false races on the other. Never hold it across an `await`: the closure is synchronous so that the compiler sees to it.
public final class Lock<State>: @unchecked Sendable {
    // Safe to share: `state` is only touched between lock and unlock of `mutex`.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var state: State

    public init(_ state: sending State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` with exclusive access to the state. Not reentrant: taking the same lock inside `body` deadlocks.
    public func withLock<Result, Failure: Error>(_ body: (inout sending State) throws(Failure) -> sending Result) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }
}
