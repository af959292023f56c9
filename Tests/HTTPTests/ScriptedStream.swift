import Base
import HTTP

/// A response body whose chunks the test pushes.
final class ScriptedStream: ResponseStream {
    private struct State {
        var chunks: [Bytes] = []
        var finished = false
        var closed = 0
        var pulls = 0
    }

    private let state = Lock(State())

    func push(_ text: String) { push(Bytes(text)) }

    func push(_ bytes: Bytes) { state.withLock { $0.chunks.append(bytes) } }

    func finish() { state.withLock { $0.finished = true } }

    var isClosed: Bool { state.withLock { $0.closed == 1 } }

    /// How often the server has asked.
    var pulls: Int { state.withLock { $0.pulls } }

    func next() async -> Bytes? {
        state.withLock { $0.pulls += 1 }
        while true {
            let (chunk, ended) = state.withLock { state in
                (state.chunks.isEmpty ? nil : state.chunks.removeFirst(), state.finished || state.closed > 0)
            }
            if let chunk { return chunk }
            if ended { return nil }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }

    func closed() { state.withLock { $0.closed += 1 } }

    func waitUntilClosed() async {
        for _ in 0..<5000 where !isClosed { try? await Task.sleep(for: .milliseconds(1)) }
    }
}
