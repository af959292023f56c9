import Base

/// A response's body, pulled by one reader: nothing is read from the connection (beyond some buffers) that the reader has not asked for.
///
/// Dropping it, or cancelling the task that reads it, ends the transfer.
public final class HTTPResponseBody: Sendable, AsyncSequence {
    private let sink: StreamedResponseSink
    private let transfer: HTTPTransfer
    // Keeps the loop running while somebody reads.
    private let loop: HTTPClientLoop

    init(sink: StreamedResponseSink, transfer: HTTPTransfer, loop: HTTPClientLoop) {
        self.sink = sink
        self.transfer = transfer
        self.loop = loop
    }

    deinit { cancel() }

    /// The next bytes as they came from the connection; nil at the end of a complete body. One reader at a time.
    public func next() async throws(HTTPError) -> Bytes? {
        let result = await withTaskCancellationHandler {
            await sink.next { transfer.post(.resumeReceiving(transfer)) }
        } onCancel: {
            cancel()
        }
        return try result.get()
    }

    /// Ends the transfer; a reader that waits gets ``HTTPError/cancelled(url:)``.
    public func cancel() {
        transfer.post(.cancel(transfer))
    }

    /// The rest of the body, up to `limit` bytes; what comes after is dropped.
    public func collect(upTo limit: Int) async throws(HTTPError) -> Bytes {
        var collected: [UInt8] = []
        while collected.count < limit, let piece = try await next() { collected += piece.prefix(limit - collected.count).array }
        return Bytes(collected)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let body: HTTPResponseBody

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPError) -> Bytes? { try await body.next() }

        public mutating func next() async throws(HTTPError) -> Bytes? { try await body.next() }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(body: self) }
}
