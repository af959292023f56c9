import Base
import HTTP

/// When a server that sends nothing is asked whether it is there.
///
/// A connection can go dead without either side hearing of it, and over HTTP/2 all watches and requests are on one. Where nothing at all has come for ``interval`` while
/// something is awaited, a small request is sent over the same connection; without an answer in ``patience`` everything on it is given up and begins anew on another. client-go
/// does the same by HTTP/2 PING (`ReadIdleTimeout`, `PingTimeout`), which libcurl does not send.
public struct LivenessCheck: Sendable {
    public var interval: Duration
    public var patience: Duration
    let clock: any ElapsedClock

    public init(interval: Duration = .seconds(30), patience: Duration = .seconds(15), clock: any ElapsedClock = SystemElapsedClock()) {
        self.interval = interval
        self.patience = patience
        self.clock = clock
    }

    /// Looks after a connection until it is gone or the task is cancelled.
    func run<Connection: LiveConnection>(_ connection: @escaping @Sendable () -> Connection?) async {
        var before: UInt64?
        while true {
            guard (try? await clock.sleep(for: interval)) != nil, let connection = connection() else { return }
            let activity = connection.activity
            guard connection.awaitsSomething, activity == before else {
                before = activity
                continue
            }
            if await !answers(connection) { connection.giveUp() }
            before = nil
        }
    }

    private func answers(_ connection: some LiveConnection) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await connection.answers() }
            group.addTask {
                // A cancelled wait is no verdict.
                (try? await clock.sleep(for: patience)) == nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? true
        }
    }
}

/// What a liveness check asks of a connection.
protocol LiveConnection: Sendable {
    /// Grows with everything that comes.
    var activity: UInt64 { get }
    var awaitsSomething: Bool { get }
    /// Whether any answer comes to a small request.
    func answers() async -> Bool
    /// Ends everything on it; what comes next takes another.
    func giveUp()
}
