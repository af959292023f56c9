import Base
import Glibc

/// Cuts a stream of bytes into lines, wherever its pieces happen to end. Lines within one piece are not copied.
struct LineFramer {
    /// The line grew beyond the limit without an end.
    struct LineTooLong: Error {}

    private let limit: Int
    private var partial: [UInt8] = []
    private var piece = Bytes.empty

    /// - Parameter limit: The longest line, in bytes.
    init(limit: Int) { self.limit = limit }

    /// Adds the next piece. Only when ``next()`` has returned nil.
    mutating func append(_ bytes: Bytes) { piece = bytes }

    /// The next complete line, without its line feed; nil when more bytes are needed.
    mutating func next() throws(LineTooLong) -> Bytes? {
        let end = piece.withUnsafeBytes { buffer -> Int? in
            guard let base = buffer.baseAddress, let found = memchr(base, 0x0A, buffer.count) else { return nil }
            return UnsafeRawPointer(found) - base
        }
        guard let end else {
            // What there is of an overlong line stays, so that a reader who wants parts can take it.
            let fits = partial.count + piece.count <= limit
            piece.withUnsafeBytes { partial.append(contentsOf: $0) }
            piece = .empty
            guard fits else { throw LineTooLong() }
            return nil
        }
        let tail = piece.prefix(end)
        piece = piece.dropFirst(end + 1)
        if partial.isEmpty, tail.count <= limit { return tail }
        tail.withUnsafeBytes { partial.append(contentsOf: $0) }
        guard partial.count <= limit else { throw LineTooLong() }
        defer { partial = [] }
        return Bytes(partial)
    }

    /// What stands behind the last line feed: a line that was cut, or one whose end the writer has not written.
    mutating func takePartial() -> Bytes? {
        defer { partial = [] }
        return partial.isEmpty ? nil : Bytes(partial)
    }
}
