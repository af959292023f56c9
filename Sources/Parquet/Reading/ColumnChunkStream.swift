import Base
import Columnar
import ObjectStore

/// As ``ColumnChunkReader``, but the chunks' bytes are fetched piece by piece while they are decoded: memory is a piece per leaf, whatever the chunk's
/// size. For columns of many leaves in large row groups, as those of Delta's checkpoints are.
///
/// Used by one task at a time.
public final class ColumnChunkStream {
    private let file: ParquetFile
    private let reader: ColumnChunkReader
    private let ends: [Int64]
    private let rowGroup: Int
    private let pieceBytes: Int64

    init(file: ParquetFile, reader: ColumnChunkReader, ends: [Int64], rowGroup: Int, pieceBytes: Int64) {
        self.file = file
        self.reader = reader
        self.ends = ends
        self.rowGroup = rowGroup
        self.pieceBytes = pieceBytes
    }

    /// The column's field as the file has it.
    public var field: Field { reader.field }

    /// The next rows, at most `maxRows` and possibly fewer, as where they take much memory; nil after the last.
    public func next(maxRows: Int) async throws -> Column? {
        var filling = reader.beginFilling(max(1, maxRows))
        while let leaf = try reader.fill(&filling) { try await feed(leaf) }
        return try reader.filled()
    }

    /// Fetches the next piece of a leaf's chunk; a larger one where a page asks for it.
    private func feed(_ leaf: Int) async throws {
        guard let missing = reader.missing(leaf: leaf) else { return }
        let end = min(ends[leaf], missing.start + max(pieceBytes, Int64(missing.count)))
        let bytes = try await file.fetch([missing.start..<max(missing.start, end)], place: "row group \(rowGroup)")
        reader.feed(bytes[0], leaf: leaf)
    }
}

extension ParquetFile {
    /// One column of one row group, fetched piece by piece.
    ///
    /// - Parameters:
    ///   - column: the position in ``schema``.
    ///   - pieceBytes: how much of a leaf's chunk is fetched at a time.
    public func columnStream(rowGroup: Int, column: Int, pieceBytes: Int64 = 1 << 20) async throws -> ColumnChunkStream {
        let group = try self.group(rowGroup)
        guard nodes.indices.contains(column) else { throw ParquetError.noSuchColumn(file: path.string, column: "number \(column)") }
        let node = nodes[column]
        let plans = node.leaves.map { ChunkPlan(whole: group.columns[$0], upTo: pieceBytes) }
        let parts = try await fetch(plans.flatMap(\.ranges), place: "row group \(rowGroup)")
        let chunks = plans.enumerated().map { $1.pages(parts[(2 * $0)..<(2 * $0 + 2)]) }
        let reader = ColumnChunkReader(
            node: node, schema: metadata.schema, group: group, chunks: chunks, selection: RowSelection(0..<group.rowCount),
            place: .init(file: path.string, rowGroup: rowGroup), options: options, keepsDictionary: false)
        return ColumnChunkStream(
            file: self, reader: reader, ends: node.leaves.map { group.columns[$0].byteRange.upperBound }, rowGroup: rowGroup, pieceBytes: pieceBytes)
    }
}
