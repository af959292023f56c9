import Base
import Columnar

/// Decodes one top-level column of one row group, a run of rows at a time, from bytes that have been fetched.
///
/// Pure CPU work: synchronous, used by one thread at a time. Memory is the chunk's bytes, one page per leaf, and the batch asked for.
public final class ColumnChunkReader: @unchecked Sendable {
    // Safe to hand from thread to thread: nothing in it is shared with other objects but immutable bytes. Not safe to use from two at once.

    /// The column's field as the file has it.
    public let field: Field
    /// The rows that there are to read: those of the row group, or of it what was selected.
    public let rowCount: Int64

    private let node: LogicalNode
    private let leaves: [LeafReader]
    private let names: [String]
    private let starts: [Int64]
    private let place: Place
    private var rowsRead: Int64 = 0
    /// What is left to read, and whether the leaves have been brought to where it begins.
    private var selection: ArraySlice<Range<Int64>>
    private var isInPlace = false
    private let isPartial: Bool
    private let hasFixedWidth: Bool
    private let limits: ReadLimits

    struct Place {
        let file: String
        let rowGroup: Int
    }

    init(
        node: LogicalNode, schema: SchemaTree, group: RowGroupMetadata, chunks: [ChunkPages], selection: RowSelection, place: Place, options: ReadOptions,
        keepsDictionary: Bool
    ) {
        self.node = node
        self.place = place
        field = node.field
        rowCount = selection.count
        self.selection = selection.ranges[...]
        isPartial = rowCount < group.rowCount
        let isFlat = node.isFlat
        hasFixedWidth = isFlat && (node.field.type.fixedWidth != nil || node.field.type == .boolean || node.field.type == .null)
        limits = options.limits
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

    /// The next rows, at most `maxRows` and possibly fewer, as where they take much memory; nil after the last. A flat column of a reader that keeps dictionaries may come as
    /// ``ColumnValues/dictionary(codes:dictionary:)``.
    public func next(maxRows: Int) throws(ParquetError) -> Column? {
        guard maxRows > 0 else { return nil }
        var rows = min(maxRows, Self.mostRows)
        if isPartial {
            guard let range = selection.first else { return nil }
            rows = min(rows, Int(clamping: range.count))
            if !isInPlace {
                for (index, leaf) in leaves.enumerated() { try placing(index) { () throws(Damage) in try leaf.skip(to: range.lowerBound) } }
            }
        }
        try take(rows)
        return try filled()
    }

    /// The rows that the leaves' batches were filled with; nil behind the last row.
    func filled() throws(ParquetError) -> Column? {
        do throws(Damage) {
            return try assemble()
        } catch {
            throw error.error(file: place.file, place: "row group \(place.rowGroup), column \(field.name)")
        }
    }

    /// Where in the file the bytes lie that a leaf needs before it can go on, at least how many there must be, and where its chunk ends.
    func missing(leaf: Int) -> (start: Int64, count: Int)? {
        leaves[leaf].missing.map { (starts[leaf] + Int64($0.position), $0.count) }
    }

    func feed(_ bytes: Bytes, leaf: Int) { leaves[leaf].feed(bytes) }

    /// Nulls of a column without values take no memory, but time.
    private static let mostRows = 1 << 24

    /// How far the leaves' batches are filled.
    struct Filling {
        let rows: Int
        var step: Int
        /// Rows that all leaves have.
        var taken = 0
        /// Within a step: the leaf whose turn it is, the row that the first has reached, and the largest batch before and after.
        var leaf = 0
        var reached = 0
        var before = 0
        var after = 0

        init(rows: Int, step: Int) {
            self.rows = rows
            self.step = step
        }

        mutating func beginStep() { (leaf, before, after) = (0, 0, 0) }
    }

    /// Fills the leaves' batches with so many rows, or as many as there are, or as come to a quarter of the limit.
    private func take(_ rows: Int) throws(ParquetError) {
        var filling = beginFilling(rows)
        // All bytes are here.
        if let leaf = try fill(&filling) { try placing(leaf) { () throws(Damage) in throw Damage("its pages are not all there") } }
    }

    /// Values of fixed width need no steps.
    func beginFilling(_ rows: Int) -> Filling {
        Filling(rows: min(rows, Self.mostRows), step: hasFixedWidth ? max(1, limits.batchBytes / 64) : 256)
    }

    /// Takes rows into all leaves step by step together, so that they end with the same row. Returns the leaf for which more bytes must come before
    /// this can go on.
    func fill(_ filling: inout Filling) throws(ParquetError) -> Int? {
        let enough = limits.batchBytes / 4
        while filling.taken < filling.rows {
            let target = min(filling.rows, filling.taken + filling.step)
            while filling.leaf < leaves.count {
                let index = filling.leaf
                let leaf = leaves[index]
                filling.before = max(filling.before, leaf.sizeInBytes)
                let reached = try placing(index) { () throws(Damage) in
                    let reached = try leaf.take(upTo: target, of: filling.rows)
                    guard index == 0 || reached == filling.reached || leaf.missing != nil else { throw Damage("its leaves disagree about the number of rows") }
                    return reached
                }
                if leaf.missing != nil { return index }
                if index == 0 { filling.reached = reached }
                filling.after = max(filling.after, leaf.sizeInBytes)
                filling.leaf += 1
            }
            filling.taken = filling.reached
            if filling.taken < target || filling.after >= enough { break }
            let step = filling.step
            filling.step = filling.after - filling.before > enough / 8 ? max(1, step / 2) : max(step, min(step * 2, 8192))
            filling.beginStep()
        }
        return nil
    }

    /// Runs `body` for a leaf, and says in its errors where it is.
    private func placing<Result>(_ index: Int, _ body: () throws(Damage) -> Result) throws(ParquetError) -> Result {
        do throws(Damage) {
            return try body()
        } catch {
            let place = "row group \(place.rowGroup), column \(names[index])"
            throw error.error(file: self.place.file, place: place, base: starts[index] + Int64(leaves[index].position))
        }
    }

    private func assemble() throws(Damage) -> Column? {
        let batches = leaves.map { $0.finish() }
        guard let first = batches.first, first.rowCount > 0 else {
            guard rowsRead == rowCount else { throw Damage("it ends after \(rowsRead) of \(rowCount) rows") }
            return nil
        }
        rowsRead += Int64(first.rowCount)
        if isPartial, let range = selection.first {
            isInPlace = first.rowCount < range.count
            selection = isInPlace ? [(range.lowerBound + Int64(first.rowCount))..<range.upperBound] + selection.dropFirst() : selection.dropFirst()
        }
        guard rowsRead <= rowCount else { throw Damage("it holds more than the \(rowCount) rows of its row group") }
        let column = try Assembly(batches: batches, firstLeaf: node.leaves.lowerBound).column(node)
        guard column.count == first.rowCount else { throw Damage("\(column.count) values in \(first.rowCount) rows") }
        return column
    }

    /// All rows that are left, in one column. It may take four times the bytes that ``ReadLimits/batchBytes`` allows a batch.
    public func readAll() throws(ParquetError) -> Column {
        var parts: [Column] = []
        var size = 0
        while let part = try next(maxRows: Int.max) {
            parts.append(part)
            size += part.sizeInBytes
            guard size / 4 <= limits.batchBytes else {
                let place = "row group \(place.rowGroup), column \(field.name)"
                throw .tooLarge(file: self.place.file, place: place, bytes: Int64(size), limit: Int64(limits.batchBytes) * 4)
            }
        }
        do throws(ColumnarError) {
            return try Column.concatenate(parts, type: field.type)
        } catch {
            throw .damaged(file: place.file, place: "row group \(place.rowGroup), column \(field.name)", offset: nil, reason: error.description)
        }
    }
}
