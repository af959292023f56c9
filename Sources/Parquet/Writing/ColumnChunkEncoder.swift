import Base
import Columnar

/// Encodes one top-level column of one row group. Columns are independent of each other, so each can be encoded on a thread of its own.
///
/// Pure CPU work: synchronous, used by one thread at a time, not at all after ``finish()``.
public final class ColumnChunkEncoder: @unchecked Sendable {
    // Safe to hand from thread to thread: nothing in it is shared with other objects but immutable bytes. Not safe to use from two at once.

    public let field: Field
    /// The rows appended so far.
    public private(set) var rowCount = 0

    private let node: LogicalNode
    private let leaves: [LeafEncoder]
    private let schemaLeaves: [SchemaLeaf]
    /// The rows of which one nullable block's values lie in the column.
    private var present: [Int32] = []
    private var levels: [UInt8] = []

    /// Rows are handed to the leaves in blocks of so many; small, since a block is never split between two pages.
    private static let blockRows = 1024

    /// For a file with only this column. Columns of one file are encoded by encoders of its ``ParquetWriter``, whose leaves are numbered through.
    public convenience init(field: Field, options: WriterOptions) throws(ParquetError) {
        let layout = try WriteLayout(Schema([field]))
        self.init(node: layout.nodes[0], leaves: layout.tree.leaves, options: options)
    }

    init(node: LogicalNode, leaves all: [SchemaLeaf], options: WriterOptions) {
        self.node = node
        field = node.field
        schemaLeaves = Array(all[node.leaves])
        var types: [DataType] = []
        Self.collectTypes(node, &types)
        leaves = zip(schemaLeaves, types).map { LeafEncoder(leaf: $0, type: $1, options: options) }
    }

    private static func collectTypes(_ node: LogicalNode, _ types: inout [DataType]) {
        switch node.shape {
        case .leaf: types.append(node.field.type)
        case let .structure(fields): for field in fields { collectTypes(field, &types) }
        case let .list(element): collectTypes(element, &types)
        case let .map(key, value):
            collectTypes(key, &types)
            collectTypes(value, &types)
        }
    }

    /// The bytes of the values appended so far, before compression.
    public var sizeInBytes: Int { leaves.reduce(0) { $0 + $1.valueBytes } }

    /// Appends rows. Throws where the column is of another type or has nulls that the field does not allow.
    public func append(_ column: Column) throws(ParquetError) {
        guard column.type == field.type || sameShape(column.type, field.type) else {
            throw .cannotWrite(column: field.name, reason: "expected \(field.type), found \(column.type)")
        }
        if node.isFlat, let leaf = leaves.first, let schemaLeaf = schemaLeaves.first {
            try appendFlat(column, leaf, schemaLeaf)
        } else {
            try appendNested(column)
        }
        rowCount += column.count
    }

    /// Types are compared without metadata and nullability, which the values themselves are held to.
    private func sameShape(_ left: DataType, _ right: DataType) -> Bool {
        switch (left, right) {
        case let (.list(l), .list(r)): sameShape(l.type, r.type)
        case let (.map(lk, lv), .map(rk, rv)): sameShape(lk.type, rk.type) && sameShape(lv.type, rv.type)
        case let (.structure(l), .structure(r)): l.count == r.count && zip(l, r).allSatisfy { sameShape($0.type, $1.type) }
        default: left == right
        }
    }

    // MARK: Flat

    private func appendFlat(_ column: Column, _ leaf: LeafEncoder, _ schemaLeaf: SchemaLeaf) throws(ParquetError) {
        if column.nullCount > 0, !field.nullable { throw .cannotWrite(column: field.name, reason: "it has a null and is not nullable") }
        let values = LeafValues(column, leaf: schemaLeaf)
        var start = 0
        while start < column.count {
            let rows = blockLength(values, start, column.count - start)
            do throws(Damage) {
                if column.nullCount == 0 {
                    try leaf.append(
                        values,
                        .init(definitions: nil, repetitions: nil, count: rows, rowCount: rows, values: nil, firstValue: start, valueCount: rows))
                } else {
                    try appendNullable(column, values, start..<(start + rows), leaf)
                }
            } catch {
                throw .cannotWrite(column: field.name, reason: error.reason)
            }
            start += rows
        }
    }

    private func appendNullable(_ column: Column, _ values: LeafValues, _ rows: Range<Int>, _ leaf: LeafEncoder) throws(Damage) {
        let count = rows.count
        if levels.count < count {
            levels = [UInt8](repeating: 0, count: count)
            present = [Int32](repeating: 0, count: count)
        }
        try levels.withUnsafeMutableBufferPointer { (levels) throws(Damage) in
            try present.withUnsafeMutableBufferPointer { (present) throws(Damage) in
                let valueCount = Self.validRows(column, rows, levels: levels, present: present)
                try leaf.append(
                    values,
                    .init(
                        definitions: UnsafeBufferPointer(rebasing: levels[..<count]), repetitions: nil, count: count, rowCount: count,
                        values: UnsafeBufferPointer(rebasing: present[..<valueCount]), firstValue: 0, valueCount: valueCount))
            }
        }
    }

