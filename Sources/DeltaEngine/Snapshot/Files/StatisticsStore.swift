import Base

/// The statistics texts of a segment, kept compressed in blocks of some hundred rows: they are most of a log's bytes, look alike from file to file,
/// and are asked for seldom.
struct StatisticsStore: Sendable {
    fileprivate struct Block: Sendable {
        let compressed: Bytes
        let size: Int
    }

    /// Where a row's text lies: a block, and in its text an offset and a length.
    fileprivate struct Place: Sendable {
        let block: UInt32
        let offset: UInt32
        let length: UInt32

        static let none = Place(block: .max, offset: 0, length: 0)
        var isNone: Bool { block == .max }
    }

    private let places: [Place]
    private let blocks: [Block]
    /// The block that was asked for last: rows are asked for in order, mostly.
    private let recent = Lock<(index: Int, text: Bytes)?>(nil)

    fileprivate init(places: [Place], blocks: [Block]) {
        self.places = places
        self.blocks = blocks
    }

    func has(row: Int) -> Bool { row < places.count && !places[row].isNone }

    /// The row's statistics as JSON text.
    func text(at row: Int) -> Bytes? {
        guard has(row: row) else { return nil }
        let place = places[row]
        return block(Int(place.block))?.slice(Int(place.offset)..<(Int(place.offset) + Int(place.length)))
    }

    private func block(_ index: Int) -> Bytes? {
        if let hit = recent.withLock({ recent in recent.flatMap { $0.index == index ? $0.text : nil } }) { return hit }
        guard let text = BlockCompressor.expand(blocks[index].compressed, size: blocks[index].size) else { return nil }
        recent.withLock { $0 = (index, text) }
        return text
    }

    var sizeInBytes: Int { places.count * MemoryLayout<Place>.stride + blocks.reduce(0) { $0 + $1.compressed.count } }
}

/// Fills a ``StatisticsStore``. Rows come in ascending order.
final class StatisticsStoreBuilder {
    private static let blockSize = 128 << 10

    private var places: [StatisticsStore.Place] = []
    private var blocks: [StatisticsStore.Block] = []
    private var current = BytesBuilder()
    private let compressor = BlockCompressor()

    func reserve(_ rows: Int) { places.reserveCapacity(rows) }

    /// Sets the text of a row behind all those set so far: at most `limit` bytes, which `fill` writes and whose length it returns.
    func append<Failure: Error>(
        row: Int, upTo limit: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> Int
    ) throws(Failure) {
        if current.count > 0, current.count + limit > Self.blockSize { sealBlock() }
        let start = current.count
        try current.append(upTo: limit) { (target) throws(Failure) in try fill(target.bindMemory(to: UInt8.self)) }
        pad(to: row)
        places.append(.init(block: UInt32(truncatingIfNeeded: blocks.count), offset: UInt32(start), length: UInt32(current.count - start)))
    }

    /// Sets the texts of the rows from `firstRow` on, which lie in `data` one behind the other: `range` says where, nil for a row without. They are
    /// compressed from where they are.
    func append(firstRow: Int, count: Int, _ data: UnsafeRawBufferPointer, _ range: (Int) -> Range<Int>?) {
        if current.count > 0 { sealBlock() }
        pad(to: firstRow)
        var places: [StatisticsStore.Place] = []
        swap(&places, &self.places)
        var block = 0..<0
        for index in 0..<count {
            guard let text = range(index) else {
                places.append(.none)
                continue
            }
            if text.upperBound - block.lowerBound > Self.blockSize || block.isEmpty {
                seal(data, block)
                block = text
            }
            block = block.lowerBound..<text.upperBound
            places.append(
                .init(block: UInt32(truncatingIfNeeded: blocks.count), offset: UInt32(text.lowerBound - block.lowerBound), length: UInt32(text.count)))
        }
        seal(data, block)
        swap(&places, &self.places)
    }

    /// The text that was appended last; only valid until the next call.
    func withLast<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard let place = places.last, Int(place.block) == blocks.count else { return nil }
        return current.withUnsafeMutableBytes { bytes in body(UnsafeRawBufferPointer(rebasing: bytes[Int(place.offset)...])) }
    }

    func finish() -> StatisticsStore {
        if current.count > 0 { sealBlock() }
        defer {
            places = []
            blocks = []
        }
        return StatisticsStore(places: places, blocks: blocks)
    }

    private func pad(to row: Int) {
        while places.count < row { places.append(.none) }
    }

    private func sealBlock() {
        let size = current.count
        let compressed = current.withUnsafeMutableBytes { compressor.compress(UnsafeRawBufferPointer($0)) }
        blocks.append(StatisticsStore.Block(compressed: compressed, size: size))
        current.removeAll()
    }

    private func seal(_ data: UnsafeRawBufferPointer, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        blocks.append(StatisticsStore.Block(compressed: compressor.compress(UnsafeRawBufferPointer(rebasing: data[range])), size: range.count))
    }
}
