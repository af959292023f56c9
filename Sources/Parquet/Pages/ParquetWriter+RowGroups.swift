import Base
import Columnar
import ObjectStore

extension ParquetWriter {
    /// Whether ``appendRowGroup(copying:rowGroup:)`` can take the file's row groups: it has the same columns in the same order, of the same types and
    /// nullable where these are. Names are taken from this file's schema.
    public func canCopyRowGroups(of file: ParquetFile) -> Bool {
        file.nodes.count == layout.nodes.count && file.metadata.schema.leaves.count == layout.tree.leaves.count
            && zip(file.nodes, layout.nodes).allSatisfy { $0.hasSameLayout(as: $1) }
    }

    /// Appends a row group as it is in another file: its bytes, with the offsets of pages, page indexes and bloom filters made right.
    ///
    /// Memory is one piece of the data, a few megabytes, and the indexes.
    ///
    /// - Parameter leavesWithoutNaN: the floating-point leaves that are known to have none, as positions in the schema; a file's statistics do not say.
    public func appendRowGroup(copying file: ParquetFile, rowGroup: Int, leavesWithoutNaN: Set<Int> = []) async throws {
        guard canCopyRowGroups(of: file) else {
            throw ParquetError.cannotWrite(column: "*", reason: "\(file.path) has other columns, or of other types")
        }
        guard file.metadata.rowGroups.indices.contains(rowGroup) else {
            throw ParquetError.noSuchColumn(file: file.path.string, column: "of row group \(rowGroup)")
        }
        let group = file.metadata.rowGroups[rowGroup]
        guard let rowCount = Int(exactly: group.rowCount) else {
            throw ParquetError.cannotWrite(column: "*", reason: "\(file.path) has \(group.rowCount) rows in row group \(rowGroup)")
        }
        try await endRowGroup()
        var chunks: [WrittenChunk] = []
        let types = layout.nodes.flatMap(\.leafTypes)
        let starts = try await copyChunks(group.columns.map(\.byteRange), of: file)
        for (index, chunk) in group.columns.enumerated() {
            chunks.append(written(chunk, layout.tree.leaves[index], types[index], start: starts[index], isWithoutNaN: leavesWithoutNaN.contains(index)))
        }
        for (index, chunk) in group.columns.enumerated() { try await copyIndexes(chunk, of: file, rowCount: group.rowCount, to: &chunks[index]) }
        guard rowCount > 0 else { return }
        append(WrittenRowGroup(rowCount: rowCount, chunks: chunks))
    }

    /// Appends the chunks; returns where each begins now. Those that lie behind one another in the file are copied together.
    private func copyChunks(_ ranges: [Range<Int64>], of file: ParquetFile) async throws -> [Int64] {
        var starts: [Int64] = []
        var run: Range<Int64>?
        var position = output.position
        for range in ranges {
            starts.append(position)
            position += Int64(range.count)
            if let current = run, current.upperBound == range.lowerBound {
                run = current.lowerBound..<range.upperBound
            } else {
                if let run { try await copy(run, of: file) }
                run = range
            }
        }
        if let run { try await copy(run, of: file) }
        return starts
    }