    /// Lists the rows that are not null, and gives each row its level. Returns how many are listed.
    private static func validRows(
        _ column: Column, _ rows: Range<Int>, levels: UnsafeMutableBufferPointer<UInt8>, present: UnsafeMutableBufferPointer<Int32>
    ) -> Int {
        guard let levels = levels.baseAddress, let present = present.baseAddress, column.type != .null, let validity = column.validity else {
            levels.update(repeating: column.type == .null ? 0 : 1)
            for (place, row) in rows.enumerated() { present[place] = Int32(truncatingIfNeeded: row) }
            return column.type == .null ? 0 : rows.count
        }
        return validity.withUnsafeBytes { bits in
            guard let base = bits.baseAddress else { return 0 }
            // Without a branch, which nulls here and there would make a coin toss.
            var next = 0
            for row in rows {
                let isValid = Bitmap.isSet(base, row)
                levels[row &- rows.lowerBound] = isValid ? 1 : 0
                present[next] = Int32(truncatingIfNeeded: row)
                next &+= isValid ? 1 : 0
            }
            return next
        }
    }

    /// How many rows from `start` on make one block: fewer where single values are large, so that pages stay near their size.
    private func blockLength(_ values: LeafValues, _ start: Int, _ available: Int) -> Int {
        var rows = min(Self.blockRows, available)
        guard case let .variable(offsets, _) = values.storage else { return rows }
        while rows > 1, bytes(offsets, values.codes, start, rows) > WriteLayout.blockBytes { rows /= 2 }
        return rows
    }

    private func bytes(_ offsets: Bytes, _ codes: Bytes?, _ start: Int, _ rows: Int) -> Int {
        offsets.withUnsafeBytes { raw in
            let ends = raw.assumingMemoryBound(to: Int32.self)
            guard let codes else { return Int(ends[start + rows] &- ends[start]) }
            return codes.withUnsafeBytes { raw in
                let codes = raw.assumingMemoryBound(to: Int32.self)
                var total = 0
                for row in start..<(start + rows) {
                    let code = Int(codes[row])
                    if code + 1 < ends.count { total &+= Int(ends[code + 1] &- ends[code]) }
                }
                return total
            }
        }
    }

    // MARK: Nested

    private func appendNested(_ column: Column) throws(ParquetError) {
        var start = 0
        // Every block has the same columns at its leaves.
        var converted: [LeafValues] = []
        // Fewer rows where they are large, so that pages stay near their size.
        let bytesPerRow = column.count == 0 ? 1 : max(1, column.sizeInBytes / column.count)
        let blockRows = min(Self.blockRows, max(1, WriteLayout.blockBytes / bytesPerRow))
        while start < column.count {
            let rows = min(blockRows, column.count - start)
            let shredded = try Shredding(node, column, rows: start..<(start + rows))
            if converted.isEmpty { converted = zip(shredded.leaves, schemaLeaves).map { LeafValues($0.column, leaf: $1) } }
            for (index, schemaLeaf) in schemaLeaves.enumerated() {
                do throws(Damage) {
                    try append(shredded.leaves[index], converted[index], leaves[index], schemaLeaf, rows: rows)
                } catch {
                    throw .cannotWrite(column: schemaLeaf.name, reason: error.reason)
                }
            }
            start += rows
        }
    }

    private func append(_ part: Shredding.Leaf, _ values: LeafValues, _ leaf: LeafEncoder, _ schemaLeaf: SchemaLeaf, rows: Int) throws(Damage) {
        try part.definitions.withUnsafeBufferPointer { (definitions) throws(Damage) in
            try part.repetitions.withUnsafeBufferPointer { (repetitions) throws(Damage) in
                try part.values.withUnsafeBufferPointer { (present) throws(Damage) in
                    try leaf.append(
                        values,
                        .init(
                            definitions: definitions, repetitions: schemaLeaf.maximumRepetitionLevel > 0 ? repetitions : nil,
                            count: definitions.count, rowCount: rows, values: present, firstValue: 0, valueCount: present.count))
                }
            }
        }
    }

    /// Ends the row group's part of this column.
    public func finish() throws(ParquetError) -> EncodedColumnChunk {
        var encoded: [EncodedLeaf] = []
        for (leaf, schemaLeaf) in zip(leaves, schemaLeaves) {
            do throws(Damage) {
                encoded.append(try leaf.finish())
            } catch {
                throw .cannotWrite(column: schemaLeaf.name, reason: error.reason)
            }
        }
        return EncodedColumnChunk(field: field, rowCount: rowCount, leaves: encoded)
    }
}

/// One column of one row group, encoded and compressed: ready for ``ParquetWriter``.
public struct EncodedColumnChunk: Sendable {
    public let field: Field
    public let rowCount: Int
    let leaves: [EncodedLeaf]

    /// The bytes that it will take in the file.
    public var sizeInBytes: Int { leaves.reduce(0) { $0 + $1.compressedSize } }
}

/// A schema as it is written: Parquet's tree, and the logical nodes over it.
struct WriteLayout {
    /// A block whose text is larger than this is handed to the encoder in smaller pieces.
    static let blockBytes = 256 << 10

    let elements: [SchemaElement]
    let tree: SchemaTree
    let nodes: [LogicalNode]

    init(_ schema: Schema) throws(ParquetError) {
        elements = try SchemaElement.elements(of: schema)
        do throws(Damage) {
            tree = try SchemaTree(elements)
            var nodes: [LogicalNode] = []
            for root in tree.roots { nodes.append(try LogicalSchemaBuilder.node(root)) }
            self.nodes = nodes
        } catch {
            throw .cannotWrite(column: schema.fields.map(\.name).joined(separator: ", "), reason: error.reason)
        }
    }
}
