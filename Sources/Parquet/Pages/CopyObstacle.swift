import Base

/// Why copied pages would be worse than newly encoded ones.
public enum CopyObstacle: Sendable, Hashable {
    /// Each page costs readers a step of its own: a header, a decompression, a look into the index.
    case smallPages
    /// No bounds of one of the pages, or of floating-point numbers none that tell of NaN, and an encoding that would have to be decoded for them: readers
    /// could not leave out what they need not read.
    case noBounds
    /// A dictionary of which most values occur once: that of another row group will hardly have any of them, so that the pages would have to be spelled out.
    case sparseDictionary
    /// A page that begins within a row has no place in a page index.
    case splitRows
    /// Pages that cannot be read without the one before: DELTA_BYTE_ARRAY as parquet-mr wrote it before 1.8 (PARQUET-246).
    case dependentPages
}

extension ParquetFile {
    /// What the footer says against copying a column's pages; nil where nothing does. ``ColumnPages/copyObstacle`` has the last word.
    ///
    /// - Parameter column: the position in ``schema``. It and the row group must exist.
    public func copyObstacle(rowGroup: Int, column: Int) -> CopyObstacle? {
        let group = metadata.rowGroups[rowGroup]
        for place in nodes[column].leaves {
            let chunk = group.columns[place]
            if chunk.encodings.contains(.deltaByteArray), metadata.hasDependentPages { return .dependentPages }
            // Codes never take as much as the values that most of them stand for alone.
            if let dictionary = chunk.dictionaryPageOffset, chunk.dataPageOffset - dictionary > chunk.totalCompressedSize / 2 { return .sparseDictionary }
            if CopyObstacle.areSmall(pages: 1, rows: group.rowCount, bytes: chunk.totalUncompressedSize) { return .smallPages }
        }
        return nil
    }

    /// Whether the footer has bounds and a null count of one leaf of a row group, or says that all is null. Both must exist.
    public func hasStatistics(rowGroup: Int, leaf: Int) -> Bool {
        let chunk = metadata.rowGroups[rowGroup].columns[leaf]
        let leaf = metadata.schema.leaves[leaf]
        return (leaf.maximumDefinitionLevel == 0 || chunk.statistics?.nullCount != nil) && !chunk.bounds(leaf).isUnknown
    }
}

extension ColumnPages {
    /// What the pages say against copying them; nil where nothing does.
    public var copyObstacle: CopyObstacle? {
        let data = pages.filter { $0.kind != .dictionary }
        guard !data.isEmpty else { return nil }
        return structuralObstacle(data) ?? dictionaryObstacle(data)
            ?? (CopyObstacle.areSmall(pages: Int64(data.count), rows: rowCount, bytes: metadata.totalUncompressedSize) ? .smallPages : nil)
    }

    private func dictionaryObstacle(_ data: [RawPage]) -> CopyObstacle? {
        guard let entries = pages.first(where: { $0.kind == .dictionary })?.entryCount else { return nil }
        let references = data.reduce(0) { $0 + ($1.encoding.isDictionary ? $1.entryCount : 0) }
        let all = data.reduce(0) { $0 + $1.entryCount }
        // Where only the first pages have it, until it had grown too large, the rest is worth copying.
        return entries > references / 2 && references > all / 4 ? .sparseDictionary : nil
    }

    private func structuralObstacle(_ data: [RawPage]) -> CopyObstacle? {
        if data.count > 1, leaf.maximumRepetitionLevel > 0, offsetIndex?.pages.count != data.count, data.contains(where: { $0.kind == .data(.v1) }) {
            return .splitRows
        }
        // Values in these encodings can be looked at as they are.
        if data.allSatisfy({ $0.encoding == .plain || $0.encoding.isDictionary }) { return nil }
        if leaf.physicalType == .float || leaf.physicalType == .double, metadata.statistics?.nanCount != 0 { return .noBounds }
        if data.count == 1, !chunkBounds.isUnknown { return nil }
        guard let columnIndex, columnIndex.count == data.count else { return .noBounds }
        for page in 0..<data.count where !columnIndex.isNullPage[page] {
            if Bounds(leaf, minimum: columnIndex.minima[page], maximum: columnIndex.maxima[page], exactness: []).isUnknown { return .noBounds }
        }
        return nil
    }

    /// Whether a NaN is among the values, or may be: some encodings would have to be decoded to say.
    public func mayHaveNaN() throws(ParquetError) -> Bool {
        let decompressor = PageDecompressor()
        let data = pages.filter { $0.kind != .dictionary }.map { OpenedPage($0, of: self, decompressor) }
        return try facts(data, try dictionary(decompressor)).sawNaN
    }
}

extension CopyObstacle {
    /// Below both of these, on average. What parquet-mr writes, 20,000 rows a page, and what its rivals do, a megabyte, is well above.
    private static let rows: Int64 = 8192
    private static let bytes: Int64 = 256 << 10

    fileprivate static func areSmall(pages: Int64, rows: Int64, bytes: Int64) -> Bool { rows < self.rows * pages && bytes < self.bytes * pages }
}

extension FileMetadata {
    /// Whether a page in DELTA_BYTE_ARRAY may lean on the page before it (PARQUET-246).
    var hasDependentPages: Bool {
        guard let createdBy, createdBy.hasPrefix("parquet-mr") else { return false }
        let version = createdBy.split(separator: " ").dropFirst(2).first?.split(separator: ".").prefix(2).compactMap { Int($0) } ?? []
        return version.count < 2 || (version[0], version[1]) < (1, 8)
    }
}
