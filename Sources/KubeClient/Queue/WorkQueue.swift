import Base

/// Keys that need attention: each one at most once in the queue, never with two workers at the same time, and again if it was added while it was worked on.
public final class WorkQueue<Key: Hashable & Sendable>: Sendable {
    private struct State {
        var waiting: [Key] = []
        /// Where `waiting` begins; what is before has been taken.
        var head = 0
        /// To be worked on: in `waiting`, or being worked on and added again.
        var dirty: Set<Key> = []
        var processing: Set<Key> = []
        /// Since when keys wait, and are worked on; where somebody counts.
        var waitingSince: [Key: Timestamp] = [:]
        var processingSince: [Key: Timestamp] = [:]
        var failures: [Key: Int] = [:]
        var delayed: [Key: Delayed] = [:]
        var workers: [(id: UInt64, continuation: CheckedContinuation<Key?, Never>)] = []
        var nextId: UInt64 = 0
        var isShutDown = false
    }

    private struct Delayed {
        var id: UInt64
        var due: Timestamp
        var timer: Task<Void, Never>?
    }

    private let clock: any WallClock
    private let random: any RandomSource
    private let backoff: Backoff
    private let metrics: WorkQueueMetrics?
    private let state = Lock(State())

    /// - Parameter backoff: For ``addRateLimited(_:)``: how long a key that failed so many times in a row waits.
    public init(
        clock: any WallClock = SystemClock(), random: any RandomSource = SystemRandomSource(),
        backoff: Backoff = Backoff(base: .milliseconds(250), cap: .seconds(300)), metrics: WorkQueueMetrics? = nil
    ) {
        self.metrics = metrics
        self.clock = clock
        self.random = random
        self.backoff = backoff
    }

    /// How many keys wait for a worker.
    public var count: Int { state.withLock { $0.waiting.count - $0.head } }

    /// Brings the gauges of its metrics up to date, before they are shown.
    public func report() {
        guard let metrics else { return }
        let (depth, running) = state.withLock { ($0.waiting.count - $0.head, Array($0.processingSince.values)) }
        let now = clock.now()
        let seconds = running.map { max(.zero, now - $0) / .seconds(1) }
        metrics.depth.set(Double(depth))
        metrics.unfinished.set(seconds.reduce(0, +))
        metrics.longest.set(seconds.max() ?? 0)
    }

    /// Adds a key, unless it waits already.
    public func add(_ key: Key) {
        let handover = state.withLock { state -> CheckedContinuation<Key?, Never>? in
            guard !state.isShutDown, state.dirty.insert(key).inserted else { return nil }
            if let metrics {
                metrics.adds.increment()
                state.waitingSince[key] = clock.now()
            }
            return state.processing.contains(key) ? nil : enqueue(key, &state)
        }
        handover?.resume(returning: key)
    }

    /// Adds a key when the time has passed. Of several delays for one key the earliest counts.
    public func add(_ key: Key, after delay: Duration) {
        guard delay > .zero else { return add(key) }
        let due = clock.now() + delay
        let id = state.withLock { state -> UInt64? in
            guard !state.isShutDown else { return nil }
            if let delayed = state.delayed[key] {
                guard due < delayed.due else { return nil }
                delayed.timer?.cancel()
            }
            state.nextId += 1
            state.delayed[key] = Delayed(id: state.nextId, due: due, timer: nil)
            return state.nextId
        }
        guard let id else { return }
        let timer = Task { [weak self, clock] in
            guard (try? await clock.sleep(for: delay)) != nil else { return }
            self?.fire(key, id)
        }
        state.withLock { state in
            if state.delayed[key]?.id == id { state.delayed[key]?.timer = timer } else { timer.cancel() }
        }
    }

    /// Adds a key after a pause that grows with each call since the last ``forget(_:)``.
    public func addRateLimited(_ key: Key) {
        let failures = state.withLock { state in
            state.failures[key, default: 0] += 1
            return state.failures[key, default: 1]
        }
        metrics?.retries.increment()
        // Half of the pause is certain: a key that fails must not spin on a lucky jitter.
        let limit = backoff.limit(afterFailures: failures)
        add(key, after: limit / 2 + random.duration(upTo: limit / 2))
    }

    /// How often the key has been added by ``addRateLimited(_:)`` in a row.
    public func failures(_ key: Key) -> Int { state.withLock { $0.failures[key] ?? 0 } }

    /// The key is in order: its next failure starts with a short pause again.
    public func forget(_ key: Key) { state.withLock { $0.failures[key] = nil } }

    /// The next key to work on; waits for one. Nil when the queue is shut down and empty, or the task is cancelled. Call ``done(_:)`` after the work.
    public func next() async -> Key? {
        let id = state.withLock { state in
            state.nextId += 1
            return state.nextId
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (key, waits) = state.withLock { state -> (Key?, Bool) in
                    if Task.isCancelled { return (nil, false) }
                    if let key = dequeue(&state) { return (key, false) }
                    if state.isShutDown { return (nil, false) }
                    state.workers.append((id, continuation))
                    return (nil, true)
                }
                if !waits { continuation.resume(returning: key) }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Key?, Never>? in
                guard let place = state.workers.firstIndex(where: { $0.id == id }) else { return nil }
                return state.workers.remove(at: place).continuation
            }
            continuation?.resume(returning: nil)
        }
    }

    /// The work on a key that ``next()`` gave out has ended, well or not.
    public func done(_ key: Key) {
        let handover = state.withLock { state -> CheckedContinuation<Key?, Never>? in
            state.processing.remove(key)
            if let metrics, let start = state.processingSince.removeValue(forKey: key) { metrics.worked.observe(max(.zero, clock.now() - start)) }
            guard state.dirty.contains(key) else { return nil }
            return enqueue(key, &state)
        }
        handover?.resume(returning: key)
    }

    /// Takes no more keys; what waits is still given out, delayed keys are dropped.
    public func shutDown() {
        let (workers, timers) = state.withLock { state in
            state.isShutDown = true
            defer {
                state.workers = []
                state.delayed = [:]
            }
            return (state.workers, state.delayed.values.map(\.timer))
        }
        workers.forEach { $0.continuation.resume(returning: nil) }
        timers.forEach { $0?.cancel() }
    }

    private func fire(_ key: Key, _ id: UInt64) {
        let isDue = state.withLock { state in
            guard state.delayed[key]?.id == id else { return false }
            state.delayed[key] = nil
            return true
        }
        if isDue { add(key) }
    }

    /// Puts the key behind the others, or returns the worker that waits for one; the caller resumes it outside the lock.
    private func enqueue(_ key: Key, _ state: inout State) -> CheckedContinuation<Key?, Never>? {
        guard state.workers.isEmpty else {
            begin(key, &state)
            return state.workers.removeFirst().continuation
        }
        state.waiting.append(key)
        return nil
    }

    private func dequeue(_ state: inout State) -> Key? {
        guard state.head < state.waiting.count else { return nil }
        let key = state.waiting[state.head]
        state.head += 1
        if state.head > 64, state.head * 2 > state.waiting.count {
            state.waiting.removeFirst(state.head)
            state.head = 0
        }
        begin(key, &state)
        return key
    }

    private func begin(_ key: Key, _ state: inout State) {
        state.dirty.remove(key)
        state.processing.insert(key)
        guard let metrics else { return }
        let now = clock.now()
        if let since = state.waitingSince.removeValue(forKey: key) { metrics.queued.observe(max(.zero, now - since)) }
        state.processingSince[key] = now
    }
}
