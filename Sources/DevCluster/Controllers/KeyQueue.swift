import Base

/// Keys that wait for a controller. A key is handed to one worker at a time; what is added while it is worked on comes again afterwards.
final class KeyQueue<Key: Hashable & Sendable>: Sendable {
    private struct State {
        var ready: [Key] = []
        var dirty: Set<Key> = []
        var working: Set<Key> = []
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// When keys come back by themselves; at most one timer counts for each.
        var due: [Key: Timestamp] = [:]
        var isClosed = false
    }

    private let state = Lock(State())
    private let clock: any WallClock

    init(clock: any WallClock) { self.clock = clock }

    func add(_ key: Key) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.isClosed, state.dirty.insert(key).inserted, !state.working.contains(key) else { return nil }
            state.ready.append(key)
            return state.waiters.popLast()
        }
        waiter?.resume()
    }

    /// Adds the key after a delay, unless it comes sooner anyway.
    func add(_ key: Key, after delay: Duration) {
        if delay <= .zero { return add(key) }
        let due = clock.now() + delay
        let isFirst = state.withLock { state -> Bool in
            if let planned = state.due[key], planned <= due { return false }
            state.due[key] = due
            return true
        }
        guard isFirst else { return }
        Task {
            try? await clock.sleep(for: delay)
            let isCurrent = state.withLock { state -> Bool in
                guard state.due[key] == due else { return false }
                state.due[key] = nil
                return true
            }
            if isCurrent { add(key) }
        }
    }

    /// The next key; nil when the queue is closed. Call ``done(_:)`` with it.
    func next() async -> Key? {
        while true {
            let (key, isClosed) = state.withLock { state -> (Key?, Bool) in
                if state.isClosed { return (nil, true) }
                guard !state.ready.isEmpty else { return (nil, false) }
                let key = state.ready.removeFirst()
                state.dirty.remove(key)
                state.working.insert(key)
                return (key, false)
            }
            if key != nil || isClosed { return key }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state -> Bool in
                    if state.isClosed || !state.ready.isEmpty { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    func done(_ key: Key) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.working.remove(key)
            guard state.dirty.contains(key), !state.isClosed else { return nil }
            state.ready.append(key)
            return state.waiters.popLast()
        }
        waiter?.resume()
    }

    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
