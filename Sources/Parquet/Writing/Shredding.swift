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
    private struct Entries {
        var rows: [Int32]
        var definitions: [UInt8]
        var repetitions: [UInt8]
    }

    private static let ended: Int32 = -1

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
        if column.nullCount == 0 {
            for index in entries.rows.indices where entries.rows[index] != Self.ended { entries.definitions[index] = level }
            return
        }
        for index in entries.rows.indices where entries.rows[index] != Self.ended {
            if column.isNull(at: Int(entries.rows[index])) { entries.rows[index] = Self.ended } else { entries.definitions[index] = level }
        }
    }

    private func expand(_ entries: Entries, _ offsets: Bytes, _ node: LogicalNode) -> Entries {
        let definition = UInt8(truncatingIfNeeded: node.elementDefinitionLevel)
        let repetition = UInt8(truncatingIfNeeded: node.repetitionLevel + 1)
        var expanded = Entries(rows: [], definitions: [], repetitions: [])
        offsets.withUnsafeBytes { raw in
            let ends = raw.assumingMemoryBound(to: Int32.self)
            for index in entries.rows.indices {
                let row = Int(entries.rows[index])
                let isEmpty = row < 0 || ends[row] == ends[row + 1]
                if isEmpty {
                    expanded.rows.append(Self.ended)
                    expanded.definitions.append(entries.definitions[index])
                    expanded.repetitions.append(entries.repetitions[index])
                    continue
                }
                for element in ends[row]..<ends[row + 1] {
                    expanded.rows.append(element)
                    expanded.definitions.append(definition)
                    expanded.repetitions.append(element == ends[row] ? entries.repetitions[index] : repetition)
                }
            }
        }
        return expanded
    }
}
