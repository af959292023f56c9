import Base
import CCurl
import Glibc

/// Feeds a request's body to curl. Belongs to the loop's thread.
struct RequestBodyReader {
    private enum Source {
        case bytes(Bytes)
        case stream(any RequestBodyStream)
    }

    private let source: Source
    private var pending: Bytes
    private var ended: Bool
    /// Set while a task fetches the stream's next bytes.
    private var fetching = false

    init(_ body: HTTPRequest.Body) {
        switch body {
        case .none:
            source = .bytes(.empty)
            pending = .empty
            ended = true
        case .bytes(let bytes):
            source = .bytes(bytes)
            pending = bytes
            ended = true
        case .stream(let stream, _):
            source = .stream(stream)
            pending = .empty
            ended = false
        }
    }

    /// Fills `target`; 0 at the end; nil where nothing is there yet: the transfer pauses, and `fetch` is called unless a fetch is under way.
    mutating func read(into target: UnsafeMutableRawBufferPointer, fetch: (any RequestBodyStream) -> Void) -> Int? {
        if !pending.isEmpty {
            let count = min(pending.count, target.count)
            pending.prefix(count).withUnsafeBytes { target.copyMemory(from: $0) }
            pending = pending.dropFirst(count)
            return count
        }
        if ended { return 0 }
        guard case .stream(let stream) = source else { return 0 }
        if !fetching {
            fetching = true
            fetch(stream)
        }
        return nil
    }

    /// What a fetch brought; nil at the stream's end.
    mutating func deliver(_ bytes: Bytes?) {
        fetching = false
        if let bytes { pending = bytes } else { ended = true }
    }

    /// Starts again from `offset`, which curl asks for when a kept-alive connection turns out to be closed. False for streams: they cannot.
    mutating func seek(to offset: Int) -> Bool {
        guard case .bytes(let bytes) = source, (0...bytes.count).contains(offset) else { return false }
        pending = bytes.dropFirst(offset)
        return true
    }
}
