import CSystem
import Glibc
import Synchronization

/// Runs work that blocks (files, name look-ups, C libraries) on threads of its own, so that Swift's pool, which has one thread per core, never stalls.
///
/// Threads start when there is work for them, up to the given number, and stop when the executor goes. As a `TaskExecutor` it also serves whole tasks
/// (`Task(executorPreference:)`, `withTaskExecutorPreference`).
public final class BlockingExecutor: TaskExecutor {
    private let queue: Unmanaged<JobQueue>

    /// - Parameters:
    ///   - threads: how many may run at once; at least 1.
    ///   - name: what the threads are called in `ps -T` and debuggers, cut to 15 bytes.
    public init(threads: Int, name: String) {
        queue = JobQueue.held(limit: max(1, threads), name: name)
    }

    deinit {
        queue._withUnsafeGuaranteedRef { $0.close() }
        JobQueue.letGo(queue)
    }

    /// The runtime keeps no reference to the executor here, and the job may hold the last one: once the job is in the queue another thread may run it to
    /// its end, and this executor be gone before `append` returns.
    public func enqueue(_ job: consuming ExecutorJob) {
        let (queue, job, executor) = (queue, UnownedJob(job), asUnownedTaskExecutor())
        JobQueue.hold(queue)
        queue._withUnsafeGuaranteedRef { $0.append(job, executor: executor) }
        JobQueue.letGo(queue)
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
///
/// It goes when the last of its holders has let go: the executor, each thread, and each call that adds a job. They are counted here, not by references,
/// since the compiler may drop a retain that it can prove to be needless as long as the executor lives, and an executor may go while it enqueues.
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
    private let holders = Atomic(1)

    /// A queue that its creator holds.
    static func held(limit: Int, name: String) -> Unmanaged<JobQueue> { Unmanaged.passRetained(JobQueue(limit: limit, name: name)) }

    /// By someone who knows that another holds it.
    static func hold(_ queue: Unmanaged<JobQueue>) {
        queue._withUnsafeGuaranteedRef { _ = $0.holders.add(1, ordering: .relaxed) }
    }

    static func letGo(_ queue: Unmanaged<JobQueue>) {
        let left = queue._withUnsafeGuaranteedRef { $0.holders.subtract(1, ordering: .acquiringAndReleasing).newValue }
        if left == 0 { queue.release() }
    }

    private init(limit: Int, name: String) {
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
        let queue = Unmanaged.passUnretained(self)
        Self.hold(queue)
        guard pthread_create(&thread, nil, runJobQueue, queue.toOpaque()) == 0 else {
            Self.letGo(queue)
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
    guard let queue else { return nil }
    let held = Unmanaged<JobQueue>.fromOpaque(queue)
    held._withUnsafeGuaranteedRef { $0.work() }
    JobQueue.letGo(held)
    return nil
}
