import Base
import Columnar

/// Encodes one leaf's values of one row group into compressed pages. Synchronous, used by one thread at a time.
///
/// Values go from the column's buffers straight into the page that is being filled. A dictionary is tried on the first values only; if it does not
/// pay there, the chunk goes on in PLAIN at no further cost, which is what keys and UUIDs need.
final class LeafEncoder {
    /// Some rows' worth of entries.
    struct Entries {
        /// One level per entry, nil where all entries have a value.
        var definitions: UnsafeBufferPointer<UInt8>?
        /// One level per entry, nil for a leaf that is in no list.
        var repetitions: UnsafeBufferPointer<UInt8>?
        var count: Int
        var rowCount: Int
        /// The rows of the column that have the entries' values, in order; nil where these are `firstValue` and those behind it.
        var values: UnsafeBufferPointer<Int32>?
        var firstValue: Int
        var valueCount: Int
    }

    /// Values are handled in blocks that fit the scratch memory.
    static let blockSize = 1024
    /// After this many values it is decided whether a dictionary pays.
    private static let sampleSize = 1 << 14

    private let leaf: SchemaLeaf
    private let type: DataType
    private let options: WriterOptions
    private var assembler: PageAssembler
    private var definitions: LevelBuffer
    private var repetitions: LevelBuffer

    /// The page that is being filled: PLAIN values, or codes while there is a dictionary.
    private var plain = BytesBuilder()
    private var plainCount = 0
    private var codes = BytesBuilder()
    private var pageRows = 0
    private var pageValues = 0

    private var dictionary: DictionaryBuilder?
    private var isDictionaryDecided = false
    private var hasDictionaryPages = false
    /// What the values so far would have taken in PLAIN encoding.
    private var plainBytes = 0
    private var remap = DictionaryRemap()
    private let scratch = Scratch()

    init(leaf: SchemaLeaf, type: DataType, options: WriterOptions) {
        self.leaf = leaf
        self.type = type
        self.options = options
        assembler = PageAssembler(leaf: leaf, type: type, options: options)
        definitions = LevelBuffer(maximum: leaf.maximumDefinitionLevel)
        repetitions = LevelBuffer(maximum: leaf.maximumRepetitionLevel)
        switch leaf.physicalType {
        case .int32, .float: dictionary = DictionaryBuilder(width: 4)
        case .int64, .double: dictionary = DictionaryBuilder(width: 8)
        case .fixedLengthByteArray: dictionary = DictionaryBuilder(width: leaf.typeLength)
        case .byteArray: dictionary = DictionaryBuilder(width: nil)
        case .boolean, .int96: dictionary = nil
        }
        if options.dictionaryBytes <= 0 { dictionary = nil }
        beginPlainPage()
    }

    /// Empties the page, but for the room that its levels will take.
    private func beginPlainPage() {
        plain.removeAll()
        plain.append(repeating: 0, count: PageAssembler.headroom)
        plainCount = 0
    }

    /// The bytes of values taken so far, before compression.
    private(set) var valueBytes = 0

    // MARK: Appending

    /// Appends entries whose values are those of `values`. Entries must be whole rows, few enough for one page.
    func append(_ values: LeafValues, _ entries: Entries) throws(Damage) {
        if pageRows > 0, pageRows + entries.rowCount > options.pageRows { try flushPage() }
        appendLevels(entries)
        switch values.storage {
        case .none: break
        case let .bits(bits): appendBits(bits, values.codes, entries)
        case let .fixed(bytes, width):
            if dictionary != nil { intern(fixed: bytes, width: width, values, entries) } else { appendFixed(bytes, width: width, values.codes, entries) }
        case let .variable(offsets, data):
            if dictionary != nil { intern(offsets, data, values, entries) } else { try appendVariable(offsets, data, values.codes, entries) }
        }
        pageRows += entries.rowCount
        pageValues += entries.valueCount
        if !isDictionaryDecided, let dictionary, codes.count / 4 >= Self.sampleSize { try decide(dictionary) }
        if pageRows >= options.pageRows || pageBytes >= options.pageBytes { try flushPage() }
    }

