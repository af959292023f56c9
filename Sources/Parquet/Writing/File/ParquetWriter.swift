import Base
import Columnar
import ObjectStore

/// Writes one Parquet file to a store, row group by row group.
///
/// Two ways in, which may be mixed: ``write(_:)`` takes batches and forms row groups by the options' sizes; ``makeEncoders()`` with
/// ``appendRowGroup(_:rowCount:)`` leaves the encoding to the caller's threads, a column each. Used by one task at a time. Nothing can be seen in
/// the store before ``finish()``; ``abort()`` removes what was written.
public final class ParquetWriter {
    public let schema: Schema
    public let options: WriterOptions

    let layout: WriteLayout
    let output: CoalescingWriter
    private var groups: [WrittenRowGroup] = []
    private var encoders: [ColumnChunkEncoder] = []
    private var openRows = 0

    private static let magic = Bytes([0x50, 0x41, 0x52, 0x31])

    /// Throws ``ParquetError/cannotWrite(column:reason:)`` for a schema that Parquet cannot hold, and for options that name columns it does not have.
    public init(writer: any ObjectWriter, schema: Schema, options: WriterOptions = WriterOptions()) throws(ParquetError) {
        layout = try WriteLayout(schema)
        let names = Set(layout.tree.leaves.map(\.name))
        for column in options.sortingColumns.map(\.column) + options.bloomFilters.keys.sorted() where !names.contains(column) {
            throw .cannotWrite(column: column, reason: "the schema has no such leaf to sort by or to make a bloom filter of")
        }
        for leaf in layout.tree.leaves where leaf.physicalType == .boolean && options.bloomFilters[leaf.name] != nil {
            throw .cannotWrite(column: leaf.name, reason: "a bloom filter of booleans would tell nothing; leave it out")
        }
        self.schema = schema
        self.options = options
        output = CoalescingWriter(writer)
        output.append(Self.magic)
    }

    /// The bytes of the file so far.
    public var sizeInBytes: Int64 { output.position }

    // MARK: Batches

    /// Appends rows; full row groups go out to the store.
    public func write(_ batch: ColumnBatch) async throws {
        guard batch.columns.count == layout.nodes.count else {
            throw ParquetError.cannotWrite(column: "*", reason: "a batch of \(batch.columns.count) columns for a file of \(layout.nodes.count)")
        }
        var start = 0
        while start < batch.rowCount {
            if encoders.isEmpty { encoders = makeEncoders() }
            let rows = min(batch.rowCount - start, max(1, options.rowGroupRows - openRows))
            let range = start..<(start + rows)
            _ = try await forEachEncoder { [columns = batch.columns] index, encoder in try encoder.append(columns[index].slice(range)) }
            openRows += rows
            start += rows
            let size = encoders.reduce(0) { $0 + $1.sizeInBytes }
            if openRows >= options.rowGroupRows || size >= options.rowGroupBytes { try await endRowGroup() }
        }
        // A file without columns still has rows.
        if layout.nodes.isEmpty { openRows += batch.rowCount - start }
    }

    /// Ends the row group that ``write(_:)`` is filling, if it has rows.
    public func endRowGroup() async throws {
        guard openRows > 0 else { return }
        let chunks = try await forEachEncoder { _, encoder in try encoder.finish() }
        let rows = openRows
        encoders = []
        openRows = 0
        try await appendRowGroup(chunks, rowCount: rows)
    }

    private func forEachEncoder<Result: Sendable>(_ body: @escaping @Sendable (Int, ColumnChunkEncoder) throws -> Result) async throws -> [Result] {
        let work = Array(encoders.enumerated())
        guard options.concurrency > 1, work.count > 1 else { return try work.map { try body($0.offset, $0.element) } }
        return try await concurrentMap(work, limit: options.concurrency) { try body($0.offset, $0.element) }
    }

    // MARK: Row groups

    /// One encoder per column of the schema, for a row group of this file.
    public func makeEncoders() -> [ColumnChunkEncoder] {
        layout.nodes.map { ColumnChunkEncoder(node: $0, leaves: layout.tree.leaves, options: options) }
    }

    /// Writes a whole row group: one chunk per column of the schema, in its order.
    public func appendRowGroup(_ chunks: [EncodedColumnChunk], rowCount: Int) async throws {
        try await endRowGroup()
        guard chunks.count == layout.nodes.count else {
            throw ParquetError.cannotWrite(column: "*", reason: "a row group of \(chunks.count) columns for a file of \(layout.nodes.count)")
        }
        let group = beginRowGroup(rowCount: rowCount)
        for chunk in chunks { try await group.append(chunk) }
        try await group.finish()
    }

    /// Starts a row group whose columns come one after the other, each written as soon as it is there, so that only those that are being encoded
    /// take memory. The row group must be finished before anything else is written.
    public func beginRowGroup(rowCount: Int) -> RowGroupWriter { RowGroupWriter(file: self, rowCount: rowCount) }

