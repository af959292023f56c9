import Base
import CCurl
import Glibc

/// Feeds a request's body to curl. Belongs to the loop's thread.
struct RequestBodyReader {
    private enum Source {
        case pieces([Bytes])
        case stream(any RequestBodyStream)
    }

    private let source: Source
    /// What is left of the piece that is being sent.
    private var pending = Bytes.empty
    /// Of a body in pieces, the one behind `pending`.
    private var nextPiece = 0
    /// A stream has told its end.
    private var ended = false
    /// Set while a task fetches the stream's next bytes.
    private var fetching = false

    init(_ body: HTTPRequest.Body) {
        source =
            switch body {
            case .none: .pieces([])
            case .bytes(let bytes): .pieces([bytes])
            case .pieces(let pieces): .pieces(pieces)
            case .stream(let stream, _): .stream(stream)
            }
    }

    /// Fills `target`; 0 at the end; nil where nothing is there yet: the transfer pauses, and `fetch` is called unless a fetch is under way.
    mutating func read(into target: UnsafeMutableRawBufferPointer, fetch: (any RequestBodyStream) -> Void) -> Int? {
        var filled = 0
        while filled < target.count {
            if pending.isEmpty {
                guard case .pieces(let pieces) = source, nextPiece < pieces.count else { break }
                pending = pieces[nextPiece]
                nextPiece += 1
                continue
            }
            let count = min(pending.count, target.count - filled)
            pending.prefix(count).withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[filled...]).copyMemory(from: $0) }
            pending = pending.dropFirst(count)
            filled += count
        }
        guard filled == 0, case .stream(let stream) = source, !ended else { return filled }
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
        guard case .pieces(let pieces) = source, offset >= 0 else { return false }
        var left = offset
        for (index, piece) in pieces.enumerated() {
            if left <= piece.count {
                pending = piece.dropFirst(left)
                nextPiece = index + 1
                return true
            }
            left -= piece.count
        }
        return offset == 0
    }
}
