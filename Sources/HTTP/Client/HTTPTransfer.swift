import Base
import CCurl
import Glibc

enum RequestBodyPiece: Sendable {
    case bytes(Bytes)
    case end
    case failed(String)
}

/// One request on its way, and its response. Belongs to the loop's thread from `.start` on.
final class HTTPTransfer: @unchecked Sendable {
    // Safe to share: `request` and `configuration` are immutable, `sink` is Sendable, and the rest is touched by the loop's thread alone.

    let request: HTTPRequest
    private let configuration: HTTPClientConfiguration
    private let sink: any ResponseSink
    // The core outlives all transfers it runs: its users hold the loop.
    private weak var core: ClientLoopCore?
    private let load: Lock<Int>
    private let activity: Lock<UInt64>
    private(set) var easy: UnsafeMutableRawPointer?
    var cancelled = false
    private var lists = TransferOptions.Lists()
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var body: RequestBodyReader
    private var head = ResponseHeadParser()
    private var receivePaused = false
    private var sendPaused = false
    /// What a callback found wrong; curl itself only knows that the callback gave up.
    private var failure: HTTPError?

    init(request: HTTPRequest, configuration: HTTPClientConfiguration, sink: any ResponseSink, core: ClientLoopCore) {
        self.request = request
        self.configuration = configuration
        self.sink = sink
        self.core = core
        load = core.load
        activity = core.activity
        load.withLock { $0 += 1 }
        body = RequestBodyReader(request.body)
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        errorText.deallocate()
        load.withLock { $0 -= 1 }
    }

    /// Any thread may post.
    func post(_ command: ClientLoopCore.Command) { core?.post(command) }

    /// Sets `easy` up for this transfer.
    func prepare(_ easy: UnsafeMutableRawPointer) throws(HTTPError) {
        self.easy = easy
        lists = try TransferOptions(request: request, configuration: configuration).apply(to: easy)
        levee_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        levee_curl_set_callbacks(easy, Unmanaged.passUnretained(self).toOpaque(), receiveHeader, receiveBody, sendBody, rewindBody)
    }

    /// Forgets curl's handle, which somebody else disposes of.
    func release() {
        easy = nil
        lists.free()
    }

    func end(_ failure: HTTPError?) {
        sink.ended(failure)
    }

    func resumeReceiving() {
        receivePaused = false
        applyPauses()
    }

    func deliver(_ piece: RequestBodyPiece) {
        switch piece {
        case .bytes(let bytes): body.deliver(bytes)
        case .end: body.deliver(nil)
        case .failed(let reason):
            body.deliver(nil)
            failure = .requestBodyFailed(url: request.label, reason: reason)
        }
        sendPaused = false
        applyPauses()
    }

    private func applyPauses() {
        guard let easy else { return }
        curl_easy_pause(easy, (receivePaused ? CURLPAUSE_RECV : 0) | (sendPaused ? CURLPAUSE_SEND : 0))
    }

    /// What curl's result means; nil for a complete response.
    func outcome(of code: CURLcode) -> HTTPError? {
        if code == CURLE_OK { return head.isComplete ? nil : .interrupted(url: request.label, reason: "the response had no head") }
        if let failure { return failure }
        let text = String(cString: errorText)
        let sent = easy.map { levee_curl_get_offset($0, CURLINFO_PRETRANSFER_TIME_T) > 0 } ?? true
        return .fromCurl(code, url: request.label, text: text, wasSent: sent)
    }

    fileprivate func receive(headerLine: UnsafeRawBufferPointer) -> Int {
        guard head.append(headerLine, limit: configuration.maximumHeaderSize) else {
            failure = .responseTooLarge(url: request.label, limit: configuration.maximumHeaderSize)
            return -1
        }
        if let complete = head.takeCompleted() {
            activity.withLock { $0 &+= 1 }
            sink.received(complete)
        }
        return headerLine.count
    }

    fileprivate func receive(body piece: UnsafeRawBufferPointer) -> Int {
        activity.withLock { $0 &+= 1 }
        switch sink.received(piece) {
        case .taken: return piece.count
        case .pause:
            receivePaused = true
            return Int(bitPattern: UInt(levee_curl_write_pause))
        case .tooLarge(let limit):
            failure = .responseTooLarge(url: request.label, limit: limit)
            return -1
        }
    }

    fileprivate func send(into target: UnsafeMutableRawBufferPointer) -> Int {
        if failure != nil { return Int(bitPattern: UInt(levee_curl_read_abort)) }
        let count = body.read(into: target) { stream in
            Task { [self, core] in
                let piece: RequestBodyPiece
                do {
                    var bytes = try await stream.next()
                    while let some = bytes, some.isEmpty { bytes = try await stream.next() }
                    piece = bytes.map { .bytes($0) } ?? .end
                } catch {
                    piece = .failed("\(error)")
                }
                core?.post(.bodyPiece(self, piece))
            }
        }
        if let count { return count }
        sendPaused = true
        return Int(bitPattern: UInt(levee_curl_read_pause))
    }

    fileprivate func rewind(to offset: Int) -> Bool { body.seek(to: offset) }
}

// C callbacks are functions at file scope: closure literals as C callbacks have trapped off the main thread.

private func transfer(_ context: UnsafeMutableRawPointer?) -> HTTPTransfer? {
    context.map { Unmanaged<HTTPTransfer>.fromOpaque($0).takeUnretainedValue() }
}

private func receiveHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?) -> Int {
    transfer(context)?.receive(headerLine: UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? -1
}

private func receiveBody(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?) -> Int {
    transfer(context)?.receive(body: UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? -1
}

private func sendBody(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?) -> Int {
    transfer(context)?.send(into: UnsafeMutableRawBufferPointer(start: bytes, count: size * count)) ?? Int(bitPattern: UInt(levee_curl_read_abort))
}

private func rewindBody(_ context: UnsafeMutableRawPointer?, _ offset: curl_off_t, _ origin: CInt) -> CInt {
    guard origin == SEEK_SET, let transfer = transfer(context), transfer.rewind(to: Int(offset)) else { return CURL_SEEKFUNC_FAIL }
    return CURL_SEEKFUNC_OK
}
