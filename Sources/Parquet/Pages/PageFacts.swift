import Base

extension ColumnPages {
    /// What the indexes of a new file need to know of each data page: from the page index, the header or the statistics, and where these do not say
    /// from the page's levels, never from its values.
    func facts(_ decompressor: PageDecompressor) throws(ParquetError) -> [EncodedPage.Facts] {
        let data = pages.filter { $0.kind != .dictionary }
        let columnIndex = columnIndex.flatMap { $0.count == data.count ? $0 : nil }
        // An index over other pages than these is stale.
        let offsetIndex = offsetIndex.flatMap { index in
            index.pages.count == data.count && zip(index.pages, data).allSatisfy { $0.offset == $1.offset } ? index : nil
        }
        var facts: [EncodedPage.Facts] = []
        for (position, page) in data.enumerated() {
            do throws(Damage) {
                var one = EncodedPage.Facts()
                one.entryCount = page.entryCount
                var body: PageBody?
                func opened() throws(Damage) -> PageBody {
                    if let body { return body }
                    let opened = try PageBody(page, leaf, codec: metadata.codec, decompressor)
                    body = opened
                    return opened
                }
                if case let .dataV2(_, _, rows, _, _, _, _) = page.header.content {
                    one.rowCount = rows
                } else if leaf.maximumRepetitionLevel == 0 {
                    one.rowCount = page.entryCount
                } else if let offsetIndex {
                    let next = position + 1 < data.count ? offsetIndex.pages[position + 1].firstRow : rowCount
                    one.rowCount = Int(clamping: next - offsetIndex.pages[position].firstRow)
                } else {
                    (one.rowCount, one.startsRow) = try opened().rows()
                }
                if let nulls = knownNulls(page, position, columnIndex, isOnly: data.count == 1) {
                    one.nullCount = nulls
                } else {
                    one.nullCount = try opened().nullCount()
                }
                guard (0...page.entryCount).contains(one.nullCount), (0...page.entryCount).contains(one.rowCount) else {
                    throw Damage("a page of \(page.entryCount) entries with \(one.nullCount) nulls in \(one.rowCount) rows")
                }
                one.bounds = bounds(one, position, columnIndex, isOnly: data.count == 1)
                facts.append(one)
            } catch {
                throw place.error(error, base: page.offset)
            }
        }
        let rows = facts.reduce(0) { $0 + Int64($1.rowCount) }
        let entries = facts.reduce(0) { $0 + Int64($1.entryCount) }
        guard rows == rowCount, entries == metadata.valueCount else {
            throw place.error(Damage("its pages hold \(rows) of \(rowCount) rows, \(entries) of \(metadata.valueCount) values"))
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
