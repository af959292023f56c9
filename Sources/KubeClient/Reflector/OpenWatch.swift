import Base

/// A watch together with the watchdog that ends it: a connection can go dead without either side hearing of it.
final class OpenWatch: Sendable {
    private struct State {
        var events: (any WatchEvents)?
        var opening: Task<any WatchEvents, any Error>?
        var watchdog: Task<Void, Never>?
        var stalled = false
    }

    private let limit: Duration
    private let clock: any WallClock
    private let openedAt: ContinuousClock.Instant
    private let state = Lock(State())

    init(limit: Duration, clock: any WallClock) {
        self.limit = limit
        self.clock = clock
        openedAt = .now
    }

    deinit { close() }

    func open(_ body: @escaping @Sendable () async throws(KubeError) -> any WatchEvents) async -> ReflectorMachine.Outcome {
        let opening = Task { try await body() }
        let watchdog = Task { [weak self, clock, limit] in
            // Cancelled when the watch ends before.
            guard (try? await clock.sleep(for: limit)) != nil else { return }
            self?.bark()
        }
        state.withLock { state in
            state.opening = opening
            state.watchdog = watchdog
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
            guard let event = try await events.next() else { return .ended(after: openedAt.duration(to: .now)) }
            return .event(event)
        } catch {
            return outcome(of: error)
        }
    }

    func close() {
        let (events, opening, watchdog) = state.withLock { ($0.events, $0.opening, $0.watchdog) }
        watchdog?.cancel()
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
