import Base
import CMicroHTTPD
import Glibc

/// One request and its response, from the first header to the last byte of the body. Belongs to the loop's thread.
final class ServerExchange: @unchecked Sendable {
    // Safe to share: only ids cross threads; the loop's thread alone touches an exchange.

    private enum Phase {
        case receiving
        case handling
        case answered(ServerResponse)
        /// The response is with libmicrohttpd, which sends it or reads its stream.
        case sending
        /// The client is gone, or the server stops: the connection is to be closed.
        case abandoned
    }

    let id: UInt64
    let descriptor: CInt
    private let connection: OpaquePointer
    private unowned let loop: ServerLoop
    private var phase = Phase.receiving
    private var request = ServerRequest(method: "", path: "")
    private var received: [UInt8] = []
    private var suspended = false
    /// The handler, or the stream's `next()`.
    private var task: Task<Void, Never>?
    private var stream: (any ResponseStream)?
    private var pending = Bytes.empty
    private var streamEnded = false

    init(id: UInt64, connection: OpaquePointer, loop: ServerLoop) {
        self.id = id
        self.connection = connection
        self.loop = loop
        descriptor = levee_mhd_connection_fd(connection)
    }

    /// The head has arrived.
    func begin(method: String, path: String) -> MHD_Result {
        request.method = method
        request.path = path
        request.remoteAddress = numericAddress(levee_mhd_connection_address(connection))
        let target = Unmanaged.passUnretained(self).toOpaque()
        MHD_get_connection_values(connection, .HEADER_KIND, collectHeader, target)
        MHD_get_connection_values(connection, .GET_ARGUMENT_KIND, collectParameter, target)
        if let declared = request.headers["Content-Length"].flatMap({ Int($0) }) {
            // Answered before the body is read; libmicrohttpd closes the connection then.
            if declared > loop.maximumBodySize { return refuseBody() }
            received.reserveCapacity(min(declared, 1 << 20))
        }
        return .YES
    }

    /// A piece of the body, or no bytes: the body is complete, or the connection was resumed.
    func proceed(_ piece: UnsafeRawBufferPointer) -> MHD_Result {
        switch phase {
        case .receiving where piece.count > 0:
            // A chunked body without a declared length. libmicrohttpd takes no response in the middle of an upload: all there is to do is close.
            guard received.count + piece.count <= loop.maximumBodySize else { return .NO }
            received.append(contentsOf: piece)
            return .YES
        case .receiving:
            request.body = Bytes(received)
            received = []
            handle()
            return .YES
        case .answered(let response):
            phase = .sending
            return queue(response)
        case .handling, .sending: return .YES
        case .abandoned: return .NO
        }
    }

    /// Fills `target` from the stream. 0 means that the connection waits (suspended) for the stream's next chunk.
    func readStream(into target: UnsafeMutableRawBufferPointer) -> Int {
        if case .abandoned = phase { return levee_mhd_end_with_error }
        if !pending.isEmpty {
            let count = min(pending.count, target.count)
            pending.prefix(count).withUnsafeBytes { target.copyMemory(from: $0) }
            pending = pending.dropFirst(count)
            return count
        }
        if streamEnded { return levee_mhd_end_of_stream }
        guard let stream else { return levee_mhd_end_of_stream }
        suspend()
        task = Task { [id, loop] in
            var chunk = await stream.next()
            while let bytes = chunk, bytes.isEmpty, !Task.isCancelled { chunk = await stream.next() }
            loop.post(.chunk(exchange: id, chunk))
        }
        return 0
    }

    /// libmicrohttpd is done with the request, in whatever way.
    func complete() {
        phase = .abandoned
        task?.cancel()
        closeStream()
        loop.close(self)
    }

    func answer(_ response: ServerResponse) {
        guard case .handling = phase else {
            // The client left meanwhile; the stream still has to hear that nobody reads it.
            if case .stream(let stream) = response.body { stream.closed() }
            return
        }
        phase = .answered(response)
        resume()
    }

    func deliver(_ chunk: Bytes?) {
        guard case .sending = phase else { return }
        if let chunk { pending = chunk } else { streamEnded = true }
        resume()
    }

    /// Ends the response's stream as if it had ended by itself, after what is already pending.
    func endStream() {
        guard stream != nil else { return }
        streamEnded = true
        task?.cancel()
        closeStream()
        resume()
    }

    /// Closes the connection as soon as libmicrohttpd looks at it again.
    func abandon() {
        phase = .abandoned
        task?.cancel()
        closeStream()
        resume()
    }

    private func handle() {
        phase = .handling
        suspend()
        task = Task { [id, loop, request] in
            let response = await loop.handler(request)
            loop.post(.answered(exchange: id, response))
        }
    }

    private func refuseBody() -> MHD_Result {
        phase = .sending
        return queue(.text("the request's body is larger than \(loop.maximumBodySize) bytes\n", status: 413))
    }

    private func queue(_ answer: ServerResponse) -> MHD_Result {
        let response: OpaquePointer?
        switch answer.body {
        case .bytes(let bytes):
            response = bytes.withUnsafeBytes {
                MHD_create_response_from_buffer($0.count, UnsafeMutableRawPointer(mutating: $0.baseAddress), .RESPMEM_MUST_COPY)
            }
        case .stream(let source):
            stream = source
            response = levee_mhd_stream(32 << 10, readResponseStream, Unmanaged.passUnretained(self).toOpaque())
        }
        guard let response else { return .NO }
        defer { MHD_destroy_response(response) }
        for field in answer.headers where !field.name.isManagedByServer {
            // A field that cannot be sent (a line break in its value) must not silently change the answer: the connection is closed.
            guard MHD_add_response_header(response, field.name, field.value) == .YES else { return .NO }
        }
        return MHD_queue_response(connection, UInt32(clamping: answer.status), response)
    }

    private func suspend() {
        suspended = true
        MHD_suspend_connection(connection)
        loop.watchForHangup(self)
    }

    private func resume() {
        guard suspended else { return }
        suspended = false
        loop.endHangupWatch(self)
        MHD_resume_connection(connection)
    }

    private func closeStream() {
        stream?.closed()
        stream = nil
    }

    fileprivate func collect(header name: String, _ value: String) {
        request.headers.append(name: name, value: value)
    }

    fileprivate func collect(parameter name: String, _ value: String) {
        request.query.append((PercentEncoding.decode(name), PercentEncoding.decode(value)))
    }
}

extension String {
    fileprivate var isManagedByServer: Bool {
        ["Content-Length", "Transfer-Encoding", "Connection", "Date"].contains { matchesHeaderName($0) }
    }
}

private func collectHeader(
    _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?
) -> MHD_Result {
    guard let context, let name else { return .NO }
    Unmanaged<ServerExchange>.fromOpaque(context).takeUnretainedValue().collect(header: String(cString: name), value.map { String(cString: $0) } ?? "")
    return .YES
}

private func collectParameter(
    _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?
) -> MHD_Result {
    guard let context, let name else { return .NO }
    Unmanaged<ServerExchange>.fromOpaque(context).takeUnretainedValue().collect(parameter: String(cString: name), value.map { String(cString: $0) } ?? "")
    return .YES
}

private func readResponseStream(
    _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int
) -> Int {
    guard let context, let buffer else { return levee_mhd_end_with_error }
    return Unmanaged<ServerExchange>.fromOpaque(context).takeUnretainedValue().readStream(into: UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
}
