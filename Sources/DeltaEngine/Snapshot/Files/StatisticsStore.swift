import Base

/// The statistics texts of a segment, kept compressed in blocks of a few dozen rows: they are most of a log's bytes, look alike from file to file,
/// and are asked for seldom.
struct StatisticsStore: Sendable {
    static let none = UInt64.max

    fileprivate struct Block: Sendable {
        let compressed: Bytes
        let size: Int
    }

    /// Row to block and offset in its text; ``none`` for a row without statistics.
    private let places: [UInt64]
    private let blocks: [Block]
    /// The block that was asked for last: rows are asked for in order, mostly.
    private let recent = Lock<(index: Int, text: Bytes)?>(nil)

    fileprivate init(places: [UInt64], blocks: [Block]) {
        self.places = places
        self.blocks = blocks
    }

    func has(row: Int) -> Bool { row < places.count && places[row] != Self.none }

    /// The row's statistics as JSON text.
    func text(at row: Int) -> Bytes? {
        guard has(row: row) else { return nil }
        let index = Int(places[row] >> 32)
        let start = Int(places[row] & 0xffff_ffff)
        guard let text = block(index) else { return nil }
        let length = text.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: start, as: UInt32.self)) }
        return text.slice((start + 4)..<(start + 4 + length))
    }

    private func block(_ index: Int) -> Bytes? {
        if let hit = recent.withLock({ recent in recent.flatMap { $0.index == index ? $0.text : nil } }) { return hit }
        guard let text = BlockCodec.expand(blocks[index].compressed, size: blocks[index].size) else { return nil }
        recent.withLock { $0 = (index, text) }
        return text
    }

    var sizeInBytes: Int { places.count * 8 + blocks.reduce(0) { $0 + $1.compressed.count } }
}

/// Fills a ``StatisticsStore``.
final class StatisticsStoreBuilder {
    private static let blockSize = 128 << 10

    private var places: [UInt64] = []
    private var blocks: [StatisticsStore.Block] = []
    private var current = BytesBuilder()

    func reserve(_ rows: Int) { places.reserveCapacity(rows) }

    /// Sets the text of a row behind all those set so far: at most `limit` bytes, which `fill` writes and whose length it returns.
    func append<Failure: Error>(
        row: Int, upTo limit: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> Int
    ) throws(Failure) {
        if current.count > 0, current.count + limit + 4 > Self.blockSize { sealBlock() }
        let start = current.count
        try current.append(upTo: limit + 4) { (target) throws(Failure) in
            let length = try fill(UnsafeMutableRawBufferPointer(rebasing: target[4...]).bindMemory(to: UInt8.self))
            target.storeBytes(of: UInt32(truncatingIfNeeded: length), as: UInt32.self)
            return length + 4
        }
        while places.count < row { places.append(StatisticsStore.none) }
        places.append(UInt64(blocks.count) << 32 | UInt64(start))
    }

    /// The text that was appended last; only valid until the next call.
    func withLast<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard let place = places.last, place != StatisticsStore.none, Int(place >> 32) == blocks.count else { return nil }
        return current.withUnsafeMutableBytes { bytes in body(UnsafeRawBufferPointer(rebasing: bytes[(Int(place & 0xffff_ffff) + 4)...])) }
    }

    func finish() -> StatisticsStore {
        if current.count > 0 { sealBlock() }
        defer {
            places = []
            blocks = []
        }
        return StatisticsStore(places: places, blocks: blocks)
    }

    private func sealBlock() {
        let size = current.count
        let compressed = current.withUnsafeMutableBytes { BlockCodec.compress(UnsafeRawBufferPointer($0)) }
        blocks.append(StatisticsStore.Block(compressed: compressed, size: size))
        current.removeAll()
    }
}
