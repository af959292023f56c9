import Base
import Columnar

/// Decodes one column chunk from its bytes, some rows at a time. Synchronous, used by one thread at a time.
final class LeafReader {
    /// What one call decoded: slots as a column, and for nested columns the levels that say how the slots fall into rows and lists.
    struct Batch {
        let column: Column
        let rowCount: Int
        /// One per entry; empty where they were not asked for.
        let definitionLevels: Bytes
        /// One per entry; empty for a leaf that is not in a list.
        let repetitionLevels: Bytes
        let entryCount: Int
    }

    private let leaf: SchemaLeaf
    private let type: DataType
    private let conversion: ValueConversion
    private let limits: ReadLimits
    /// Entries with a lower definition level have no slot: they stand for an empty or null list around the leaf.
    private let slotDefinitionLevel: UInt8
    private let keepsLevels: Bool
    private let keepsDictionary: Bool

    private var pages: PageReader
    private var page: OpenPage?
    private var dictionary: LeafDictionary?
    /// Entries of the chunk that no page has delivered yet.
    private var entriesLeft: Int64
    private let levels = LevelScratch()
    /// The row, counted in the row group, with which the next batch begins.
    private var row: Int64 = 0
    /// The batch that is being filled.
    private var batch = Progress()
    private var sink: LeafSink
    private var isFilling = false
    private var readsCodes = false
    /// Whether the dictionary that was fetched apart has been read.
    private var hasBegun = false
    private let isPartial: Bool

    private struct OpenPage {
        var entriesLeft: Int
        let body: Bytes
        var definitions: LevelDecoder
        var repetitions: LevelDecoder
        var values: ValueCursor
        let offset: Int
    }

    /// - Parameters:
    ///   - slotDefinitionLevel: see the property; 0 outside of lists.
    ///   - keepsLevels: whether batches carry their levels.
    ///   - keepsDictionary: whether columns may come as dictionary codes. A batch then ends where the pages change from codes to values.
    init(
        leaf: SchemaLeaf, type: DataType, conversion: ValueConversion, chunk: ChunkPages, metadata: ColumnChunkMetadata, options: ReadOptions,
        slotDefinitionLevel: Int, keepsLevels: Bool, keepsDictionary: Bool
    ) {
        self.leaf = leaf
        self.type = type
        self.conversion = conversion
        limits = options.limits
        self.slotDefinitionLevel = UInt8(truncatingIfNeeded: slotDefinitionLevel)
        self.keepsLevels = keepsLevels
        self.keepsDictionary = keepsDictionary && !keepsLevels && type != .null
        isPartial = chunk.isPartial
        sink = LeafSink(type: type, layout: .natural)
        row = chunk.stretches.first?.firstRow ?? 0
        pages = PageReader(chunk: chunk, codec: metadata.codec, options: options)
        entriesLeft = metadata.valueCount
    }

    /// Where in the chunk the last error came from.
    var position: Int { page?.offset ?? pages.position }

    /// What ``take(upTo:of:)`` stopped for: from where on in the chunk at least how many bytes must come by ``feed(_:)``; nil where nothing is missing.
    var missing: (position: Int, count: Int)? { pages.needed.map { (pages.position, $0) } }

    /// More of the chunk, from where ``missing`` says.
    func feed(_ bytes: Bytes) { pages.feed(bytes) }

    /// Goes forward to `target`: over pages that were not fetched, and by decoding what is in the way in those that were.
    func skip(to target: Int64) throws(Damage) {
        if !hasBegun { try begin() }
        if let firstRow = pages.seek(target) {
            page = nil
            levels.removeAll()
            row = firstRow
        }
        while row < target {
            let rows = Int(clamping: min(target - row, Self.skippedRows))
            guard try take(upTo: rows, of: rows) > 0 else { throw Damage("it ends at row \(row)") }
            _ = finish()
        }
    }

    private static let skippedRows: Int64 = 1 << 12

    /// Adds rows to the batch until it has `target`, on the way to `expected`; returns how many it has. Fewer at the end of the chunk, or of its pages that were fetched in a
    /// row, and where the pages change from codes to values. Where bytes are ``missing`` it is to be called again with them.
    func take(upTo target: Int, of expected: Int) throws(Damage) -> Int {
        if !isFilling {
            guard target > 0, try hasEntries() else { return 0 }
            isFilling = true
            readsCodes = keepsDictionary && page?.values.isDictionary == true
            sink = LeafSink(type: type, layout: readsCodes ? .codes : .natural)
            sink.reserve(slots: min(expected, Int(clamping: entriesLeft) + (page?.entriesLeft ?? 0)))
        }
        while batch.rows < target || leaf.maximumRepetitionLevel > 0 {
            guard try hasEntries() else { break }
            if keepsDictionary, page?.values.isDictionary != readsCodes { break }
            let isComplete =
                leaf.maximumRepetitionLevel > 0
                ? try takeNested(target, &batch, &sink) : try takeFlat(min(target - batch.rows, page?.entriesLeft ?? 0), &batch, &sink)
            if isComplete { break }
        }
        return batch.rows
    }

