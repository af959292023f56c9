import Base
import Columnar
import ObjectStore

/// A Parquet file that is open for reading: its footer in memory, its data still in the store.
///
/// May be used from several tasks at once.
public final class ParquetFile: Sendable {
    public let path: ObjectPath
    public let sizeInBytes: Int64
    public let metadata: FileMetadata
    /// The columns as their readers see them; types that the columns cannot have were refused on opening.
    public let schema: Schema
    public var limits: ReadLimits { options.limits }

    let store: any ObjectStore
    let nodes: [LogicalNode]
    let options: ReadOptions

    /// What is fetched first, in the hope that the footer is in it.
    private static let tailBytes: Int64 = 64 << 10
    private static let magic: [UInt8] = [0x50, 0x41, 0x52, 0x31]
    private static let encryptedMagic: [UInt8] = [0x50, 0x41, 0x52, 0x45]

    private init(
        store: any ObjectStore, path: ObjectPath, sizeInBytes: Int64, metadata: FileMetadata, nodes: [LogicalNode], options: ReadOptions
    ) {
        self.store = store
        self.path = path
        self.sizeInBytes = sizeInBytes
        self.metadata = metadata
        self.nodes = nodes
        self.options = options
        schema = Schema(nodes.map(\.field))
    }

    /// Reads and checks the footer: one request, two where it is large.
    ///
    /// - Parameters:
    ///   - sizeInBytes: the file's size where the caller knows it (the Delta log does); saves a request.
    ///   - columns: the top-level columns that will be read, nil for all. Columns left out may be of types that are not supported.
    ///   - verifyingChecksums: whether pages that have a CRC are checked against it; those without one are read all the same.
    /// - Throws: ``ParquetError`` for a file that is none or is damaged, ``ObjectStoreError`` from the store.
    public static func open(
        _ store: any ObjectStore, _ path: ObjectPath, sizeInBytes: Int64? = nil, columns: Set<String>? = nil, limits: ReadLimits = ReadLimits(),
        verifyingChecksums: Bool = false
    ) async throws -> ParquetFile {
        let options = ReadOptions(limits: limits, verifiesChecksums: verifyingChecksums)
        let file = path.string
        let size: Int64
        if let sizeInBytes { size = sizeInBytes } else { size = try await store.head(path).sizeInBytes }
        guard size >= 12 else { throw ParquetError.notParquet(file: file, reason: "it has only \(size) bytes") }
        let tail = try await store.get(path, range: max(0, size - tailBytes)..<size)
        let footerLength = try footerLength(tail, file: file, size: size, limits: limits)
        let footer: Bytes
        if footerLength + 8 <= tail.count {
            footer = tail.slice((tail.count - 8 - footerLength)..<(tail.count - 8)) ?? .empty
        } else {
            footer = try await store.get(path, range: (size - 8 - Int64(footerLength))..<(size - 8))
        }
        do throws(Damage) {
            let metadata = try footer.withUnsafeBytes { (raw) throws(Damage) in try FileMetadata(footer: raw, fileSize: size) }
            var nodes: [LogicalNode] = []
            for root in metadata.schema.roots where columns?.contains(root.name) ?? true { nodes.append(try LogicalSchemaBuilder.node(root)) }
            return ParquetFile(store: store, path: path, sizeInBytes: size, metadata: metadata, nodes: nodes, options: options)
        } catch {
            throw error.error(file: file, place: "footer", base: size - 8 - Int64(footerLength))
        }
    }

    private static func footerLength(_ tail: Bytes, file: String, size: Int64, limits: ReadLimits) throws(ParquetError) -> Int {
        guard tail.count >= 8 else { throw .notParquet(file: file, reason: "it is shorter than its \(size) bytes") }
        let end = tail.dropFirst(tail.count - 8).array
        if end[4...].elementsEqual(encryptedMagic) { throw .encrypted(file: file) }
        guard end[4...].elementsEqual(magic) else { throw .notParquet(file: file, reason: "it does not end with PAR1; it may have been cut short") }
        let length = end[..<4].reversed().reduce(0) { $0 << 8 | Int64($1) }
        guard length > 0, length <= size - 12 else {
            throw .damaged(file: file, place: "footer", offset: size - 8, reason: "a footer of \(length) bytes in a file of \(size)")
        }
        guard length <= limits.footerBytes else { throw .tooLarge(file: file, place: "footer", bytes: length, limit: Int64(limits.footerBytes)) }
        return Int(length)
    }

    // MARK: Columns

    /// The bytes that one column (a position in ``schema``) of one row group takes in the file. Both must exist.
    public func compressedSize(rowGroup: Int, column: Int) -> Int64 {
        nodes[column].leaves.reduce(0) { $0 &+ metadata.rowGroups[rowGroup].columns[$1].totalCompressedSize }
    }

