import Base
import CCurl
import Glibc

/// Threads that move the bytes of any number of transfers (curl's multi interface), and the connections they keep.
public final class HTTPClientLoop: Sendable {
    private let cores: [ClientLoopCore]

    /// - Parameters:
    ///   - threads: one moves about a gigabyte a second; more are for those who have more to move. Each keeps connections of its own.
    ///   - maximumConnectionsPerHost: See ``HTTPClientConfiguration/maximumConnectionsPerHost``; of each thread.
    public init(threads: Int = 1, maximumConnectionsPerHost: Int = 0) throws(HTTPError) {
        var cores: [ClientLoopCore] = []
        do throws(HTTPError) {
            for _ in 0..<max(1, threads) { cores.append(try ClientLoopCore(maximumConnectionsPerHost: maximumConnectionsPerHost)) }
        } catch {
            for core in cores { core.post(.stop) }
            throw error
        }
        self.cores = cores
    }

    deinit { for core in cores { core.post(.stop) } }

    /// Grows with everything that any transfer receives: while it does, there is somebody on the other side.
    public var activity: UInt64 { cores.reduce(0) { $0 &+ $1.activity.withLock { $0 } } }

    /// Whether there are transfers.
    public var isBusy: Bool { cores.contains { $0.load.withLock { $0 > 0 } } }

    /// Ends all transfers under way as if their connections had broken.
    public func interruptAll(reason: String) { for core in cores { core.post(.interrupt(reason)) } }

    /// The thread with the fewest transfers, the first of such: requests that come one after the other find the connection of the one before.
    func leastLoaded() -> ClientLoopCore {
        var best = cores[0]
        var least = cores.count > 1 ? best.load.withLock { $0 } : 0
        for core in cores.dropFirst() where least > 0 {
            let load = core.load.withLock { $0 }
            if load < least { (best, least) = (core, load) }
        }
        return best
    }
}

/// What runs on the loop's thread. Everybody who posts holds the ``HTTPClientLoop``, so nothing but its own end comes after `.stop`.
final class ClientLoopCore: @unchecked Sendable {
    // Safe to share: `mailbox` is locked and curl_multi_wakeup may be called from any thread; all else belongs to the loop's thread once it runs.

    enum Command: Sendable {
        case start(HTTPTransfer)
        case cancel(HTTPTransfer)
        case resumeReceiving(HTTPTransfer)
        /// What the request's body stream yielded: bytes, its end, or its error described.
        case bodyPiece(HTTPTransfer, RequestBodyPiece)
        case interrupt(String)
        case stop
    }

    private let mailbox = Lock<[Command]>([])
    /// How many transfers it has.
    let load = Lock(0)
    /// How many pieces they have received.
    let activity = Lock<UInt64>(0)
    private let multi: UnsafeMutableRawPointer
    private var transfers: [UnsafeMutableRawPointer: HTTPTransfer] = [:]
    /// Handles to use again: each holds buffers that are worth keeping.
    private var idleHandles: [UnsafeMutableRawPointer] = []
    private static let maximumIdleHandles = 32

    // curl asks for one initialisation per process before anything else; a global's initialiser runs once.
    private static let curlIsReady = levee_curl_initialize() == CURLE_OK

    init(maximumConnectionsPerHost: Int) throws(HTTPError) {
        guard Self.curlIsReady, let multi = curl_multi_init() else { throw .connectionFailed(url: "", reason: "libcurl could not be set up") }
        self.multi = multi
        levee_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        levee_curl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, max(0, maximumConnectionsPerHost))
        // The server's own limit (250 in Kubernetes) counts; curl's default of 100 would open more connections than needed.
        levee_curl_multi_set_long(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 1000)
        let status = DedicatedThread.start(name: "http-client") { [self] in run() }
        guard status == 0 else { throw .connectionFailed(url: "", reason: "no thread: \(describeErrno(status))") }
    }

    deinit { curl_multi_cleanup(multi) }

    /// Any thread may post.
    func post(_ command: Command) {
        mailbox.withLock { $0.append(command) }
        curl_multi_wakeup(multi)
    }

    private func run() {
        var running: CInt = 0
        while true {
            let commands = mailbox.withLock { commands in
                defer { commands = [] }
                return commands
            }
            for command in commands {
                if case .stop = command { return shutDown() }
                carryOut(command)
            }
            curl_multi_perform(multi, &running)
            finishDone()
            // curl shortens the wait for its own timers; a wakeup that was posted since the mailbox was read ends it at once.
            curl_multi_poll(multi, nil, 0, 60_000, nil)
        }
    }

    private func carryOut(_ command: Command) {
        switch command {
        case .start(let transfer): start(transfer)
        case .cancel(let transfer):
            transfer.cancelled = true
            if let easy = transfer.easy { remove(easy) }
            transfer.end(.cancelled(url: transfer.request.label))
        case .resumeReceiving(let transfer): transfer.resumeReceiving()
        case .bodyPiece(let transfer, let piece): transfer.deliver(piece)
        case .interrupt(let reason):
            for (easy, transfer) in transfers {
                remove(easy)
                transfer.end(.interrupted(url: transfer.request.label, reason: reason))
            }
        case .stop: break
        }
    }

    private func start(_ transfer: HTTPTransfer) {
        // Cancellation may overtake the start.
        guard !transfer.cancelled else { return transfer.end(.cancelled(url: transfer.request.label)) }
        guard let easy = idleHandles.popLast() ?? curl_easy_init() else {
            return transfer.end(.connectionFailed(url: transfer.request.label, reason: "out of memory"))
        }
        do throws(HTTPError) {
            try transfer.prepare(easy)
        } catch {
            transfer.release()
            curl_easy_cleanup(easy)
            return transfer.end(error)
        }
        transfers[easy] = transfer
        curl_multi_add_handle(multi, easy)
    }

    private func finishDone() {
        var code = CURLE_OK
        while let easy = levee_curl_multi_next_done(multi, &code) {
            guard let transfer = transfers[easy] else { continue }
            let failure = transfer.outcome(of: code)
            remove(easy)
            transfer.end(failure)
        }
    }

    /// Takes a transfer out of curl. A connection in the middle of a response is closed by that; an HTTP/2 stream is reset.
    private func remove(_ easy: UnsafeMutableRawPointer) {
        curl_multi_remove_handle(multi, easy)
        transfers[easy]?.release()
        transfers[easy] = nil
        guard idleHandles.count < Self.maximumIdleHandles else { return curl_easy_cleanup(easy) }
        curl_easy_reset(easy)
        idleHandles.append(easy)
    }

    private func shutDown() {
        for (easy, transfer) in transfers {
            curl_multi_remove_handle(multi, easy)
            curl_easy_cleanup(easy)
            transfer.release()
            transfer.end(.cancelled(url: transfer.request.label))
        }
        transfers = [:]
        idleHandles.forEach { curl_easy_cleanup($0) }
        idleHandles = []
    }
}