    private var pageBytes: Int { max(plain.count, codes.count) }

    private func appendLevels(_ entries: Entries) {
        if let levels = entries.definitions {
            definitions.append(contentsOf: levels)
        } else {
            definitions.append(repeating: UInt8(truncatingIfNeeded: leaf.maximumDefinitionLevel), count: entries.count)
        }
        if let levels = entries.repetitions {
            repetitions.append(contentsOf: levels)
        } else {
            repetitions.append(repeating: 0, count: entries.count)
        }
        assembler.add(entries: entries.count, nulls: entries.count - entries.valueCount, rows: entries.rowCount)
    }

    /// Where the values of block `done..<done + count` lie in the storage: nil for a plain run from the returned start, else one index each in scratch.
    private func locate(_ done: Int, _ count: Int, _ codes: UnsafePointer<Int32>?, _ entries: Entries) -> (indices: UnsafePointer<Int32>?, start: Int) {
        switch (entries.values, codes) {
        case (nil, nil): return (nil, entries.firstValue + done)
        case let (nil, codes?): return (codes + entries.firstValue + done, 0)
        case let (rows?, nil): return (rows.baseAddress.map { $0 + done }, 0)
        case let (rows?, codes?):
            for index in 0..<count { scratch.base[index] = codes[Int(rows[done &+ index])] }
            return (UnsafePointer(scratch.base), 0)
        }
    }

    private func forEachBlock(
        _ codes: Bytes?, _ entries: Entries, _ body: (_ indices: UnsafePointer<Int32>?, _ start: Int, _ count: Int) -> Void
    ) {
        func run(_ codes: UnsafePointer<Int32>?) {
            var done = 0
            while done < entries.valueCount {
                let count = min(Self.blockSize, entries.valueCount - done)
                let (indices, start) = locate(done, count, codes, entries)
                body(indices, start, count)
                done += count
            }
        }
        if let codes { codes.withUnsafeBytes { run($0.assumingMemoryBound(to: Int32.self).baseAddress) } } else { run(nil) }
    }

    // MARK: PLAIN