    /// What each leaf of one column of one row group is compressed with. Both must exist.
    public func codecs(rowGroup: Int, column: Int) -> [CompressionCodec] {
        nodes[column].leaves.map { metadata.rowGroups[rowGroup].columns[$0].codec }
    }

    /// Fetches one column of one row group, whole, for decoding piece by piece.
    ///
    /// - Parameters:
    ///   - column: the position in ``schema``.
    ///   - selection: the rows wanted; nil for all. With a page index, pages without one of them are not fetched.
    ///   - keepingDictionary: whether flat columns may come as dictionary codes, which is cheaper for who writes them on.
    public func columnReader(
        rowGroup: Int, column: Int, selection: RowSelection? = nil, keepingDictionary: Bool = false
    ) async throws -> ColumnChunkReader {
        try await columnReaders(rowGroup: rowGroup, columns: [column], selection: selection, keepingDictionary: keepingDictionary)[0]
    }

    /// As ``columnReader(rowGroup:column:selection:keepingDictionary:)`` for several columns, fetched together: chunks and pages that lie near each
    /// other by one request.
    public func columnReaders(
        rowGroup: Int, columns: [Int], selection: RowSelection? = nil, keepingDictionary: Bool = false
    ) async throws -> [ColumnChunkReader] {
        let group = try self.group(rowGroup)
        for column in columns where !nodes.indices.contains(column) { throw ParquetError.noSuchColumn(file: path.string, column: "number \(column)") }
        let all = RowSelection(0..<group.rowCount)
        let selection = selection?.intersection(all) ?? all
        let leaves = columns.flatMap { nodes[$0].leaves }
        let plans = try await plans(rowGroup, group, leaves: leaves, selection: selection)
        let parts = try await fetch(plans.flatMap(\.ranges), place: "row group \(rowGroup)")
        var chunks: [ChunkPages] = []
        var next = 0
        for plan in plans {
            chunks.append(plan.pages(parts[next..<(next + plan.ranges.count)]))
            next += plan.ranges.count
        }
        next = 0
        return columns.map { column in
            let node = nodes[column]
            defer { next += node.leaves.count }
            return ColumnChunkReader(
                node: node, schema: metadata.schema, group: group, chunks: Array(chunks[next..<(next + node.leaves.count)]), selection: selection,
                place: .init(file: path.string, rowGroup: rowGroup), options: options, keepsDictionary: keepingDictionary)
        }
    }

    /// What has to be fetched of each leaf's chunk for the rows selected.
    private func plans(_ rowGroup: Int, _ group: RowGroupMetadata, leaves: [Int], selection: RowSelection) async throws -> [ChunkPlan] {
        guard selection.count < group.rowCount else { return leaves.map { ChunkPlan(whole: group.columns[$0]) } }
        let indexes = try await offsetIndexes(rowGroup, group, leaves: leaves)
        return leaves.map { leaf in
            let chunk = group.columns[leaf]
            let pages = indexes[leaf].flatMap { ChunkPlan(chunk, index: $0, rowCount: group.rowCount, selection: selection) }
            return pages ?? ChunkPlan(whole: chunk)
        }
    }

    /// One row group, all of it in memory; of these columns (positions in ``schema``, in the order wanted) or of all.
    public func readRowGroup(_ index: Int, columns: [Int]? = nil) async throws -> ColumnBatch {
        let positions = columns ?? Array(nodes.indices)
        let readers = try await columnReaders(rowGroup: index, columns: positions)
        var read: [Column] = []
        for reader in readers {
            try Task.checkCancellation()
            read.append(try reader.readAll())
        }
        guard let rowCount = Int(exactly: metadata.rowGroups[index].rowCount) else {
            throw ParquetError.tooLarge(file: path.string, place: "row group \(index)", bytes: .max, limit: Int64(options.limits.batchBytes))
        }
        for (column, position) in zip(read, positions) where column.count != rowCount {
            throw ParquetError.damaged(
                file: path.string, place: "row group \(index), column \(nodes[position].field.name)", offset: nil,
                reason: "\(column.count) rows of \(rowCount)")
        }
        return ColumnBatch(trusted: Schema(positions.map { schema.fields[$0] }), columns: read, rowCount: rowCount)
    }

    /// As ``readRowGroup(_:columns:)-(Int,[Int]?)``, the columns by name.
    public func readRowGroup(_ index: Int, columns names: [String]) async throws -> ColumnBatch {
        var positions: [Int] = []
        for name in names {
            guard let position = schema.index(of: name) else { throw ParquetError.noSuchColumn(file: path.string, column: name) }
            positions.append(position)
        }
        return try await readRowGroup(index, columns: positions)
    }
}