    /// By the store where it can. Else pieces are fetched while the one before is written.
    private func copy(_ range: Range<Int64>, of file: ParquetFile) async throws {
        if range.isEmpty { return }
        if try await output.copy(range, of: file.path, in: file.store) { return }
        var pieces = stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceBytes)
            .map { $0..<min($0 + Int64(Self.pieceBytes), range.upperBound) }[...]
        guard let first = pieces.popFirst() else { return }
        var pending = try await file.bytes(first)
        while let next = pieces.popFirst() {
            async let following = file.bytes(next)
            try await output.write(pending)
            pending = try await following
        }
        try await output.write(pending)
    }

    private static let pieceBytes = 4 << 20

    private func written(_ chunk: ColumnChunkMetadata, _ leaf: SchemaLeaf, _ type: DataType, start: Int64, isWithoutNaN: Bool) -> WrittenChunk {
        let shift = start - chunk.byteRange.lowerBound
        let isFloat = leaf.physicalType == .float || leaf.physicalType == .double
        let bounds = chunk.bounds(leaf)
        var hasValues = true
        if case .none = bounds { hasValues = false }
        return WrittenChunk(
            leaf: leaf, type: type, codec: chunk.codec, encodings: chunk.encodings, pageCounts: chunk.pageCounts, entryCount: chunk.valueCount,
            nullCount: leaf.maximumDefinitionLevel == 0 ? 0 : chunk.statistics?.nullCount, sawNaN: isFloat && hasValues && !isWithoutNaN, bounds: bounds,
            compressedSize: chunk.totalCompressedSize, uncompressedSize: chunk.totalUncompressedSize, start: start,
            dictionaryPageOffset: chunk.dictionaryPageOffset.map { $0 + shift }, dataPageOffset: chunk.dataPageOffset + shift)
    }

    private func copyIndexes(_ source: ColumnChunkMetadata, of file: ParquetFile, rowCount: Int64, to chunk: inout WrittenChunk) async throws {
        if let filter = try await file.bloomFilterBytes(source) {
            let start = output.position
            try await output.write(filter)
            chunk.bloomFilter = start..<output.position
        }
        guard options.writesPageIndex, let offsets = source.offsetIndex, let index = OffsetIndex(lenient: try await file.bytes(offsets)) else { return }
        // An index that points elsewhere than into its chunk is left behind.
        let range = source.byteRange
        guard index.pages.allSatisfy({ range.contains($0.offset) && Int64($0.length) <= range.upperBound - $0.offset && $0.firstRow < rowCount }) else {
            return
        }
        let shift = chunk.start - range.lowerBound
        chunk.offsetIndex = OffsetIndex(pages: index.pages.map { .init(offset: $0.offset + shift, length: $0.length, firstRow: $0.firstRow) }).write()
        guard let columns = source.columnIndex else { return }
        let bytes = try await file.bytes(columns)
        if ColumnIndex(lenient: bytes)?.count == index.pages.count { chunk.columnIndex = bytes }
    }
}

extension ParquetFile {
    fileprivate func bytes(_ range: Range<Int64>) async throws -> Bytes {
        guard !range.isEmpty else { return .empty }
        let bytes = try await store.get(path, range: range)
        guard bytes.count == range.count else {
            throw ParquetError.damaged(
                file: path.string, place: "a row group", offset: range.lowerBound, reason: "the store returned \(bytes.count) of \(range.count) bytes")
        }
        return bytes
    }

    /// A chunk's bloom filter with its header; nil where there is none, or none that makes sense.
    fileprivate func bloomFilterBytes(_ chunk: ColumnChunkMetadata) async throws -> Bytes? {
        // Any header is shorter than this, and a footer follows that is not.
        let headerRoom: Int64 = 64
        guard let offset = chunk.bloomFilterOffset, offset >= 4, offset <= sizeInBytes - headerRoom else { return nil }
        let head = try await bytes(offset..<(offset + headerRoom))
        guard let (headerLength, byteCount) = BloomFilterHeader.read(head), byteCount <= 128 << 20 else { return nil }
        let end = offset + Int64(headerLength + byteCount)
        guard end <= sizeInBytes else { return nil }
        return try await bytes(offset..<end)
    }
}

/// The header before a bloom filter's bits.
enum BloomFilterHeader {
    /// The bytes of the header and of the bits behind it; nil for what is no header.
    static func read(_ bytes: Bytes) -> (length: Int, byteCount: Int)? {
        var byteCount: Int32 = 0
        do throws(Damage) {
            let length = try bytes.withUnsafeBytes { (raw) throws(Damage) in
                var reader = CompactReader(raw)
                try reader.structure { (reader, id, kind) throws(Damage) in
                    guard id == 1, kind == .int32 else { return false }
                    byteCount = try reader.int32()
                    return true
                }
                return reader.position
            }
            return byteCount > 0 ? (length, Int(byteCount)) : nil
        } catch {
            return nil
        }
    }
}