    private func appendFixed(_ bytes: Bytes, width: Int, _ codes: Bytes?, _ entries: Entries) {
        var page = BytesBuilder()
        swap(&page, &plain)
        page.reserve(entries.valueCount * width)
        bytes.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            forEachBlock(codes, entries) { indices, start, count in
                page.append(upTo: count * width) { target in
                    guard let to = target.baseAddress else { return 0 }
                    if let indices {
                        ValueKernels.gather(from, width: width, indices, to, count: count)
                    } else {
                        to.copyMemory(from: from + start * width, byteCount: count * width)
                    }
                    return count * width
                }
            }
        }
        swap(&page, &plain)
        plainCount += entries.valueCount
        valueBytes += entries.valueCount * width
    }

    private func appendVariable(_ offsets: Bytes, _ data: Bytes, _ codes: Bytes?, _ entries: Entries) throws(Damage) {
        var page = BytesBuilder()
        swap(&page, &plain)
        let before = page.count
        offsets.withUnsafeBytes { raw in
            data.withUnsafeBytes { source in
                let ends = raw.assumingMemoryBound(to: Int32.self)
                guard let from = source.baseAddress, let ends = ends.baseAddress else { return }
                forEachBlock(codes, entries) { indices, start, count in
                    if let indices {
                        Self.copySized(from, ends, count: count, to: &page) { Int(indices[$0]) }
                    } else {
                        Self.copySized(from, ends, count: count, to: &page) { start &+ $0 }
                    }
                }
            }
        }
        let written = page.count - before
        swap(&page, &plain)
        plainCount += entries.valueCount
        valueBytes += written
        guard plain.count <= Int(Int32.max) / 2 else { throw Damage("the values of one row take more than a page can hold (1 GiB)") }
    }

    /// Appends values with a length before each.
    @inline(__always)
    private static func copySized(
        _ data: UnsafeRawPointer, _ offsets: UnsafePointer<Int32>, count: Int, to page: inout BytesBuilder, _ row: (Int) -> Int
    ) {
        var total = count &* 4
        for index in 0..<count {
            let row = row(index)
            total &+= Int(offsets[row &+ 1] &- offsets[row])
        }
        page.append(upTo: total) { target in
            guard let to = target.baseAddress else { return 0 }
            var written = 0
            for index in 0..<count {
                let row = row(index)
                let start = Int(offsets[row])
                let length = Int(offsets[row &+ 1]) &- start
                to.storeBytes(of: Int32(truncatingIfNeeded: length), toByteOffset: written, as: Int32.self)
                ValueKernels.copyPadded(data + start, to + written + 4, length)
                written &+= 4 &+ length
            }
            return total
        }
    }

    private func appendBits(_ bits: Bytes, _ codes: Bytes?, _ entries: Entries) {
        var page = BytesBuilder()
        swap(&page, &plain)
        let start = plainCount
        page.append(repeating: 0, count: PageAssembler.headroom + Bitmap.byteCount(start + entries.valueCount) - page.count)
        bits.withUnsafeBytes { source in
            page.withUnsafeMutableBytes { target in
                guard let from = source.baseAddress, let to = target.baseAddress.map({ $0 + PageAssembler.headroom }) else { return }
                guard let rows = entries.values else {
                    return Bitmap.copy(from: from, at: entries.firstValue, to: to, at: start, count: entries.valueCount)
                }
                for index in 0..<entries.valueCount where Bitmap.isSet(from, Int(rows[index])) { Bitmap.set(to, start + index) }
            }
        }
        swap(&page, &plain)
        plainCount += entries.valueCount
        valueBytes += entries.valueCount / 8
    }

    // MARK: Dictionary

    private func intern(fixed bytes: Bytes, width: Int, _ values: LeafValues, _ entries: Entries) {
        guard let dictionary else { return }
        remap.begin(bytes, values.codes == nil ? 0 : values.dictionaryCount)
        var page = BytesBuilder()
        swap(&page, &codes)
        bytes.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            internBlocks(values, entries, to: &page) { row in
                dictionary.code(of: from + row &* width, length: width)
            } block: { rows, first, count, output in
                switch width {
                case 4: dictionary.codes(of: from, rows: rows, first: first, count: count, as: UInt32.self, to: output)
                case 8: dictionary.codes(of: from, rows: rows, first: first, count: count, as: UInt64.self, to: output)
                default: dictionary.codes(rows: rows, first: first, count: count, to: output) { (from + $0 &* width, width) }
                }
            }
        }
        swap(&page, &codes)
        plainBytes += entries.valueCount * width
        valueBytes += entries.valueCount * width
    }

    private func intern(_ offsets: Bytes, _ data: Bytes, _ values: LeafValues, _ entries: Entries) {
        guard let dictionary else { return }
        remap.begin(offsets, values.codes == nil ? 0 : values.dictionaryCount)
        var page = BytesBuilder()
        swap(&page, &codes)
        var total = 0
        offsets.withUnsafeBytes { raw in
            data.withUnsafeBytes { source in
                let ends = raw.assumingMemoryBound(to: Int32.self)
                guard let from = source.baseAddress, let ends = ends.baseAddress else { return }
                internBlocks(values, entries, to: &page) { row in
                    dictionary.code(of: from + Int(ends[row]), length: Int(ends[row &+ 1] &- ends[row]))
                } block: { rows, first, count, output in
                    dictionary.codes(rows: rows, first: first, count: count, to: output) { (from + Int(ends[$0]), Int(ends[$0 &+ 1] &- ends[$0])) }
                }
                forEachBlock(values.codes, entries) { indices, start, count in
                    for index in 0..<count {
                        let row = indices.map { Int($0[index]) } ?? start &+ index
                        total &+= 4 &+ Int(ends[row &+ 1] &- ends[row])
                    }
                }
            }
        }
        swap(&page, &codes)
        plainBytes += total
        valueBytes += total
    }

    /// Appends the codes of all values. `code` interns the value of one row of the storage, which happens once for each where the input has a
    /// dictionary; `block` those of many rows.
    @inline(__always)
    private func internBlocks(
        _ values: LeafValues, _ entries: Entries, to page: inout BytesBuilder, _ code: (Int) -> UInt32,
        block: (_ rows: UnsafePointer<Int32>?, _ first: Int, _ count: Int, _ output: UnsafeMutablePointer<UInt32>) -> Void
    ) {
        forEachBlock(values.codes, entries) { indices, start, count in
            page.append(upTo: count * 4) { target in
                guard let output = target.assumingMemoryBound(to: UInt32.self).baseAddress else { return 0 }
                if values.codes != nil, let indices {
                    remap.map(indices, output, count, code)
                } else {
                    block(indices, start, count, output)
                }
                return count * 4
            }
        }
    }

    /// Keeps the dictionary if it and its codes will take at least a fifth less than the values alone; gives it up otherwise.
    private func decide(_ dictionary: DictionaryBuilder) throws(Damage) {
        isDictionaryDecided = true
        let values = codes.count / 4
        var alone = plainBytes
        if !options.encodings.isEmpty { alone = min(alone, spelledOutSize(dictionary, values)) }
        let gain = DictionaryGain(
            values: values, distinct: dictionary.count, dictionaryBytes: dictionary.sizeInBytes, plainBytes: alone, limit: options.dictionaryBytes)
        if !gain.isWorthwhile(rows: options.rowGroupRows) { try spellOut(dictionary) }
    }

    /// What the open page's values take in the best encoding without a dictionary.
    private func spelledOutSize(_ dictionary: DictionaryBuilder, _ count: Int) -> Int {
        var values = BytesBuilder()
        codes.withUnsafeMutableBytes { raw in
            if let codes = UnsafeRawBufferPointer(raw).assumingMemoryBound(to: UInt32.self).baseAddress {
                dictionary.appendValues(codes, count: count, to: &values)
            }
        }
        return values.withUnsafeMutableBytes { assembler.values.smallestSize(UnsafeRawBufferPointer($0), count: count) }
    }

    /// Turns the open page's codes back into values, and goes on without a dictionary.
    private func spellOut(_ dictionary: DictionaryBuilder) throws(Damage) {
        var page = BytesBuilder()
        swap(&page, &plain)
        let count = codes.count / 4
        codes.withUnsafeMutableBytes { raw in
            if let codes = UnsafeRawBufferPointer(raw).assumingMemoryBound(to: UInt32.self).baseAddress {
                dictionary.appendValues(codes, count: count, to: &page)
            }
        }
        swap(&page, &plain)
        plainCount = count
        codes.removeAll()
        if hasDictionaryPages { try assembler.keepDictionary(dictionary) }
        self.dictionary = nil
    }

    // MARK: Pages

    private func flushPage() throws(Damage) {
        guard definitions.count > 0 || repetitions.count > 0 || pageRows > 0 else { return }
        if let dictionary, !isDictionaryDecided { try decide(dictionary) }
        if let dictionary {
            try codes.withUnsafeMutableBytes { (raw) throws(Damage) in
                try assembler.add(
                    codes: UnsafeRawBufferPointer(raw).assumingMemoryBound(to: UInt32.self), dictionary, &definitions, &repetitions)
            }
            codes.removeAll()
            hasDictionaryPages = true
            if dictionary.sizeInBytes > options.dictionaryBytes { try spellOut(dictionary) }
        } else {
            try plain.withUnsafeMutableBytes { (raw) throws(Damage) in
                try assembler.add(plain: raw, count: plainCount, &definitions, &repetitions)
            }
        }
        beginPlainPage()
        pageRows = 0
        pageValues = 0
    }

    /// The chunk. The encoder must not be used again.
    func finish() throws(Damage) -> EncodedLeaf {
        try flushPage()
        return try assembler.finish(dictionary: hasDictionaryPages ? dictionary : nil)
    }
}
