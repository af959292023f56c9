import Base

/// Where a transfer puts what it receives. Called on the loop's thread, in this order: head, any number of pieces, the end; or the end alone.
protocol ResponseSink: AnyObject, Sendable {
    func received(_ head: HTTPResponseHead)
    func received(_ piece: UnsafeRawBufferPointer) -> ResponseAcceptance
    /// The end, nil for a complete response. Only the first call counts.
    func ended(_ failure: HTTPError?)
}

enum ResponseAcceptance {
    case taken
    /// Not taken: offer it again when the reader has caught up.
    case pause
    case tooLarge(limit: Int)
}

/// Collects a response and resumes one continuation with it.
final class WholeResponseSink: ResponseSink, @unchecked Sendable {
    // Safe to share: head and body belong to the loop's thread; the rest is locked.

    private struct Outcome {
        var result: Result<HTTPResponse, HTTPError>?
        var waiter: CheckedContinuation<Result<HTTPResponse, HTTPError>, Never>?
    }

    private let label: String
    private let limit: Int
    private let outcome = Lock(Outcome())
    private var head: HTTPResponseHead?
    private var body = BytesBuilder()

    init(label: String, limit: Int) {
        self.label = label
        self.limit = limit
    }

    func received(_ head: HTTPResponseHead) {
        self.head = head
        if let declared = head.headers["Content-Length"].flatMap({ Int($0) }), declared > 0 { body.reserve(min(declared, limit, 64 << 20)) }
    }

    func received(_ piece: UnsafeRawBufferPointer) -> ResponseAcceptance {
        guard body.count + piece.count <= limit else { return .tooLarge(limit: limit) }
        body.append(contentsOf: piece)
        return .taken
    }

    func ended(_ failure: HTTPError?) {
        let result: Result<HTTPResponse, HTTPError>
        if let failure {
            result = .failure(failure)
        } else if let head {
            result = .success(HTTPResponse(status: head.status, headers: head.headers, body: body.take()))
        } else {
            result = .failure(.interrupted(url: label, reason: "the response had no head"))
        }
        let waiter = outcome.withLock { outcome -> CheckedContinuation<Result<HTTPResponse, HTTPError>, Never>? in
            guard outcome.result == nil else { return nil }
            outcome.result = result
            defer { outcome.waiter = nil }
            return outcome.waiter
        }
        waiter?.resume(returning: result)
    }

    func response() async -> Result<HTTPResponse, HTTPError> {
        await withCheckedContinuation { continuation in
            let result = outcome.withLock { outcome in
                if outcome.result == nil { outcome.waiter = continuation }
                return outcome.result
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}

/// Hands a response on piece by piece. At most `highWater` bytes (and one piece) wait in it; then the transfer is paused until the reader has caught up.
final class StreamedResponseSink: ResponseSink {
    private static let highWater = 256 << 10
    private static let lowWater = 64 << 10

    private struct State {
        var head: HTTPResponseHead?
        var headWaiter: CheckedContinuation<Result<HTTPResponseHead, HTTPError>, Never>?
        var pieces: [Bytes] = []
        var buffered = 0
        var paused = false
        var reader: CheckedContinuation<Result<Bytes?, HTTPError>, Never>?
        var ended = false
        var failure: HTTPError?
    }

    private let label: String
    private let state = Lock(State())

    init(label: String) { self.label = label }

    func received(_ head: HTTPResponseHead) {
        let waiter = state.withLock { state in
            state.head = head
            defer { state.headWaiter = nil }
            return state.headWaiter
        }
        waiter?.resume(returning: .success(head))
    }

    func received(_ piece: UnsafeRawBufferPointer) -> ResponseAcceptance {
        let bytes = Bytes(copying: piece)
        let (acceptance, reader) = state.withLock { state -> (ResponseAcceptance, CheckedContinuation<Result<Bytes?, HTTPError>, Never>?) in
            guard state.buffered < Self.highWater else {
                state.paused = true
                return (.pause, nil)
            }
            if let reader = state.reader {
                state.reader = nil
                return (.taken, reader)
            }
            state.pieces.append(bytes)
            state.buffered += bytes.count
            return (.taken, nil)
        }
        reader?.resume(returning: .success(bytes))
        return acceptance
    }

    func ended(_ failure: HTTPError?) {
        let (head, reader) = state.withLock { state in
            if !state.ended {
                state.ended = true
                state.failure = failure
            }
            defer {
                state.headWaiter = nil
                state.reader = nil
            }
            return (state.headWaiter, state.reader)
        }
        head?.resume(returning: .failure(failure ?? .interrupted(url: label, reason: "the response had no head")))
        reader?.resume(returning: failure.map { .failure($0) } ?? .success(nil))
    }

    func head() async -> Result<HTTPResponseHead, HTTPError> {
        await withCheckedContinuation { continuation in
            let result = state.withLock { state -> Result<HTTPResponseHead, HTTPError>? in
                if let head = state.head { return .success(head) }
                if state.ended { return .failure(state.failure ?? .interrupted(url: label, reason: "the response had no head")) }
                state.headWaiter = continuation
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }

    /// The next piece. `resumeTransfer` is called when the transfer was paused and may go on.
    func next(resumeTransfer: () -> Void) async -> Result<Bytes?, HTTPError> {
        await withCheckedContinuation { continuation in
            let (result, resume) = state.withLock { state -> (Result<Bytes?, HTTPError>?, Bool) in
                if !state.pieces.isEmpty {
                    let piece = state.pieces.removeFirst()
                    state.buffered -= piece.count
                    let resume = state.paused && state.buffered < Self.lowWater
                    if resume { state.paused = false }
                    return (.success(piece), resume)
                }
                if state.ended { return (state.failure.map { .failure($0) } ?? .success(nil), false) }
                guard state.reader == nil else { return (.failure(.interrupted(url: label, reason: "the body is already being read by another task")), false) }
                state.reader = continuation
                return (nil, false)
            }
            if resume { resumeTransfer() }
            if let result { continuation.resume(returning: result) }
        }
    }
}
