import Base

/// Where a watch's events wait until it takes them.
final class WatchChannel: Sendable {
    /// A watch that falls behind this far is ended; its client lists or watches again. Bounds what a client that reads nothing can cost.
    private let limit: Int

    enum Delivery: Sendable {
        case events([StoreEvent])
        /// Nothing came in the time.
        case nothing
        case ended
    }

    private struct State {
        var events: [StoreEvent] = []
        var waiter: CheckedContinuation<Void, Never>?
        var isEnded = false
    }

    private let state = Lock(State())

    init(limit: Int = 20_000) { self.limit = limit }

    var isDrained: Bool { state.withLock { $0.events.isEmpty } }

    func push(_ event: StoreEvent) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.isEnded { return nil }
            if state.events.count >= limit {
                state.isEnded = true
                state.events = []
            } else {
                state.events.append(event)
            }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func end() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isEnded = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Wakes a waiting ``take()`` without an event.
    func poke() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// The events since the last call; waits for the first one until it comes, the channel ends, or somebody pokes. One caller at a time.
    func take() async -> Delivery {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state -> Bool in
                if state.isEnded || !state.events.isEmpty { return true }
                state.waiter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        return state.withLock { state in
            if !state.events.isEmpty {
                defer { state.events = [] }
                return .events(state.events)
            }
            return state.isEnded ? .ended : .nothing
        }
    }
}
