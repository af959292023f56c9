import Base

/// Many byte strings in a few large blocks: what keeps a file of the table from costing heap objects. Handles are found by number, not by pointer.
struct ByteArena: Sendable {
    /// Where a string starts: the block in the upper half, the offset in the lower. Its length stands before it.
    typealias Handle = UInt64

    static let none = Handle.max

    private let blocks: [Bytes]

    fileprivate init(blocks: [Bytes]) { self.blocks = blocks }

    static let empty = ByteArena(blocks: [])

    /// The string, sharing the block. The handle must be of this arena and not ``none``.
    func bytes(_ handle: Handle) -> Bytes {
        let block = blocks[Int(handle >> 32)]
        let start = Int(handle & 0xffff_ffff)
        let length = block.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: start, as: UInt32.self)) }
        return block.slice((start + 4)..<(start + 4 + length)) ?? .empty
    }

    func text(_ handle: Handle) -> String { bytes(handle).text }

    /// The memory that the strings take.
    var sizeInBytes: Int { blocks.reduce(0) { $0 + $1.count } }
}

/// Fills a ``ByteArena``. Used by one task at a time.
final class ByteArenaBuilder {
    private static let largestBlock = 256 << 10

    private var blocks: [Bytes] = []
    private var current = BytesBuilder()
    /// Blocks grow with the arena, so that a refresh by one small commit stays small.
    private var blockSize = 4 << 10

    /// Makes a string of at most `limit` bytes that `fill` writes; `fill` returns its length.
    func append<Failure: Error>(
        upTo limit: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> Int
    ) throws(Failure) -> ByteArena.Handle {
        if current.count + limit + 4 > blockSize { startBlock(limit + 4) }
        let start = current.count
        try current.append(upTo: limit + 4) { (target) throws(Failure) in
            let body = UnsafeMutableRawBufferPointer(rebasing: target[4...])
            let length = try fill(body.bindMemory(to: UInt8.self))
            target.storeBytes(of: UInt32(truncatingIfNeeded: length), as: UInt32.self)
            return length + 4
        }
        return UInt64(blocks.count) << 32 | UInt64(start)
    }

    /// Appends `count` strings and their handles.
    func append(_ count: Int, to handles: inout [ByteArena.Handle], _ string: (Int) -> UnsafeRawBufferPointer) {
        var block = BytesBuilder()
        swap(&block, &current)
        for index in 0..<count {
            let string = string(index)
            if block.count + string.count + 4 > blockSize {
                swap(&block, &current)
                startBlock(string.count + 4)
                swap(&block, &current)
            }
            handles.append(UInt64(blocks.count) << 32 | UInt64(block.count))
            block.append(UInt32(truncatingIfNeeded: string.count))
            block.append(contentsOf: string)
        }
        swap(&block, &current)
    }

    func append(_ bytes: UnsafeRawBufferPointer) -> ByteArena.Handle {
        append(upTo: bytes.count) { $0.copy(bytes) }
    }

    func append(_ text: String) -> ByteArena.Handle {
        var text = text
        return text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// The string again, as it stands in the block that is being filled or in a full one.
    func withBytes<Result>(_ handle: ByteArena.Handle, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        func string(_ block: UnsafeRawBufferPointer) -> Result {
            let start = Int(handle & 0xffff_ffff)
            let length = Int(block.loadUnaligned(fromByteOffset: start, as: UInt32.self))
            return body(UnsafeRawBufferPointer(rebasing: block[(start + 4)..<(start + 4 + length)]))
        }
        let block = Int(handle >> 32)
        if block < blocks.count { return blocks[block].withUnsafeBytes(string) }
        return current.withUnsafeMutableBytes { string(UnsafeRawBufferPointer($0)) }
    }

    func finish() -> ByteArena {
        if current.count > 0 { blocks.append(current.take()) }
        defer { blocks = [] }
        return ByteArena(blocks: blocks)
    }

    private func startBlock(_ needed: Int) {
        if current.count > 0 { blocks.append(current.take()) }
        if !blocks.isEmpty { blockSize = min(blockSize * 2, Self.largestBlock) }
        current = BytesBuilder(capacity: max(blockSize, needed))
    }
}
