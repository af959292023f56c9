import Base
import Columnar

/// Takes nested columns apart into their leaves' levels and values (Dremel's record shredding, a column at a time).
///
/// On the way down from a row to a leaf, each step turns the entries so far into those of the next node: an optional node ends entries that are null
/// there, a list ends empty ones and repeats the others once per element.
struct Shredding {
    /// A leaf's entries for some rows.
    struct Leaf {
        let column: Column
        let definitions: [UInt8]
        let repetitions: [UInt8]
        /// The rows of `column` that have the values, in the entries' order.
        let values: [Int32]
    }

    /// The entries at one node: for each the row of the node's column, or `ended` for one that ended further up, and its levels.
    fileprivate struct Entries {
        var rows: [Int32]
        var definitions: [UInt8]
        var repetitions: [UInt8]

        /// Calls `body` with row and definition level of each entry that has not ended.
        @inline(__always)
        mutating func forEachOpen(_ body: (_ row: inout Int32, _ definition: inout UInt8) -> Void) {
            rows.withUnsafeMutableBufferPointer { rows in
                definitions.withUnsafeMutableBufferPointer { definitions in
                    for index in rows.indices where rows[index] != Shredding.ended { body(&rows[index], &definitions[index]) }
                }
            }
        }
    }

    fileprivate static let ended: Int32 = -1

    private(set) var leaves: [Leaf] = []

    /// Shreds the rows `range` of `column`.
    init(_ node: LogicalNode, _ column: Column, rows range: Range<Int>) throws(ParquetError) {
        let entries = Entries(
            rows: range.map { Int32(truncatingIfNeeded: $0) }, definitions: [UInt8](repeating: 0, count: range.count),
            repetitions: [UInt8](repeating: 0, count: range.count))
        try descend(node, column, entries, path: node.field.name)
    }

    private mutating func descend(_ node: LogicalNode, _ column: Column, _ entries: Entries, path: String) throws(ParquetError) {
        var entries = entries
        try defineNulls(node, column, &entries, path: path)
        switch (node.shape, column.values) {
        case (.leaf, _):
            leaves.append(
                Leaf(
                    column: column, definitions: entries.definitions, repetitions: entries.repetitions,
                    values: entries.rows.filter { $0 != Self.ended }))
        case let (.structure(nodes), .structure(children)):
            for (child, column) in zip(nodes, children) { try descend(child, column, entries, path: path + "." + child.field.name) }
        case let (.list(element), .list(offsets, elements)):
            try descend(element, elements, expand(entries, offsets, node), path: path + ".element")
        case let (.map(key, value), .map(offsets, keys, values)):
            let expanded = expand(entries, offsets, node)
            try descend(key, keys, expanded, path: path + ".key")
            try descend(value, values, expanded, path: path + ".value")
        default: throw .cannotWrite(column: path, reason: "its layout does not fit its type \(column.type)")
        }
    }

    /// Ends entries that are null at this node, and raises the definition level of the others where the node may be null.
    private func defineNulls(_ node: LogicalNode, _ column: Column, _ entries: inout Entries, path: String) throws(ParquetError) {
        guard node.field.nullable else {
            if column.nullCount > 0, entries.rows.contains(where: { $0 != Self.ended && column.isNull(at: Int($0)) }) {
                throw .cannotWrite(column: path, reason: "it has a null and is not nullable")
            }
            return
        }
        let level = UInt8(truncatingIfNeeded: node.definitionLevel)
        guard column.nullCount > 0 else {
            entries.forEachOpen { _, definition in definition = level }
            return
        }
        guard let validity = column.validity else { return entries.forEachOpen { row, _ in row = Self.ended } }
        validity.withUnsafeBytes { bits in
            guard let base = bits.baseAddress else { return }
            entries.forEachOpen { row, definition in
                if Bitmap.isSet(base, Int(row)) { definition = level } else { row = Self.ended }
            }
        }
    }

    private func expand(_ entries: Entries, _ offsets: Bytes, _ node: LogicalNode) -> Entries {
        let definition = UInt8(truncatingIfNeeded: node.elementDefinitionLevel)
        let repetition = UInt8(truncatingIfNeeded: node.repetitionLevel + 1)
        return offsets.withUnsafeBytes { raw in
            let ends = raw.assumingMemoryBound(to: Int32.self)
            // First the size, so that the loop that fills has nothing to grow.
            var total = 0
            for row in entries.rows { total &+= row < 0 ? 1 : max(1, Int(ends[Int(row) &+ 1] &- ends[Int(row)])) }
            var expanded = Entries(
                rows: [Int32](repeating: Self.ended, count: total), definitions: [UInt8](repeating: definition, count: total),
                repetitions: [UInt8](repeating: repetition, count: total))
            expanded.fill(from: entries, ends)
            return expanded
        }
    }
}

extension Shredding.Entries {
    /// Writes the elements of `entries`, whose levels are those of elements already: an empty or ended list has the levels that it came with, the
    /// first element the repetition level of its list.
    fileprivate mutating func fill(from entries: Self, _ ends: UnsafeBufferPointer<Int32>) {
        rows.withUnsafeMutableBufferPointer { rows in
            definitions.withUnsafeMutableBufferPointer { definitions in
                repetitions.withUnsafeMutableBufferPointer { repetitions in
                    var position = 0
                    for index in entries.rows.indices {
                        let row = Int(entries.rows[index])
                        repetitions[position] = entries.repetitions[index]
                        guard row >= 0, ends[row] < ends[row &+ 1] else {
                            definitions[position] = entries.definitions[index]
                            position &+= 1
                            continue
                        }
                        for element in ends[row]..<ends[row &+ 1] {
                            rows[position] = element
                            position &+= 1
                        }
                    }
                }
            }
        }
    }
}
