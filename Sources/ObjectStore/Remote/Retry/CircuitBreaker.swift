import Base

/// Spares a store that is down: after many failures in a row nothing is sent for a while, then one request at a time tries whether it is back.
///
/// Only failures that say something of the store's health count: broken connections, time-outs, 5xx. An answer of any other kind closes the circuit.
final class CircuitBreaker: Sendable {
    enum Admission: Hashable, Sendable {
        case admitted
        /// Asked too early: come back after that long.
        case refused(wait: Duration, lastFailure: String)
    }

    private struct State {
        var failuresInARow = 0
        /// How often it opened since the last success.
        var openings = 0
        var openUntil: Timestamp?
        var trialUnderWay = false
        var lastFailure = ""
    }

    private let threshold: Int
    private let pause: Backoff
    private let clock: any WallClock
    private let random: any RandomSource
    private let state = Lock(State())

    init(threshold: Int = 20, pause: Backoff = Backoff(base: .seconds(1), cap: .seconds(30)), clock: any WallClock, random: any RandomSource) {
        self.threshold = threshold
        self.pause = pause
        self.clock = clock
        self.random = random
    }

    func admit() -> Admission {
        let now = clock.now()
        return state.withLock { state in
            guard let openUntil = state.openUntil else { return .admitted }
            if now < openUntil { return .refused(wait: openUntil - now, lastFailure: state.lastFailure) }
            if state.trialUnderWay { return .refused(wait: .milliseconds(200), lastFailure: state.lastFailure) }
            state.trialUnderWay = true
            return .admitted
        }
    }

    func succeeded() { state.withLock { $0 = State() } }

    func failed(_ failure: String) {
        let now = clock.now()
        state.withLock { state in
            state.failuresInARow += 1
            state.lastFailure = failure
            guard state.failuresInARow >= threshold, state.openUntil == nil || state.trialUnderWay else { return }
            state.openings += 1
            state.trialUnderWay = false
            // At least half of the time: full jitter could open for no time at all.
            let limit = pause.limit(afterFailures: state.openings)
            state.openUntil = now + limit / 2 + random.duration(upTo: limit / 2)
        }
    }

    /// An admitted request ended without saying anything of the store (it was cancelled).
    func abandoned() { state.withLock { $0.trialUnderWay = false } }
}
