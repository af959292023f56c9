import Base

/// What a new file's indexes and statistics need to know of a chunk whose pages are copied.
struct CopiedChunkFacts {
    /// Of its data pages.
    let pages: [EncodedPage.Facts]
    let bounds: Bounds
    /// Whether there is a NaN, or may be one.
    let sawNaN: Bool
}

extension ColumnPages {
    /// From the page index, the headers or the statistics, and where these do not say from the pages' levels and values; these are never decoded for it.
    func facts(_ data: [OpenedPage], _ dictionary: DictionaryPage?) throws(ParquetError) -> CopiedChunkFacts {
        let columnIndex = columnIndex.flatMap { $0.count == data.count ? $0 : nil }
        // An index over other pages than these is stale.
        let offsetIndex = offsetIndex.flatMap { index in
            index.pages.count == data.count && zip(index.pages, data).allSatisfy { $0.offset == $1.raw.offset } ? index : nil
        }
        // No statistics tell whether a NaN is there, which is above every bound.
        let mayHaveNaN = (leaf.physicalType == .float || leaf.physicalType == .double) && metadata.statistics?.nanCount != 0
        var facts: [EncodedPage.Facts] = []
        var sawNaN = false
        var areScanned = true
        for (position, page) in data.enumerated() {
            do throws(Damage) {
                var one = try counts(page, position, columnIndex, offsetIndex, isOnly: data.count == 1)
                one.bounds = bounds(one, position, columnIndex, isOnly: data.count == 1)
                let scanned = mayHaveNaN || one.bounds.isUnknown ? try page.valueBounds(dictionary, valueCount: one.entryCount - one.nullCount) : nil
                if let scanned {
                    one.bounds = scanned.bounds
                    sawNaN = sawNaN || scanned.sawNaN
                } else {
                    areScanned = false
                    sawNaN = sawNaN || mayHaveNaN
                }
                facts.append(one)
            } catch {
                throw place.error(error, base: page.raw.offset)
            }
        }
        let rows = facts.reduce(0) { $0 + Int64($1.rowCount) }
        let entries = facts.reduce(0) { $0 + Int64($1.entryCount) }
        guard rows == rowCount, entries == metadata.valueCount else {
            throw place.error(Damage("its pages hold \(rows) of \(rowCount) rows, \(entries) of \(metadata.valueCount) values"))
        }
        let fromPages = facts.reduce(Bounds.none) { $0.union($1.bounds) }
        // The statistics say whether bounds are exact, page indexes do not.
        return CopiedChunkFacts(pages: facts, bounds: areScanned || chunkBounds.isUnknown ? fromPages : chunkBounds, sawNaN: sawNaN)
    }

    private func counts(
        _ page: OpenedPage, _ position: Int, _ columnIndex: ColumnIndex?, _ offsetIndex: OffsetIndex?, isOnly: Bool
    ) throws(Damage) -> EncodedPage.Facts {
        let raw = page.raw
        var facts = EncodedPage.Facts()
        facts.entryCount = raw.entryCount
        if case let .dataV2(_, _, rows, _, _, _, _) = raw.header.content {
            facts.rowCount = rows
        } else if leaf.maximumRepetitionLevel == 0 {
            facts.rowCount = raw.entryCount
        } else if let offsetIndex {
            let next = position + 1 < offsetIndex.pages.count ? offsetIndex.pages[position + 1].firstRow : rowCount
            facts.rowCount = Int(clamping: next - offsetIndex.pages[position].firstRow)
        } else {
            (facts.rowCount, facts.startsRow) = try page.body().rows()
        }
        if let nulls = knownNulls(raw, position, columnIndex, isOnly: isOnly) {
            facts.nullCount = nulls
        } else {
            facts.nullCount = try page.body().nullCount()
        }
        guard (0...raw.entryCount).contains(facts.nullCount), (0...raw.entryCount).contains(facts.rowCount) else {
            throw Damage("a page of \(raw.entryCount) entries with \(facts.nullCount) nulls in \(facts.rowCount) rows")
        }
        return facts
    }

