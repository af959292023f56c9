import Base
import CLinux
import CMicroHTTPD
import Glibc

/// The thread that owns the listening socket, every connection and libmicrohttpd itself.
///
/// libmicrohttpd runs without threads of its own ("external epoll"): its epoll descriptor is one of those that this loop waits on, beside an eventfd that handlers'
/// tasks ring when they have something to send, and the sockets of suspended connections. The last are why the loop is ours: libmicrohttpd does not look at a
/// suspended connection, and would keep a watch whose client is gone until there is an event for it.
final class ServerLoop: @unchecked Sendable {
    // Safe to share: `mailbox` is locked, `wake` is only written to; all else is touched by the loop's thread alone once it runs.

    enum Message: Sendable {
        case answered(exchange: UInt64, ServerResponse)
        /// What the stream of an exchange yielded; nil at its end.
        case chunk(exchange: UInt64, Bytes?)
        case stop
    }

    private struct Mailbox {
        var messages: [Message] = []
        var stopped = false
        var stopWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private enum Tag {
        static let microhttpd: UInt64 = 0
        static let wake: UInt64 = 1
        static let firstExchange: UInt64 = 2
    }

    let handler: @Sendable (ServerRequest) async -> ServerResponse
    let maximumBodySize: Int
    private let stopGracePeriod: Duration
    private let mailbox = Lock(Mailbox())
    private let wake: CInt
    private let epoll: CInt
    private var daemon: OpaquePointer?
    private var exchanges: [UInt64: ServerExchange] = [:]
    private var nextExchange = Tag.firstExchange
    private var stopDeadline: ContinuousClock.Instant?

    init(
        socket: ListenSocket, address: String, options: HTTPServer.Options, handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) throws(HTTPError) {
        self.handler = handler
        maximumBodySize = options.maximumBodySize
        stopGracePeriod = options.stopGracePeriod
        wake = levee_eventfd()
        epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        func failure(_ reason: String) -> HTTPError {
            Glibc.close(socket.descriptor)
            return .listenFailed(address: address, port: socket.port, reason: reason)
        }
        guard wake >= 0, epoll >= 0 else { throw failure(describeErrno(errno)) }
        daemon = startDaemon(socket, options)
        guard let daemon else {
            throw failure(options.tls == nil ? "the server could not be set up" : "the server could not be set up; check its certificate and key")
        }
        levee_epoll_add(epoll, wake, levee_epoll_readable, Tag.wake)
        levee_epoll_add(epoll, levee_mhd_epoll_fd(daemon), levee_epoll_readable, Tag.microhttpd)
        let status = DedicatedThread.start(name: "http-server") { [self] in run() }
        guard status == 0 else {
            MHD_stop_daemon(daemon)
            throw .listenFailed(address: address, port: socket.port, reason: "no thread: \(describeErrno(status))")
        }
    }

    deinit {
        Glibc.close(wake)
        Glibc.close(epoll)
    }

    private func startDaemon(_ socket: ListenSocket, _ options: HTTPServer.Options) -> OpaquePointer? {
        var settings = levee_mhd_options()
        settings.listen_fd = socket.descriptor
        settings.connection_limit = UInt32(clamping: options.maximumConnections)
        settings.idle_timeout_seconds = UInt32(clamping: options.idleTimeout.components.seconds)
        settings.connection_memory = 64 << 10
        let context = Unmanaged.passUnretained(self).toOpaque()
        guard let tls = options.tls else { return levee_mhd_start(&settings, accessRequest, completeRequest, context) }
        return tls.keyPEM.text.withCString { key in
            tls.certificatePEM.text.withCString { certificate in
                settings.tls_key_pem = key
                settings.tls_certificate_pem = certificate
                guard let trust = tls.clientAuthoritiesPEM else { return levee_mhd_start(&settings, accessRequest, completeRequest, context) }
                return trust.text.withCString { trust in
                    settings.tls_trust_pem = trust
                    return levee_mhd_start(&settings, accessRequest, completeRequest, context)
                }
            }
        }
    }

    func post(_ message: Message) {
        mailbox.withLock { $0.messages.append(message) }
        var one: UInt64 = 1
        write(wake, &one, MemoryLayout<UInt64>.size)
    }

