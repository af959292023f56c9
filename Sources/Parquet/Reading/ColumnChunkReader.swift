import Base
import Columnar

/// Decodes one top-level column of one row group, a run of rows at a time, from bytes that have been fetched.
///
/// Pure CPU work: synchronous, used by one thread at a time. Memory is the chunk's bytes, one page per leaf, and the batch asked for.
public final class ColumnChunkReader: @unchecked Sendable {
    // Safe to hand from thread to thread: nothing in it is shared with other objects but immutable bytes. Not safe to use from two at once.

    /// The column's field as the file has it.
    public let field: Field
    /// The rows of the row group.
    public let rowCount: Int64

    private let node: LogicalNode
    private let leaves: [LeafReader]
    private let names: [String]
    private let starts: [Int64]
    private let place: Place
    private var rowsRead: Int64 = 0

    struct Place {
        let file: String
        let rowGroup: Int
    }

    init(
        node: LogicalNode, schema: SchemaTree, group: RowGroupMetadata, chunks: [Bytes], place: Place, options: ReadOptions, keepsDictionary: Bool
    ) {
        self.node = node
        self.place = place
        field = node.field
        rowCount = group.rowCount
        let isFlat = node.isFlat
        var slotLevels: [Int: Int] = [:]
        var shapes: [Int: (DataType, ValueConversion)] = [:]
        Self.collect(node, slotLevel: 0, &slotLevels, &shapes)
        leaves = zip(node.leaves, chunks).compactMap { index, chunk in
            guard let (type, conversion) = shapes[index] else { return nil }
            return LeafReader(
                leaf: schema.leaves[index], type: type, conversion: conversion, chunk: chunk, metadata: group.columns[index], options: options,
                slotDefinitionLevel: slotLevels[index] ?? 0, keepsLevels: !isFlat, keepsDictionary: keepsDictionary)
        }
        names = node.leaves.map { schema.leaves[$0].name }
        starts = node.leaves.map { group.columns[$0].byteRange.lowerBound }
    }

    /// For each leaf below, its type and the definition level at which the list around it has an element.
    private static func collect(
        _ node: LogicalNode, slotLevel: Int, _ slotLevels: inout [Int: Int], _ shapes: inout [Int: (DataType, ValueConversion)]
    ) {
        switch node.shape {
        case let .leaf(leaf, conversion):
            slotLevels[leaf.index] = slotLevel
            shapes[leaf.index] = (node.field.type, conversion)
        case let .structure(fields):
            for field in fields { collect(field, slotLevel: slotLevel, &slotLevels, &shapes) }
        case let .list(element): collect(element, slotLevel: node.elementDefinitionLevel, &slotLevels, &shapes)
        case let .map(key, value):
            collect(key, slotLevel: node.elementDefinitionLevel, &slotLevels, &shapes)
            collect(value, slotLevel: node.elementDefinitionLevel, &slotLevels, &shapes)
        }
    }

    /// The next rows, at most `maxRows` and possibly fewer; nil after the last. A flat column of a reader that keeps dictionaries may come as
    /// ``ColumnValues/dictionary(codes:dictionary:)``.
    public func next(maxRows: Int) throws(ParquetError) -> Column? {
        guard maxRows > 0 else { return nil }
        var batches: [LeafReader.Batch] = []
        for (index, leaf) in leaves.enumerated() {
            do throws(Damage) {
                guard let batch = try leaf.next(maximum: maxRows) else { continue }
                batches.append(batch)
            } catch {
                throw error.error(file: place.file, place: "row group \(place.rowGroup), column \(names[index])", base: starts[index] + Int64(leaf.position))
            }
        }
        do throws(Damage) {
            return try assemble(batches)
        } catch {
            throw error.error(file: place.file, place: "row group \(place.rowGroup), column \(field.name)")
        }
    }

    private func assemble(_ batches: [LeafReader.Batch]) throws(Damage) -> Column? {
        guard let first = batches.first else {
            guard rowsRead == rowCount else { throw Damage("it ends after \(rowsRead) of \(rowCount) rows") }
            return nil
        }
        guard batches.count == leaves.count, batches.allSatisfy({ $0.rowCount == first.rowCount }) else {
            throw Damage("its leaves disagree about the number of rows")
        }
        rowsRead += Int64(first.rowCount)
        guard rowsRead <= rowCount else { throw Damage("it holds more than the \(rowCount) rows of its row group") }
        let column = try Assembly(batches: batches, firstLeaf: node.leaves.lowerBound).column(node)
        guard column.count == first.rowCount else { throw Damage("\(column.count) values in \(first.rowCount) rows") }
        return column
    }

    /// All rows that are left, in one column.
    public func readAll() throws(ParquetError) -> Column {
        var parts: [Column] = []
        while let part = try next(maxRows: Int.max) { parts.append(part) }
        do throws(ColumnarError) {
            return try Column.concatenate(parts, type: field.type)
        } catch {
            throw .damaged(file: place.file, place: "row group \(place.rowGroup), column \(field.name)", offset: nil, reason: error.description)
        }
    }
}
