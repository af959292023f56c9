import Base

/// Bounds the requests, and the bytes, that are under way at once. Who comes first is served first.
///
/// Where the server asks for fewer requests the limit is halved, and grows back by one with each full round of successes, as TCP does.
final class FlightGate: Sendable {
    enum Outcome: Sendable { case succeeded, throttled, other }

    private struct Waiter {
        let id: UInt64
        let bytes: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var requests = 0
        var bytes = 0
        var limit: Double
        var nextID: UInt64 = 0
        var waiters: [Waiter] = []
        /// Cancelled before they came to wait.
        var cancelled: Set<UInt64> = []
    }

    private let maximumRequests: Int
    private let maximumBytes: Int
    private let state: Lock<State>

    init(maximumRequests: Int, maximumBytes: Int) {
        self.maximumRequests = max(1, maximumRequests)
        self.maximumBytes = max(1, maximumBytes)
        state = Lock(State(limit: Double(max(1, maximumRequests))))
    }

    /// How many requests may be under way now.
    var currentLimit: Int { state.withLock { Int($0.limit) } }

    /// Waits for its turn. Ended by ``leave(bytes:_:)`` with the same number of bytes.
    func enter(bytes: Int) async throws {
        try Task.checkCancellation()
        let id = state.withLock { state -> UInt64 in
            state.nextID += 1
            return state.nextID
        }
        let isAdmitted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    if state.cancelled.remove(id) != nil { return false }
                    if state.waiters.isEmpty, fits(bytes, state) {
                        state.requests += 1
                        state.bytes += bytes
                        return true
                    }
                    state.waiters.append(Waiter(id: id, bytes: bytes, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume(returning: false)
        }
        // A cancellation that came too late to matter has left its mark.
        _ = state.withLock { $0.cancelled.remove(id) }
        guard isAdmitted else { throw CancellationError() }
    }

    func leave(bytes: Int, _ outcome: Outcome) {
        let admitted = state.withLock { state -> [Waiter] in
            state.requests -= 1
            state.bytes -= bytes
            switch outcome {
            case .succeeded: state.limit = min(Double(maximumRequests), state.limit + 1 / state.limit)
            case .throttled: state.limit = max(1, state.limit / 2)
            case .other: break
            }
            var admitted: [Waiter] = []
            while let first = state.waiters.first, fits(first.bytes, state) {
                state.requests += 1
                state.bytes += first.bytes
                admitted.append(state.waiters.removeFirst())
            }
            return admitted
        }
        for waiter in admitted { waiter.continuation.resume(returning: true) }
    }

    /// One that is larger than everything may go alone.
    private func fits(_ bytes: Int, _ state: State) -> Bool {
        state.requests == 0 || (state.requests < Int(state.limit) && state.bytes + bytes <= maximumBytes)
    }
}
