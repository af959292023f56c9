import Glibc

/// An immutable run of bytes: a view on storage that is shared by all slices of it, so that slicing and passing on never copy.
///
/// At least ``Bytes/padding`` bytes behind the end of any view can be read (their content is unspecified), so that kernels may load whole
/// SIMD words at the tail without a bounds check each.
public struct Bytes: Sendable {
    /// How many bytes past the end of a view are readable memory.
    public static let padding = 64

    @usableFromInline let storage: BytesStorage
    @usableFromInline let offset: Int
    /// The number of bytes.
    public let count: Int

    @usableFromInline
    init(storage: BytesStorage, offset: Int, count: Int) {
        self.storage = storage
        self.offset = offset
        self.count = count
    }

    /// No bytes.
    public static let empty = Bytes(storage: BytesStorage(capacity: 0), offset: 0, count: 0)

    /// Allocates `capacity` bytes and lets `fill` write them; `fill` returns how many of them, from the start, are the content.
    ///
    /// The memory is uninitialised when `fill` sees it. A returned count is clamped to `0...capacity`.
    public init<Failure: Error>(capacity: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int) throws(Failure) {
        let storage = BytesStorage(capacity: max(0, capacity))
        let filled = try fill(UnsafeMutableRawBufferPointer(start: storage.base, count: max(0, capacity)))
        self.init(storage: storage, offset: 0, count: min(max(0, filled), max(0, capacity)))
    }

    public init(copying source: UnsafeRawBufferPointer) {
        self.init(capacity: source.count) { target in
            target.copyMemory(from: source)
            return source.count
        }
    }

    public init(_ array: [UInt8]) {
        self = array.withUnsafeBytes { Bytes(copying: $0) }
    }

    public init(_ string: String) {
        var string = string
        self = string.withUTF8 { Bytes(copying: UnsafeRawBufferPointer($0)) }
    }

    public var isEmpty: Bool { count == 0 }

    /// Calls `body` with the bytes. The pointer is valid only during the call, and never nil unless the view is empty.
    @inlinable
    public func withUnsafeBytes<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        defer { extendLifetime(storage) }
        return try body(UnsafeRawBufferPointer(start: storage.base + offset, count: count))
    }

    /// The view on `range`, counted from this view's start; nil where the range does not lie inside.
    public func slice(_ range: Range<Int>) -> Bytes? {
        guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
        return Bytes(storage: storage, offset: offset + range.lowerBound, count: range.count)
    }

    /// The first bytes, at most `length`.
    public func prefix(_ length: Int) -> Bytes {
        Bytes(storage: storage, offset: offset, count: min(max(0, length), count))
    }

    /// All but the first `length` bytes.
    public func dropFirst(_ length: Int) -> Bytes {
        let dropped = min(max(0, length), count)
        return Bytes(storage: storage, offset: offset + dropped, count: count - dropped)
    }

    /// A copy as an array. Not for hot code.
    public var array: [UInt8] { withUnsafeBytes { Array($0) } }

    /// The bytes as text, invalid UTF-8 repaired with U+FFFD.
    public var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}

extension Bytes: Hashable {
    public static func == (left: Bytes, right: Bytes) -> Bool {
        guard left.count == right.count else { return false }
        if left.storage === right.storage, left.offset == right.offset { return true }
        return left.withUnsafeBytes { l in
            right.withUnsafeBytes { r in
                guard let a = l.baseAddress, let b = r.baseAddress else { return true }
                return memcmp(a, b, l.count) == 0
            }
        }
    }

    public func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

extension Bytes: CustomStringConvertible {
    /// The size only: content may be a credential or megabytes of data, and descriptions end in logs.
    public var description: String { "\(count) bytes" }
}

/// The heap block that views share. Written only while its creator fills it, read-only from then on.
@usableFromInline
final class BytesStorage: @unchecked Sendable {
    // Safe to share: `Bytes.init(capacity:_:)` is the only writer and hands the storage out only after it has written.
    @usableFromInline let base: UnsafeMutableRawPointer
    private let size: Int

    @usableFromInline
    init(capacity: Int) {
        size = capacity + Bytes.padding
        base = size < BlockPool.smallest ? .allocate(byteCount: size, alignment: 64) : BlockPool.take(size)
    }

    deinit {
        if size < BlockPool.smallest { base.deallocate() } else { BlockPool.give(base, size) }
    }
}
