import Base
import Glibc

/// Syncs the log for all writers that wait, in one call where they wait together: `fdatasync` blocks for milliseconds, so it has a thread of its own.
final class SyncThread: Sendable {
    private struct State {
        var waiting: [(file: LogFile, continuation: CheckedContinuation<StorageError?, Never>)] = []
        var failure: StorageError?
        var isStopped = false
    }

    private let state = Lock(State())
    private let wakeUp: Semaphore = Semaphore()

    init() {
        let unmanaged = Unmanaged.passRetained(self)
        var thread = pthread_t()
        pthread_create(&thread, nil, syncThreadMain, unmanaged.toOpaque())
        pthread_detach(thread)
    }

    /// Returns when everything that was appended to `file` before the call is on the disk.
    func sync(_ file: LogFile) async throws(StorageError) {
        let failure: StorageError? = await withCheckedContinuation { continuation in
            let stopped = state.withLock { state -> StorageError? in
                if let failure = state.failure { return failure }
                if state.isStopped { return .stopped(reason: "levee dev is shutting down") }
                state.waiting.append((file, continuation))
                return nil
            }
            if let stopped { continuation.resume(returning: stopped) } else { wakeUp.signal() }
        }
        if let failure { throw failure }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        wakeUp.signal()
    }

    fileprivate func run() {
        while true {
            wakeUp.wait()
            let (batch, isStopped) = state.withLock { state in
                defer { state.waiting = [] }
                return (state.waiting, state.isStopped)
            }
            // More than one file only where the log was rotated a moment ago.
            var outcomes: [ObjectIdentifier: StorageError?] = [:]
            for (file, _) in batch where outcomes[ObjectIdentifier(file)] == nil {
                do {
                    try file.sync()
                    outcomes[ObjectIdentifier(file)] = .some(nil)
                } catch {
                    outcomes[ObjectIdentifier(file)] = error
                    state.withLock { $0.failure = error }
                }
            }
            for (file, continuation) in batch { continuation.resume(returning: outcomes[ObjectIdentifier(file)] ?? nil) }
            if isStopped { return }
        }
    }
}

/// A counting semaphore between threads, for code outside Swift's tasks.
private final class Semaphore: @unchecked Sendable {
    // Safe to share: `sem_t` is made for it, and its address never changes.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0, errno == EINTR {}
    }
}

private func syncThreadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<SyncThread>.fromOpaque(argument).takeRetainedValue().run() }
    return nil
}