    private func knownNulls(_ page: RawPage, _ position: Int, _ index: ColumnIndex?, isOnly: Bool) -> Int? {
        if leaf.maximumDefinitionLevel == 0 { return 0 }
        if case let .dataV2(_, nulls, _, _, _, _, _) = page.header.content { return nulls }
        if let count = index?.nullCounts?[position] { return Int(clamping: count) }
        if let index, index.isNullPage[position] { return page.entryCount }
        guard let count = metadata.statistics?.nullCount else { return nil }
        return count == 0 || isOnly ? Int(clamping: count) : nil
    }

    private func bounds(_ facts: EncodedPage.Facts, _ position: Int, _ index: ColumnIndex?, isOnly: Bool) -> Bounds {
        if facts.nullCount == facts.entryCount { return .none }
        if isOnly, !chunkBounds.isUnknown { return chunkBounds }
        guard let index, !index.isNullPage[position] else { return .unknown }
        return Bounds(leaf, minimum: index.minima[position], maximum: index.maxima[position], exactness: [])
    }

    /// The bounds of the whole chunk.
    var chunkBounds: Bounds { metadata.bounds(leaf) }
}

extension ColumnChunkMetadata {
    /// The chunk's bounds as its statistics have them.
    func bounds(_ leaf: SchemaLeaf) -> Bounds {
        if statistics?.nullCount == valueCount { return .none }
        guard let statistics, let minimum = statistics.minimum, let maximum = statistics.maximum else { return .unknown }
        // The deprecated fields were compared as signed bytes.
        if statistics.isDeprecated, leaf.physicalType == .byteArray || leaf.physicalType == .fixedLengthByteArray { return .unknown }
        var exactness: Bounds.Exactness = []
        if statistics.isMinimumExact == true { exactness.insert(.minimum) }
        if statistics.isMaximumExact == true { exactness.insert(.maximum) }
        return Bounds(leaf, minimum: minimum, maximum: maximum, exactness: exactness)
    }
}

extension Bounds {
    /// Bounds in PLAIN encoding, as a file has them; ``unknown`` for those that no reader should trust.
    init(_ leaf: SchemaLeaf, minimum: Bytes, maximum: Bytes, exactness: Exactness) {
        self = .unknown
        if case .integer(_, false) = leaf.logicalType { return }
        switch leaf.physicalType {
        case .boolean:
            if let low = Self.load(minimum, UInt8.self), let high = Self.load(maximum, UInt8.self), low <= high, high <= 1 {
                self = .integers(Int64(low), Int64(high))
            }
        case .int32:
            if let low = Self.load(minimum, Int32.self), let high = Self.load(maximum, Int32.self), low <= high { self = .integers(Int64(low), Int64(high)) }
        case .int64:
            if let low = Self.load(minimum, Int64.self), let high = Self.load(maximum, Int64.self), low <= high { self = .integers(low, high) }
        case .float:
            if let low = Self.load(minimum, Float.self), let high = Self.load(maximum, Float.self) { self = Self.ordered(Double(low), Double(high)) }
        case .double:
            if let low = Self.load(minimum, Double.self), let high = Self.load(maximum, Double.self) { self = Self.ordered(low, high) }
        case .fixedLengthByteArray:
            guard case .decimal = leaf.logicalType, (1...16).contains(leaf.typeLength), minimum.count == leaf.typeLength, maximum.count == leaf.typeLength
            else { return }
            let (low, high) = (Self.wide(minimum), Self.wide(maximum))
            if low <= high { self = .wide(low, high) }
        case .byteArray:
            if case .decimal = leaf.logicalType { return }
            if !Self.precedes(maximum, minimum) { self = .bytes(minimum, maximum, exactness) }
        case .int96: break
        }
    }

    private static func load<Value: BitwiseCopyable>(_ bytes: Bytes, _ type: Value.Type) -> Value? {
        guard bytes.count == MemoryLayout<Value>.size else { return nil }
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
    }

    /// Some writers' bounds are NaN, which bounds nothing, or a zero of the wrong sign.
    private static func ordered(_ low: Double, _ high: Double) -> Bounds {
        low <= high ? .floats(low == 0 ? -0.0 : low, high == 0 ? 0.0 : high) : .unknown
    }

    private static func wide(_ bytes: Bytes) -> Int128 {
        bytes.withUnsafeBytes { raw in
            raw.reduce(Int8(bitPattern: raw.first ?? 0) < 0 ? Int128(-1) : 0) { $0 << 8 | Int128($1) }
        }
    }
}