    /// The memory of the batch so far.
    var sizeInBytes: Int { sink.sizeInBytes + batch.definitions.count + batch.repetitions.count }

    /// The batch that was taken.
    func finish() -> Batch {
        isFilling = false
        row += Int64(batch.rows)
        var taken = Progress()
        var filled = LeafSink(type: type, layout: .natural)
        swap(&taken, &batch)
        swap(&filled, &sink)
        return Batch(
            column: filled.finish(type: type, dictionary: readsCodes ? dictionary?.column : nil), rowCount: taken.rows,
            definitionLevels: taken.definitions.take(), repetitionLevels: taken.repetitions.take(), entryCount: taken.entries)
    }

    /// What has been taken for the current batch.
    private struct Progress: ~Copyable {
        var rows = 0
        var entries = 0
        var definitions = BytesBuilder()
        var repetitions = BytesBuilder()
    }

    // MARK: Taking entries

    /// Takes `count` entries of the open page, each a row.
    private func takeFlat(_ count: Int, _ batch: inout Progress, _ sink: inout LeafSink) throws(Damage) -> Bool {
        guard var page else { return true }
        var left = count
        let maximum = UInt8(truncatingIfNeeded: leaf.maximumDefinitionLevel)
        try page.body.withUnsafeBytes { (body) throws(Damage) in
            guard let base = body.baseAddress else { return }
            var isDense = maximum == 0
            if !isDense { isDense = try page.definitions.takeAllDefined(base, count: left) }
            if isDense {
                if keepsLevels { batch.definitions.append(repeating: maximum, count: left) }
                try sink.appendValues(&page.values, count: left, dictionary: dictionary, limit: limits.batchBytes)
                left = 0
            }
            while left > 0 {
                let block = min(LevelScratch.capacity, left)
                try page.definitions.decode(base, into: levels.definitions, count: block)
                if keepsLevels { batch.definitions.append(contentsOf: UnsafeRawBufferPointer(start: levels.definitions, count: block)) }
                try sink.appendSlots(
                    &page.values, levels: levels.definitions, slots: block, maximum: maximum, dictionary: dictionary, limit: limits.batchBytes)
                left -= block
            }
        }
        page.entriesLeft -= count
        batch.rows += count
        batch.entries += count
        self.page = page
        return false
    }

    /// Takes entries up to the end of row `maximum` of the batch, or of the page. Returns whether the batch is complete.
    private func takeNested(_ maximum: Int, _ batch: inout Progress, _ sink: inout LeafSink) throws(Damage) -> Bool {
        guard var page else { return true }
        defer { self.page = page }
        return try page.body.withUnsafeBytes { (body) throws(Damage) in
            guard let base = body.baseAddress else { return true }
            while page.entriesLeft > 0 || levels.hasRepetitions {
                if !levels.hasRepetitions {
                    let block = min(LevelScratch.capacity, page.entriesLeft)
                    try page.repetitions.decode(base, into: levels.repetitions, count: block)
                    levels.begin = 0
                    levels.end = block
                    if batch.entries == 0, levels.repetitions[0] != 0 { throw Damage("a page whose first entry continues a row of no earlier page") }
                }
                let available = levels.end - levels.begin
                let taken = levels.entries(ofRows: maximum - batch.rows, rows: &batch.rows)
                try takeEntries(taken, base, &page, &batch, &sink)
                if taken < available { return true }
            }
            return false
        }
    }

    private func takeEntries(
        _ count: Int, _ base: UnsafeRawPointer, _ page: inout OpenPage, _ batch: inout Progress, _ sink: inout LeafSink
    ) throws(Damage) {
        guard count > 0 else { return }
        guard batch.entries + count <= limits.batchBytes else { throw Damage.tooLarge(batch.entries + count, limit: limits.batchBytes) }
        let maximum = UInt8(truncatingIfNeeded: leaf.maximumDefinitionLevel)
        try page.definitions.decode(base, into: levels.definitions, count: count)
        batch.repetitions.append(contentsOf: UnsafeRawBufferPointer(start: levels.repetitions + levels.begin, count: count))
        batch.definitions.append(contentsOf: UnsafeRawBufferPointer(start: levels.definitions, count: count))
        // Leave out the entries that stand for no element.
        var slots = 0
        for index in 0..<count {
            let level = levels.definitions[index]
            levels.definitions[slots] = level
            slots &+= level >= slotDefinitionLevel ? 1 : 0
        }
        try sink.appendSlots(&page.values, levels: levels.definitions, slots: slots, maximum: maximum, dictionary: dictionary, limit: limits.batchBytes)
        levels.begin += count
        page.entriesLeft -= count
        batch.entries += count
    }

    // MARK: Pages

    private func begin() throws(Damage) {
        hasBegun = true
        if let dictionary = try pages.dictionaryPage() { try open(dictionary) }
    }

    /// Opens pages until one has entries. False at the end of the chunk, where all entries must have been seen, or of a stretch of it.
    private func hasEntries() throws(Damage) -> Bool {
        if !hasBegun { try begin() }
        while (page?.entriesLeft ?? 0) == 0 {
            page = nil
            guard entriesLeft > 0 else { return false }
            guard let next = try pages.nextPage() else {
                if isPartial || pages.needed != nil { return false }
                throw Damage("the chunk ends \(entriesLeft) values early", at: pages.position)
            }
            try open(next)
        }
        return true
    }

