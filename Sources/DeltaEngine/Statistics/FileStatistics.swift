import Base
import Columnar

/// What a new file holds in one leaf column, exactly.
struct LeafStatistics: Sendable {
    /// Least and greatest value other than null and NaN; nil where there is none, or the type has no order.
    var minimum: Scalar?
    var maximum: Scalar?
    /// Rows in which the column, or a struct around it, is null; nil where it is not known.
    var nullCount: Int64?
    var hasNaN = false
}

/// A new file's statistics, as the `stats` of its `add` action.
struct FileStatistics: Sendable {
    let rowCount: Int64
    /// By the path of names from the top down.
    let leaves: [[String]: LeafStatistics]

    /// The JSON text that Delta's readers expect, with `fields` (the columns in the file, in the table's order) where `columns` includes them.
    func json(fields: [Field], columns: StatisticsColumns) -> String {
        func values(_ side: StatisticsBound.Side) -> String {
            object(fields, below: []) { path, type in
                guard columns.includes(path), StatisticsBound.exists(for: type), let leaf = leaves[path] else { return nil }
                return (side == .minimum ? leaf.minimum : leaf.maximum).flatMap { StatisticsBound.json($0, side, hasNaN: leaf.hasNaN) }
            } ?? "{}"
        }
        let nullCounts = object(fields, below: []) { path, type in
            // A variant is null where its parts are, which have no nulls of their own.
            let leaf = type.isVariant ? path + ["value"] : path
            return columns.includes(path) ? leaves[leaf]?.nullCount.map { String($0) } : nil
        }
        return "{\"numRecords\":\(rowCount),\"minValues\":\(values(.minimum)),\"maxValues\":\(values(.maximum)),\"nullCount\":\(nullCounts ?? "{}")}"
    }

    /// A JSON object of what `value` has for each leaf, structs nested; nil where it has nothing.
    private func object(_ fields: [Field], below parent: [String], _ value: ([String], DataType) -> String?) -> String? {
        let members = fields.compactMap { field -> String? in
            let path = parent + [field.name]
            let text: String? =
                if case .structure(let children) = field.type, !field.type.isVariant { object(children, below: path, value) } else { value(path, field.type) }
            return text.map { JSON.encode(.string(field.name)) + ":" + $0 }
        }
        return members.isEmpty ? nil : "{" + members.joined(separator: ",") + "}"
    }
}