    /// The columns of a row group that is being written.
    public final class RowGroupWriter {
        private let file: ParquetWriter
        private let rowCount: Int
        private var chunks: [WrittenChunk] = []
        private var bloomFilters: [Bytes?] = []
        private var columns = 0

        fileprivate init(file: ParquetWriter, rowCount: Int) {
            self.file = file
            self.rowCount = rowCount
        }

        /// Writes the next column of the schema.
        public func append(_ chunk: EncodedColumnChunk) async throws {
            guard columns < file.layout.nodes.count else { throw ParquetError.cannotWrite(column: chunk.field.name, reason: "the file has no such column") }
            let node = file.layout.nodes[columns]
            guard chunk.field == node.field else {
                throw ParquetError.cannotWrite(column: chunk.field.name, reason: "the file has the column \(node.field.name) of type \(node.field.type) there")
            }
            guard chunk.rowCount == rowCount else {
                throw ParquetError.cannotWrite(column: chunk.field.name, reason: "\(chunk.rowCount) rows in a row group of \(rowCount)")
            }
            columns += 1
            for (leaf, place) in zip(chunk.leaves, node.leaves) {
                chunks.append(try await file.append(leaf, file.layout.tree.leaves[place]))
                bloomFilters.append(leaf.bloomFilter)
            }
        }

        /// Ends the row group, which must have all columns.
        public func finish() async throws {
            guard columns == file.layout.nodes.count else {
                throw ParquetError.cannotWrite(column: file.layout.nodes[columns].field.name, reason: "it is missing in the row group")
            }
            guard rowCount > 0 else { return }
            for (index, filter) in bloomFilters.enumerated() {
                guard let filter else { continue }
                let start = file.output.position
                try await file.output.write(filter)
                chunks[index].bloomFilter = start..<file.output.position
            }
            file.groups.append(WrittenRowGroup(rowCount: rowCount, chunks: chunks))
        }
    }

    private func append(_ encoded: EncodedLeaf, _ leaf: SchemaLeaf) async throws -> WrittenChunk {
        let start = output.position
        if let page = encoded.dictionaryPage { try await output.write(page.bytes) }
        let dataStart = output.position
        var pages: [PageIndexWriter.Page] = []
        for page in encoded.pages {
            pages.append((page.facts, output.position, page.bytes.count))
            try await output.write(page.bytes)
        }
        var chunk = WrittenChunk(
            leaf: leaf, type: encoded.type, codec: encoded.codec, encodings: encoded.encodings, pageCounts: encoded.pageCounts,
            entryCount: Int64(encoded.entryCount), nullCount: Int64(encoded.nullCount), sawNaN: encoded.sawNaN, bounds: encoded.bounds,
            compressedSize: output.position - start, uncompressedSize: Int64(encoded.uncompressedSize), start: start,
            dictionaryPageOffset: encoded.dictionaryPage == nil ? nil : start, dataPageOffset: dataStart)
        if options.writesPageIndex {
            let index = PageIndexWriter(leaf: leaf, type: encoded.type, limit: options.statisticsBytes)
            chunk.columnIndex = index.columnIndex(pages)
            chunk.offsetIndex = index.offsetIndex(pages)
        }
        return chunk
    }

    /// Takes a row group whose bytes are in the file.
    func append(_ group: WrittenRowGroup) { groups.append(group) }

    // MARK: End

    /// Writes indexes and footer and makes the file visible.
    public func finish() async throws -> WrittenFile {
        try await endRowGroup()
        try await writeIndexes()
        let footer = FooterWriter(elements: layout.elements, leaves: layout.tree.leaves, options: options).footer(groups)
        guard let length = UInt32(exactly: footer.count) else {
            throw ParquetError.cannotWrite(column: "*", reason: "the footer would take \(footer.count) bytes; use larger row groups")
        }
        try await output.write(footer)
        try await output.write(Bytes((0..<4).map { UInt8(truncatingIfNeeded: length >> UInt32($0 * 8)) }))
        try await output.write(Self.magic)
        try await output.finish()
        return WrittenFile(sizeInBytes: output.position, groups: groups, leaves: layout.tree.leaves)
    }

    /// All column indexes, then all offset indexes, as PageIndex.md places them.
    private func writeIndexes() async throws {
        try await writeIndexes(\.columnIndex, \.columnIndexRange)
        try await writeIndexes(\.offsetIndex, \.offsetIndexRange)
    }

    private func writeIndexes(_ index: KeyPath<WrittenChunk, Bytes>, _ range: WritableKeyPath<WrittenChunk, Range<Int64>?>) async throws {
        for group in groups.indices {
            for chunk in groups[group].chunks.indices {
                let bytes = groups[group].chunks[chunk][keyPath: index]
                guard !bytes.isEmpty else { continue }
                let start = output.position
                try await output.write(bytes)
                groups[group].chunks[chunk][keyPath: range] = start..<output.position
            }
        }
    }

    /// Gives up: removes what was written.
    public func abort() async { await output.abort() }
}