    private func open(_ raw: PageReader.Page) throws(Damage) {
        switch raw.header.content {
        case let .dictionary(count, encoding):
            guard dictionary == nil else { throw Damage("a second dictionary page", at: raw.offset) }
            guard encoding == .plain || encoding == .plainDictionary else { throw Damage.unsupported("a dictionary in \(encoding)") }
            dictionary = try LeafDictionary(try pages.body(raw), count: count, type: type, conversion: conversion, limit: limits.batchBytes)
        case let .data(count, encoding, definitionEncoding, repetitionEncoding):
            let body = try pages.body(raw)
            var start = 0
            let repetitions = try Self.levels(body, &start, maximum: leaf.maximumRepetitionLevel, encoding: repetitionEncoding, count: count)
            let definitions = try Self.levels(body, &start, maximum: leaf.maximumDefinitionLevel, encoding: definitionEncoding, count: count)
            try begin(count: count, raw.offset, body, definitions, repetitions, encoding, body, from: start)
        case let .dataV2(count, _, _, encoding, definitionLength, repetitionLength, isCompressed):
            let (levels, values) = try pages.bodyV2(raw, levelLength: definitionLength + repetitionLength, isCompressed: isCompressed)
            let repetitions = LevelDecoder(maximum: leaf.maximumRepetitionLevel, runs: 0..<repetitionLength)
            let definitions = LevelDecoder(
                maximum: leaf.maximumDefinitionLevel, runs: repetitionLength..<(repetitionLength + definitionLength))
            try begin(count: count, raw.offset, levels, definitions, repetitions, encoding, values, from: 0)
        case .other: break
        }
    }

    private func begin(
        count: Int, _ offset: Int, _ body: Bytes, _ definitions: LevelDecoder, _ repetitions: LevelDecoder, _ encoding: Encoding, _ values: Bytes,
        from start: Int
    ) throws(Damage) {
        guard Int64(count) <= entriesLeft else { throw Damage("a page of \(count) values where the chunk has \(entriesLeft) left", at: offset) }
        entriesLeft -= Int64(count)
        let cursor = try ValueCursor(
            encoding, values, from: start, count: count, conversion: conversion, physicalType: leaf.physicalType, limits: limits)
        page = OpenPage(entriesLeft: count, body: body, definitions: definitions, repetitions: repetitions, values: cursor, offset: offset)
    }

    /// The levels of a v1 page, which begin at `start`; moves it behind them.
    private static func levels(_ body: Bytes, _ start: inout Int, maximum: Int, encoding: Encoding, count: Int) throws(Damage) -> LevelDecoder {
        guard maximum > 0 else { return .zero }
        switch encoding {
        case .rle:
            guard body.count - start >= 4 else { throw Damage("a page without its levels", at: start) }
            let length = body.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: start, as: UInt32.self)) }
            guard length <= body.count - start - 4 else { throw Damage("levels of \(length) bytes in a page of \(body.count)", at: start) }
            let range = (start + 4)..<(start + 4 + length)
            start = range.upperBound
            return LevelDecoder(maximum: maximum, runs: range)
        case .bitPacked:
            let length = LegacyPackedLevels.byteCount(maximum: maximum, count: count)
            guard length <= body.count - start else { throw Damage("levels of \(length) bytes in a page of \(body.count)", at: start) }
            let range = start..<(start + length)
            start = range.upperBound
            return .packed(LegacyPackedLevels(maximum: maximum, range: range), maximum: UInt8(truncatingIfNeeded: maximum))
        default: throw Damage.unsupported("levels in \(encoding)")
        }
    }
}

/// Room for one block of levels. Repetition levels are decoded ahead, as the end of a row shows only in the next entry.
private final class LevelScratch {
    static let capacity = 4096
    let definitions = UnsafeMutablePointer<UInt8>.allocate(capacity: LevelScratch.capacity)
    let repetitions = UnsafeMutablePointer<UInt8>.allocate(capacity: LevelScratch.capacity)
    /// The repetition levels that were decoded and not yet taken.
    var begin = 0
    var end = 0

    var hasRepetitions: Bool { begin < end }

    /// How many of the entries at hand belong to the row that has begun and to `most` more; adds to `rows` those that begin.
    func entries(ofRows most: Int, rows: inout Int) -> Int {
        let entries = UnsafeBufferPointer(start: repetitions + begin, count: end - begin)
        var beginning = 0
        for repetition in entries { beginning &+= repetition == 0 ? 1 : 0 }
        if beginning <= most {
            rows += beginning
            return entries.count
        }
        beginning = 0
        let first = entries.firstIndex { repetition in
            beginning &+= repetition == 0 ? 1 : 0
            return beginning > most
        }
        rows += most
        return first ?? entries.count
    }

    func removeAll() { (begin, end) = (0, 0) }

    deinit {
        definitions.deallocate()
        repetitions.deallocate()
    }
}
