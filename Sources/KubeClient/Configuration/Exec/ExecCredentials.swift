import Base

/// The credentials of a program, asked for anew when they have expired or the server takes them no more; once, however many requests wait for them.
final class ExecCredentials: Sendable {
    private struct State {
        var credential: ExecCredential?
        var asking: Task<ExecCredential, any Error>?
    }

    private let run: @Sendable () async throws -> ExecCredential
    private let clock: any WallClock
    private let state = Lock(State())

    convenience init(_ plugin: ExecPlugin, environment: [String: String], clock: any WallClock) {
        let executor = BlockingExecutor(threads: 1, name: "levee-exec")
        let process = PluginProcess(plugin: plugin, environment: environment)
        self.init(clock: clock) { try ExecCredential(try await executor.run { try process.run() }, of: plugin) }
    }

    init(clock: any WallClock, run: @escaping @Sendable () async throws -> ExecCredential) {
        self.clock = clock
        self.run = run
    }

    func current() async throws(KubeError) -> ExecCredential {
        let now = clock.now()
        let (known, asking) = state.withLock { state -> (ExecCredential?, Task<ExecCredential, any Error>?) in
            if let known = state.credential, known.expires.map({ now < $0 }) ?? true { return (known, nil) }
            if let asking = state.asking { return (nil, asking) }
            // A task of its own: whoever is cancelled does not take the answer from the others.
            let asking = Task { [run] in try await run() }
            state.asking = asking
            return (nil, asking)
        }
        if let known { return known }
        guard let asking else { throw .cancelled }
        let result = await asking.result
        state.withLock { state in
            guard state.asking == asking else { return }
            state.asking = nil
            state.credential = try? result.get()
        }
        do { return try result.get() } catch { throw error as? KubeError ?? .cancelled }
    }

    /// The server has refused what a request carried: false where others are in hand already, or none were given.
    func forget(_ refused: ExecCredential) {
        state.withLock { state in if state.credential == refused { state.credential = nil } }
    }
}
