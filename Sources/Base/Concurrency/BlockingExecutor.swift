import CSystem
import Glibc

/// Runs work that blocks (files, name look-ups, C libraries) on threads of its own, so that Swift's pool, which has one thread per core, never stalls.
///
/// Threads start when there is work for them, up to the given number, and stop when the executor goes. As a `TaskExecutor` it also serves whole tasks
/// (`Task(executorPreference:)`, `withTaskExecutorPreference`).
public final class BlockingExecutor: TaskExecutor {
    private let queue: JobQueue

    /// - Parameters:
    ///   - threads: how many may run at once; at least 1.
    ///   - name: what the threads are called in `ps -T` and debuggers, cut to 15 bytes.
    public init(threads: Int, name: String) {
        queue = JobQueue(limit: max(1, threads), name: name)
    }

    deinit { queue.close() }

    public func enqueue(_ job: consuming ExecutorJob) {
        queue.append(UnownedJob(job), executor: asUnownedTaskExecutor())
    }

    /// Runs blocking code on one of the threads. Throws `CancellationError` where the task was cancelled before it started; the code itself may look at `Task.isCancelled`.
    public func run<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
        try await withTaskExecutorPreference(self) {
            try Task.checkCancellation()
            return try body()
        }
    }
}

/// The jobs that wait and the threads that take them. Apart from the executor, so that threads keep only this alive.
private final class JobQueue: @unchecked Sendable {
    // Safe to share: everything below `mutex` is only touched while it is held.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [(job: UnownedJob, executor: UnownedTaskExecutor)] = []
    private var firstJob = 0
    private var idleThreads = 0
    private var threads = 0
    private var isClosed = false
    private let limit: Int
    private let name: String

    init(limit: Int, name: String) {
        self.limit = limit
        self.name = String(decoding: name.utf8.prefix(15), as: UTF8.self)
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func append(_ job: UnownedJob, executor: UnownedTaskExecutor) {
        pthread_mutex_lock(mutex)
        jobs.append((job, executor))
        // Counts jobs against idle threads rather than asking whether one is idle: a woken thread stays counted as idle until it runs.
        if jobs.count - firstJob > idleThreads, threads < limit, startThread() { threads += 1 }
        // Where the system has no thread for us at all, the caller's has to do: slow, but nothing waits for ever.
        let orphan = threads == 0 ? jobs.popLast() : nil
        pthread_mutex_unlock(mutex)
        if let orphan {
            orphan.job.runSynchronously(on: orphan.executor)
        } else {
            pthread_cond_signal(condition)
        }
    }

    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(condition)
    }

    private func startThread() -> Bool {
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self)
        guard pthread_create(&thread, nil, runJobQueue, retained.toOpaque()) == 0 else {
            retained.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    /// A thread's life.
    func work() {
        levee_name_this_thread(name)
        pthread_mutex_lock(mutex)
        while true {
            if firstJob < jobs.count {
                let (job, executor) = jobs[firstJob]
                firstJob += 1
                if firstJob == jobs.count {
                    jobs.removeAll(keepingCapacity: jobs.capacity <= 1024)
                    firstJob = 0
                }
                pthread_mutex_unlock(mutex)
                job.runSynchronously(on: executor)
                pthread_mutex_lock(mutex)
            } else if isClosed {
                break
            } else {
                idleThreads += 1
                pthread_cond_wait(condition, mutex)
                idleThreads -= 1
            }
        }
        threads -= 1
        pthread_mutex_unlock(mutex)
    }
}

private func runJobQueue(_ queue: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let queue { Unmanaged<JobQueue>.fromOpaque(queue).takeRetainedValue().work() }
    return nil
}