    func stop() async {
        await withCheckedContinuation { continuation in
            let alreadyStopped = mailbox.withLock { mailbox in
                if !mailbox.stopped { mailbox.stopWaiters.append(continuation) }
                return mailbox.stopped
            }
            if alreadyStopped { continuation.resume() } else { post(.stop) }
        }
    }

    func open(connection: OpaquePointer) -> ServerExchange {
        let exchange = ServerExchange(id: nextExchange, connection: connection, loop: self)
        nextExchange += 1
        exchanges[exchange.id] = exchange
        return exchange
    }

    func close(_ exchange: ServerExchange) {
        exchanges[exchange.id] = nil
    }

    /// Watches the socket of a suspended connection for the client's leaving.
    func watchForHangup(_ exchange: ServerExchange) {
        levee_epoll_add(epoll, exchange.descriptor, levee_epoll_hangup, exchange.id)
    }

    func endHangupWatch(_ exchange: ServerExchange) {
        levee_epoll_remove(epoll, exchange.descriptor)
    }

    private func run() {
        guard let daemon else { return }
        var tags = [UInt64](repeating: 0, count: 64)
        while true {
            for message in takeMessages() { receive(message, daemon) }
            if let stopDeadline, exchanges.isEmpty || ContinuousClock.now >= stopDeadline { break }
            MHD_run(daemon)
            let count = levee_epoll_wait(epoll, &tags, CInt(tags.count), pollTimeout(daemon))
            for tag in tags.prefix(Int(count)) { receive(tag) }
        }
        exchanges.values.forEach { $0.abandon() }
        MHD_stop_daemon(daemon)
        exchanges.removeAll()
        let waiters = mailbox.withLock { mailbox in
            mailbox.stopped = true
            let waiters = mailbox.stopWaiters
            mailbox.stopWaiters = []
            return waiters
        }
        waiters.forEach { $0.resume() }
    }

    private func takeMessages() -> [Message] {
        mailbox.withLock { mailbox in
            let messages = mailbox.messages
            mailbox.messages = []
            return messages
        }
    }

    private func receive(_ message: Message, _ daemon: OpaquePointer) {
        switch message {
        case .answered(let id, let response): exchanges[id]?.answer(response)
        case .chunk(let id, let bytes): exchanges[id]?.deliver(bytes)
        case .stop:
            guard stopDeadline == nil else { return }
            stopDeadline = .now + stopGracePeriod
            let listening = MHD_quiesce_daemon(daemon)
            if listening >= 0 { Glibc.close(listening) }
            exchanges.values.forEach { $0.endStream() }
        }
    }

    private func receive(_ tag: UInt64) {
        switch tag {
        case Tag.microhttpd: break
        case Tag.wake:
            var rings: UInt64 = 0
            read(wake, &rings, MemoryLayout<UInt64>.size)
        default: exchanges[tag]?.abandon()
        }
    }

    /// Milliseconds until libmicrohttpd or the stop's deadline wants a turn.
    private func pollTimeout(_ daemon: OpaquePointer) -> CInt {
        var milliseconds: UInt64 = 0
        let timed = MHD_get_timeout(daemon, &milliseconds) == .YES
        let limit: UInt64 = stopDeadline == nil ? 60_000 : 50
        return CInt(clamping: timed ? min(milliseconds, limit) : limit)
    }
}

// C callbacks are functions at file scope: closure literals as C callbacks have trapped off the main thread.

private func accessRequest(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ target: UnsafePointer<CChar>?, _ method: UnsafePointer<CChar>?,
    _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?, _ uploadSize: UnsafeMutablePointer<Int>?,
    _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let context, let connection, let target, let method, let uploadSize, let state else { return .NO }
    guard let known = state.pointee else {
        let loop = Unmanaged<ServerLoop>.fromOpaque(context).takeUnretainedValue()
        let exchange = loop.open(connection: connection)
        state.pointee = Unmanaged.passRetained(exchange).toOpaque()
        return exchange.begin(method: String(cString: method), path: String(cString: target))
    }
    let exchange = Unmanaged<ServerExchange>.fromOpaque(known).takeUnretainedValue()
    let received = UnsafeRawBufferPointer(start: upload, count: uploadSize.pointee)
    uploadSize.pointee = 0
    return exchange.proceed(received)
}

private func completeRequest(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ termination: MHD_RequestTerminationCode
) {
    guard let state, let known = state.pointee else { return }
    state.pointee = nil
    Unmanaged<ServerExchange>.fromOpaque(known).takeRetainedValue().complete()
}
