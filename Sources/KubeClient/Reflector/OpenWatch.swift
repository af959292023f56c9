import Base

/// A watch together with the watchdog that ends it: a connection can go dead without either side hearing of it.
final class OpenWatch: Sendable {
    fileprivate struct State {
        var events: (any WatchEvents)?
        var opening: Task<any WatchEvents, any Error>?
        var watchdogs: [Task<Void, Never>] = []
        var stalled = false
        /// Of the list that the watch begins with.
        var received = 0
        var listIsWhole = false
    }

    private let limit: Duration
    private let listLimit: Duration?
    private let clock: any WallClock
    private let openedAt: ContinuousClock.Instant
    private let state = Lock(State())

    /// - Parameters:
    ///   - limit: How long it may last.
    ///   - listLimit: How long it may bring nothing, until the list that it begins with is whole; nil: it begins with none.
    init(limit: Duration, listLimit: Duration? = nil, clock: any WallClock) {
        self.limit = limit
        self.listLimit = listLimit
        self.clock = clock
        openedAt = .now
    }

    deinit { close() }

    /// How long ago it was asked for.
    var age: Duration { openedAt.duration(to: .now) }

    func open(_ body: @escaping @Sendable () async throws(KubeError) -> any WatchEvents) async -> ReflectorMachine.Outcome {
        let opening = Task { try await body() }
        // Cancelled when the watch ends before.
        let watchdog = Task { [weak self, clock, limit] in
            guard (try? await clock.sleep(for: limit)) != nil else { return }
            self?.bark()
        }
        let listWatchdog = listLimit.map { limit in
            Task { [weak self, clock] in
                var before = 0
                while (try? await clock.sleep(for: limit)) != nil {
                    guard let (received, isWhole) = self?.state.withLock({ ($0.received, $0.listIsWhole) }), !isWhole else { return }
                    if received == before { self?.bark() }
                    before = received
                }
            }
        }
        state.withLock { state in
            state.opening = opening
            state.watchdogs = [watchdog] + (listWatchdog.map { [$0] } ?? [])
        }
        let result = await withTaskCancellationHandler {
            await opening.result
        } onCancel: {
            opening.cancel()
        }
        switch result {
        case .success(let events):
            let stalled = state.withLock { state in
                state.events = events
                return state.stalled
            }
            guard stalled else { return .opened }
            // The watchdog barked just before there were events to cancel; it will not do so again.
            events.cancel()
            return .stalled
        case .failure(let error): return outcome(of: error as? KubeError ?? .cancelled)
        }
    }

    func next() async -> ReflectorMachine.Outcome {
        guard let events = state.withLock({ $0.events }) else { return .ended(after: .zero) }
        do throws(KubeError) {
            guard let event = try await events.next() else { return .ended(after: age) }
            if listLimit != nil { state.withLock { $0.note(event) } }
            return .event(event)
        } catch {
            return outcome(of: error)
        }
    }

    func close() {
        let (events, opening, watchdogs) = state.withLock { ($0.events, $0.opening, $0.watchdogs) }
        watchdogs.forEach { $0.cancel() }
        opening?.cancel()
        events?.cancel()
    }

    private func bark() {
        let (events, opening) = state.withLock { state in
            state.stalled = true
            return (state.events, state.opening)
        }
        opening?.cancel()
        events?.cancel()
    }

    private func outcome(of error: KubeError) -> ReflectorMachine.Outcome {
        state.withLock { $0.stalled } ? .stalled : .failed(error)
    }
}

extension OpenWatch.State {
    /// A bookmark in between says nothing about the list: those who do not know the one at its end send them too.
    fileprivate mutating func note(_ event: WatchEvent<Resource>) {
        switch event {
        case .added, .modified, .deleted: received += 1
        case .bookmark(_, let initialEventsEnd): if initialEventsEnd { listIsWhole = true }
        }
    }
}
