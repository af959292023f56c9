import Base

/// A data page's body, decompressed, with its levels and values told apart.
struct PageBody {
    let version: DataPageVersion
    /// Repetition and definition levels as the page has them, in v1 with their lengths.
    let levels: Bytes
    let repetitionBytes: Int
    let definitionBytes: Int
    let levelEncoding: Encoding
    let values: Bytes

    private let leaf: SchemaLeaf
    private let entryCount: Int

    init(_ page: RawPage, _ leaf: SchemaLeaf, codec: CompressionCodec, _ decompressor: PageDecompressor) throws(Damage) {
        switch page.header.content {
        case let .data(_, _, definitionEncoding, repetitionEncoding):
            let body = page.uncompressedSize == 0 ? Bytes.empty : try decompressor.decompress(codec, page.body, size: page.uncompressedSize)
            let repetition = try Self.levelBytes(body, leaf.maximumRepetitionLevel, repetitionEncoding, count: page.entryCount)
            let definition = try Self.levelBytes(body.dropFirst(repetition), leaf.maximumDefinitionLevel, definitionEncoding, count: page.entryCount)
            let used = [(leaf.maximumRepetitionLevel, repetitionEncoding), (leaf.maximumDefinitionLevel, definitionEncoding)].filter { $0.0 > 0 }.map(\.1)
            guard Set(used).count <= 1 else { throw Damage.unsupported("a page with levels in two encodings") }
            self.init(
                .v1, body.prefix(repetition + definition), repetition, definition, used.first ?? .rle, body.dropFirst(repetition + definition), leaf,
                page.entryCount)
        case let .dataV2(_, _, _, _, definitionBytes, repetitionBytes, isCompressed):
            let (levelBytes, overflow) = definitionBytes.addingReportingOverflow(repetitionBytes)
            guard !overflow, levelBytes <= page.body.count, levelBytes <= page.uncompressedSize else {
                throw Damage("levels of \(levelBytes) bytes in a page of \(page.body.count)")
            }
            let size = page.uncompressedSize - levelBytes
            let stored = page.body.dropFirst(levelBytes)
            let values = size == 0 ? Bytes.empty : try decompressor.decompress(isCompressed ? codec : .uncompressed, stored, size: size)
            self.init(.v2, page.body.prefix(levelBytes), repetitionBytes, definitionBytes, .rle, values, leaf, page.entryCount)
        default: throw Damage("a data page was expected")
        }
    }

    private init(
        _ version: DataPageVersion, _ levels: Bytes, _ repetitionBytes: Int, _ definitionBytes: Int, _ levelEncoding: Encoding, _ values: Bytes,
        _ leaf: SchemaLeaf, _ entryCount: Int
    ) {
        self.version = version
        self.levels = levels
        self.repetitionBytes = repetitionBytes
        self.definitionBytes = definitionBytes
        self.levelEncoding = levelEncoding
        self.values = values
        self.leaf = leaf
        self.entryCount = entryCount
    }

    /// The bytes that a v1 page's levels take at the start of `body`, with their length where they have one.
    private static func levelBytes(_ body: Bytes, _ maximum: Int, _ encoding: Encoding, count: Int) throws(Damage) -> Int {
        guard maximum > 0 else { return 0 }
        let length: Int
        switch encoding {
        case .rle:
            guard body.count >= 4 else { throw Damage("a page without its levels") }
            length = 4 + body.withUnsafeBytes { Int($0.loadUnaligned(as: UInt32.self)) }
        case .bitPacked: length = LegacyPackedLevels.byteCount(maximum: maximum, count: count)
        default: throw Damage.unsupported("levels in \(encoding)")
        }
        guard length <= body.count else { throw Damage("levels of \(length) bytes in a page of \(body.count)") }
        return length
    }

    // MARK: Looking at levels

    /// How many entries have no value.
    func nullCount() throws(Damage) -> Int {
        let maximum = UInt8(truncatingIfNeeded: leaf.maximumDefinitionLevel)
        var nulls = 0
        try forEachLevel(leaf.maximumDefinitionLevel, repetitionBytes..<(repetitionBytes + definitionBytes)) { levels, _ in
            for level in levels where level != maximum { nulls &+= 1 }
        }
        return nulls
    }

    /// How many rows begin in the page, and whether the first entry begins one.
    func rows() throws(Damage) -> (count: Int, startsRow: Bool) {
        var rows = 0
        var startsRow = true
        try forEachLevel(leaf.maximumRepetitionLevel, 0..<repetitionBytes) { levels, start in
            if start == 0, let first = levels.first { startsRow = first == 0 }
            for level in levels where level == 0 { rows &+= 1 }
        }
        return (rows, startsRow)
    }

    private func forEachLevel(_ maximum: Int, _ range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>, _ start: Int) -> Void) throws(Damage) {
        let runs = version == .v1 && levelEncoding == .rle && maximum > 0 ? (range.lowerBound + 4)..<range.upperBound : range
        var decoder =
            levelEncoding == .bitPacked && maximum > 0
            ? LevelDecoder.packed(LegacyPackedLevels(maximum: maximum, range: runs), maximum: UInt8(truncatingIfNeeded: maximum))
            : LevelDecoder(maximum: maximum, runs: runs)
        let blockSize = 4096
        let block = UnsafeMutablePointer<UInt8>.allocate(capacity: blockSize)
        defer { block.deallocate() }
        try levels.withUnsafeBytes { (raw) throws(Damage) in
            guard let base = raw.baseAddress else { return }
            var done = 0
            while done < entryCount {
                let count = min(blockSize, entryCount - done)
                try decoder.decode(base, into: block, count: count)
                body(UnsafeBufferPointer(start: block, count: count), done)
                done += count
            }
        }
    }
}
