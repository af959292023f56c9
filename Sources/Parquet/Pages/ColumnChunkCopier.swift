import Base
import Columnar

/// Makes one column chunk of others, of files with the same schema, without decoding values: what ``ColumnChunkEncoder`` is for rows, for pages.
///
/// Pages that must get another codec or other codes are rewritten, the others copied byte for byte. Pure CPU work: synchronous, used by one thread at a
/// time, not at all after ``finish()``.
public final class ColumnChunkCopier: @unchecked Sendable {
    // Safe to hand from thread to thread: nothing in it is shared with other objects but immutable bytes. Not safe to use from two at once.

    public let field: Field
    /// The rows appended so far.
    public private(set) var rowCount = 0

    let options: WriterOptions

    private let node: LogicalNode
    private let leaves: [LeafCopier]
    private let names: [String]
    private let needsValues: Bool

    init(node: LogicalNode, leaves all: [SchemaLeaf], options: WriterOptions) {
        self.node = node
        self.options = options
        field = node.field
        names = all[node.leaves].map(\.name)
        leaves = zip(all[node.leaves], node.leafTypes).map { LeafCopier(leaf: $0, type: $1, options: options) }
        needsValues = names.contains { options.bloomFilters[$0] != nil }
    }

    /// Whether pages of this column (a position in the file's schema) mean the same here: the same types, nullable where this column is. Not where
    /// a bloom filter is asked for, which only values can fill.
    public func accepts(_ file: ParquetFile, column: Int) -> Bool {
        guard file.nodes.indices.contains(column), !needsValues else { return false }
        return file.nodes[column].hasSameLayout(as: node)
    }

    /// Appends the pages of one row group's column that ``accepts(_:column:)`` takes, as ``ParquetFile/columnPages(rowGroup:column:limits:)`` gives them.
    public func append(_ pages: [ColumnPages]) throws(ParquetError) {
        guard pages.count == leaves.count, let rows = pages.first.flatMap({ Int(exactly: $0.rowCount) }) else {
            throw .cannotWrite(column: field.name, reason: "pages of \(pages.count) leaves for \(leaves.count)")
        }
        for (leaf, pages) in zip(leaves, pages) { try leaf.append(pages) }
        rowCount += rows
    }

    /// Ends the row group's part of this column.
    public func finish() throws(ParquetError) -> EncodedColumnChunk {
        var encoded: [EncodedLeaf] = []
        for (leaf, name) in zip(leaves, names) {
            do throws(Damage) {
                encoded.append(try leaf.finish())
            } catch {
                throw .cannotWrite(column: name, reason: error.reason)
            }
        }
        return EncodedColumnChunk(field: field, rowCount: rowCount, leaves: encoded)
    }
}

extension ParquetWriter {
    /// One copier per column of the schema, for a row group of this file. Copied and encoded columns may stand side by side in a row group.
    public func makeCopiers() -> [ColumnChunkCopier] {
        layout.nodes.map { ColumnChunkCopier(node: $0, leaves: layout.tree.leaves, options: options) }
    }
}
