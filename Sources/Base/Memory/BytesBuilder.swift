import Glibc

/// Memory that grows at its end and becomes ``Bytes`` without a copy.
///
/// Not copyable, so that one owner writes and nobody reads what is still being written.
public struct BytesBuilder: ~Copyable {
    @usableFromInline var storage: BytesStorage
    @usableFromInline var length: Int
    /// How many bytes fit before the memory has to grow.
    @usableFromInline var capacity: Int

    public init(capacity: Int = 0) {
        self.capacity = max(0, capacity)
        storage = BytesStorage(capacity: self.capacity)
        length = 0
    }

    /// How many bytes have been appended.
    @inlinable public var count: Int { length }

    /// Makes room for `additional` more bytes, growing at least by half so that appending is linear overall.
    @inlinable
    public mutating func reserve(_ additional: Int) {
        if capacity &- count < additional { grow(by: additional) }
    }

    @usableFromInline
    mutating func grow(by additional: Int) {
        let wanted = max(count + additional, capacity + capacity / 2, 64)
        let larger = BytesStorage(capacity: wanted)
        memcpy(larger.base, storage.base, count)
        storage = larger
        capacity = wanted
    }

    /// Appends the value's bytes in the machine's (little-endian) order.
    @inlinable
    public mutating func append<Value: BitwiseCopyable>(_ value: Value) {
        let size = MemoryLayout<Value>.size
        reserve(size)
        (storage.base + count).storeBytes(of: value, as: Value.self)
        advance(by: size)
    }

    /// Appends a copy of `bytes`.
    @inlinable
    public mutating func append(contentsOf bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        (storage.base + count).copyMemory(from: source, byteCount: bytes.count)
        advance(by: bytes.count)
    }

    /// Appends `count` bytes of `byte`.
    public mutating func append(repeating byte: UInt8, count repeats: Int) {
        guard repeats > 0 else { return }
        reserve(repeats)
        memset(storage.base + count, Int32(byte), repeats)
        advance(by: repeats)
    }

    /// Makes room for `limit` bytes and lets `body` write them; `body` returns how many of them, from the start, it wrote.
    @inlinable
    public mutating func append<Failure: Error>(
        upTo limit: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        reserve(limit)
        let written = try body(UnsafeMutableRawBufferPointer(start: storage.base + count, count: limit))
        advance(by: min(max(0, written), limit))
    }

    @inlinable
    mutating func advance(by distance: Int) { length &+= distance }

    /// What has been written so far; the pointer is valid during the call only.
    @inlinable
    public mutating func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { extendLifetime(storage) }
        return try body(UnsafeMutableRawBufferPointer(start: storage.base, count: count))
    }

    /// Drops all content and keeps the memory for reuse.
    public mutating func removeAll() { length = 0 }

    /// Drops what lies behind the first `count` bytes.
    public mutating func truncate(to count: Int) { length = min(length, max(0, count)) }

    /// The content as ``Bytes``, and an empty builder left behind.
    public mutating func take() -> Bytes {
        let bytes = Bytes(storage: storage, offset: 0, count: count)
        storage = BytesStorage(capacity: 0)
        length = 0
        capacity = 0
        return bytes
    }
}
