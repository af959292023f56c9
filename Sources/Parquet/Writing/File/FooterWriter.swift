import Base

/// Renders the footer.
struct FooterWriter {
    let elements: [SchemaElement]
    let leaves: [SchemaLeaf]
    let options: WriterOptions

    func footer(_ groups: [WrittenRowGroup]) -> Bytes {
        var writer = CompactWriter()
        let rowCount = groups.reduce(0) { $0 + $1.rowCount }
        writer.structure { writer in
            writer.field(1, Int32(2))
            writer.list(2, of: .structure, elements) { writer, element in element.write(&writer) }
            writer.field(3, Int64(rowCount))
            writer.list(4, of: .structure, Array(groups.enumerated())) { writer, group in
                writer.structure { writer in rowGroup(&writer, group.element, ordinal: group.offset) }
            }
            if !options.keyValues.isEmpty {
                writer.list(5, of: .structure, options.keyValues) { writer, pair in
                    writer.structure { writer in
                        writer.field(1, pair.key)
                        if let value = pair.value { writer.field(2, value) }
                    }
                }
            }
            writer.field(6, options.createdBy)
            // Without an order readers must not trust the bounds (ColumnOrder: TypeDefinedOrder).
            writer.list(7, of: .structure, leaves) { writer, _ in
                writer.structure { writer in writer.structure(1) { _ in } }
            }
        }
        return writer.take()
    }

    private func rowGroup(_ writer: inout CompactWriter, _ group: WrittenRowGroup, ordinal: Int) {
        writer.list(1, of: .structure, group.chunks) { writer, chunk in
            writer.structure { writer in
                writer.field(2, Int64(0))
                writer.structure(3) { writer in metadata(&writer, chunk) }
                if let range = chunk.offsetIndexRange {
                    writer.field(4, range.lowerBound)
                    writer.field(5, Int32(truncatingIfNeeded: range.count))
                }
                if let range = chunk.columnIndexRange {
                    writer.field(6, range.lowerBound)
                    writer.field(7, Int32(truncatingIfNeeded: range.count))
                }
            }
        }
        writer.field(2, group.chunks.reduce(0) { $0 + $1.uncompressedSize })
        writer.field(3, Int64(group.rowCount))
        let sorting = options.sortingColumns.compactMap { column in leaves.firstIndex { $0.name == column.column }.map { (index: $0, column: column) } }
        if !sorting.isEmpty {
            writer.list(4, of: .structure, sorting) { writer, sorting in
                writer.structure { writer in
                    writer.field(1, Int32(truncatingIfNeeded: sorting.index))
                    writer.field(2, sorting.column.isDescending)
                    writer.field(3, sorting.column.nullsFirst)
                }
            }
        }
        if let first = group.chunks.first { writer.field(5, first.start) }
        writer.field(6, group.chunks.reduce(0) { $0 + $1.compressedSize })
        if let ordinal = Int16(exactly: ordinal) { writer.field(7, int16: ordinal) }
    }

    private func metadata(_ writer: inout CompactWriter, _ chunk: WrittenChunk) {
        writer.field(1, chunk.leaf.physicalType.rawValue)
        writer.list(2, of: .int32, chunk.encodings) { writer, encoding in writer.zigzag(Int64(encoding.rawValue)) }
        writer.list(3, of: .binary, chunk.leaf.path) { writer, name in writer.string(name) }
        writer.field(4, chunk.codec.rawValue)
        writer.field(5, chunk.entryCount)
        writer.field(6, chunk.uncompressedSize)
        writer.field(7, chunk.compressedSize)
        writer.field(9, chunk.dataPageOffset)
        if let offset = chunk.dictionaryPageOffset { writer.field(11, offset) }
        writer.structure(12) { writer in
            let bounds = chunk.bounds.encoded(chunk.leaf, limit: options.statisticsBytes)
            if let nulls = chunk.nullCount { writer.field(3, nulls) }
            if let bounds {
                writer.field(5, bounds.maximum.bytes)
                writer.field(6, bounds.minimum.bytes)
                writer.field(7, bounds.maximum.isExact)
                writer.field(8, bounds.minimum.isExact)
            }
        }
        if !chunk.pageCounts.isEmpty {
            writer.list(13, of: .structure, chunk.pageCounts) { writer, pages in
                writer.structure { writer in
                    writer.field(1, pages.kind)
                    writer.field(2, pages.encoding.rawValue)
                    writer.field(3, pages.count)
                }
            }
        }
        if let range = chunk.bloomFilter {
            writer.field(14, range.lowerBound)
            writer.field(15, Int32(truncatingIfNeeded: range.count))
        }
    }
}
