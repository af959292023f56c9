import Base
import Columnar
import ObjectStore

extension ParquetFile {
    /// Fetches the pages of one top-level column of one row group, one result per leaf, with what the page index says of them.
    ///
    /// - Parameter column: the position in ``schema``.
    public func columnPages(rowGroup: Int, column: Int, limits: ReadLimits = ReadLimits()) async throws -> [ColumnPages] {
        guard metadata.rowGroups.indices.contains(rowGroup) else {
            throw ParquetError.noSuchColumn(file: path.string, column: "of row group \(rowGroup)")
        }
        guard nodes.indices.contains(column) else { throw ParquetError.noSuchColumn(file: path.string, column: "number \(column)") }
        let node = nodes[column]
        let group = metadata.rowGroups[rowGroup]
        let chunks = node.leaves.map { group.columns[$0] }
        // The indexes lie together behind the data, and so come with one request for all of them.
        let ranges = chunks.map(\.byteRange) + chunks.flatMap { [$0.columnIndex, $0.offsetIndex].compactMap { $0 } }
        var fetched = try await store.get(path, ranges: ranges.filter { !$0.isEmpty }).makeIterator()
        let parts = ranges.map { $0.isEmpty ? Bytes.empty : fetched.next() ?? .empty }
        for (range, part) in zip(ranges, parts) where part.count != range.count {
            throw ParquetError.damaged(
                file: path.string, place: "row group \(rowGroup)", offset: range.lowerBound, reason: "the store returned \(part.count) of \(range.count) bytes")
        }
        var indexes = parts.dropFirst(chunks.count).makeIterator()
        let types = node.leafTypes
        var result: [ColumnPages] = []
        for (position, chunk) in chunks.enumerated() {
            let leaf = metadata.schema.leaves[node.leaves.lowerBound + position]
            let place = ChunkPlace(file: path.string, rowGroup: rowGroup, column: leaf.name)
            let columnIndex = chunk.columnIndex.flatMap { _ in indexes.next() }
            let offsetIndex = chunk.offsetIndex.flatMap { _ in indexes.next() }
            let pages = try RawPage.pages(of: parts[position], at: chunk.byteRange.lowerBound, place, limits)
            result.append(
                ColumnPages(
                    leaf: leaf, metadata: chunk, rowCount: group.rowCount, pages: pages, type: types[position],
                    // An index that cannot be read counts as absent: it only ever saves work.
                    columnIndex: columnIndex.flatMap { ColumnIndex(lenient: $0) }, offsetIndex: offsetIndex.flatMap { OffsetIndex(lenient: $0) },
                    place: place, limits: limits))
        }
        return result
    }
}

extension RawPage {
    /// The pages in a chunk's bytes.
    static func pages(of chunk: Bytes, at start: Int64, _ place: ChunkPlace, _ limits: ReadLimits) throws(ParquetError) -> [RawPage] {
        var pages: [RawPage] = []
        var position = 0
        while position < chunk.count {
            do throws(Damage) {
                let rest = chunk.dropFirst(position)
                let (header, length) = try rest.withUnsafeBytes { (input) throws(Damage) in try PageHeader.read(input) }
                let (end, overflow) = length.addingReportingOverflow(header.compressedSize)
                guard !overflow, end <= rest.count else {
                    throw Damage("a page of \(header.compressedSize) bytes where the chunk has \(rest.count - length) left")
                }
                guard header.uncompressedSize <= limits.pageBytes else { throw Damage.tooLarge(header.uncompressedSize, limit: limits.pageBytes) }
                // Levels and codes may say in a few bytes that there are billions of values.
                guard header.entryCount <= limits.pageBytes else { throw Damage.tooLarge(header.entryCount, limit: limits.pageBytes) }
                if let page = RawPage(header, rest.prefix(end), headerLength: length, offset: start + Int64(position)) { pages.append(page) }
                position += end
            } catch {
                throw place.error(error, base: start + Int64(position))
            }
        }
        return pages
    }

    /// Nil for index pages and those of unknown kinds, which readers skip.
    private init?(_ header: PageHeader, _ bytes: Bytes, headerLength: Int, offset: Int64) {
        switch header.content {
        case let .dictionary(count, encoding): (kind, entryCount, self.encoding) = (.dictionary, count, encoding)
        case let .data(count, encoding, _, _): (kind, entryCount, self.encoding) = (.data(.v1), count, encoding)
        case let .dataV2(count, _, _, encoding, _, _, _): (kind, entryCount, self.encoding) = (.data(.v2), count, encoding)
        case .other: return nil
        }
        self.header = header
        self.bytes = bytes
        self.headerLength = headerLength
        uncompressedSize = header.uncompressedSize
        checksum = header.checksum
        self.offset = offset
    }
}

extension PageHeader {
    fileprivate var entryCount: Int {
        switch content {
        case let .data(count, _, _, _), let .dictionary(count, _): count
        case let .dataV2(count, _, _, _, _, _, _): count
        case .other: 0
        }
    }
}

extension LogicalNode {
    /// The types of the leaves below, in their order.
    var leafTypes: [DataType] {
        switch shape {
        case .leaf: [field.type]
        case let .structure(fields): fields.flatMap(\.leafTypes)
        case let .list(element): element.leafTypes
        case let .map(key, value): key.leafTypes + value.leafTypes
        }
    }

    /// Whether the two nodes' pages mean the same: types, and the levels at which each part is null, empty or there. Names do not matter.
    func hasSameLayout(as other: LogicalNode) -> Bool {
        guard definitionLevel == other.definitionLevel, repetitionLevel == other.repetitionLevel,
            elementDefinitionLevel == other.elementDefinitionLevel, field.nullable == other.field.nullable
        else { return false }
        switch (shape, other.shape) {
        case let (.leaf(leaf, conversion), .leaf(otherLeaf, otherConversion)):
            return leaf.physicalType == otherLeaf.physicalType && leaf.typeLength == otherLeaf.typeLength && conversion == otherConversion
                && field.type == other.field.type && leaf.maximumDefinitionLevel == otherLeaf.maximumDefinitionLevel
        case let (.structure(fields), .structure(others)):
            return fields.count == others.count && zip(fields, others).allSatisfy { $0.hasSameLayout(as: $1) }
        case let (.list(element), .list(other)): return element.hasSameLayout(as: other)
        case let (.map(key, value), .map(otherKey, otherValue)): return key.hasSameLayout(as: otherKey) && value.hasSameLayout(as: otherValue)
        default: return false
        }
    }
}
