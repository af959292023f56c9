import Base
import Columnar

/// A column by which rows are sorted: one of the table's, or a field of a struct.
struct ClusterColumn: Sendable, Hashable {
    /// As the table's schema has it, `customer.id`.
    let name: String
    /// Positions from the top down, the first among the columns that files hold.
    let places: [Int]
    let type: DataType
    /// By the names that files and statistics have, from the top down.
    let storedPath: [String]

    /// The columns of these names, `a.b` for a field of a struct, names with a dot in back-ticks, in any case of letters.
    ///
    /// Throws ``DeltaError/invalidRequest(reason:)`` naming the column for one that is not there, has no order, is a partition column or comes twice.
    static func resolve(_ names: [String], in metadata: TableMetadata) throws(DeltaError) -> [ClusterColumn] {
        guard names.count <= CurveKeys.mostColumns else {
            throw .invalidRequest(reason: "rows can be clustered by at most \(CurveKeys.mostColumns) columns, these are \(names.count)")
        }
        var columns: [ClusterColumn] = []
        for name in names {
            let column = try resolve(path(name), as: name, in: metadata)
            guard !columns.contains(where: { $0.places == column.places }) else {
                throw .invalidRequest(reason: "column \(column.name) is named twice among those to cluster by")
            }
            columns.append(column)
        }
        return columns
    }

    static func resolve(_ path: [String], as name: String, in metadata: TableMetadata) throws(DeltaError) -> ClusterColumn {
        if let top = path.first, let partition = metadata.partitionColumns.first(where: { $0.lowercased() == top.lowercased() }) {
            throw .invalidRequest(reason: "\(partition) is a partition column: all rows of a file have one value of it, there is nothing to cluster by it")
        }
        var fields = metadata.dataFields
        var places: [Int] = []
        var names: [String] = []
        var stored: [String] = []
        var type: DataType?
        for part in path {
            guard let place = ColumnAdapter.match(part, in: fields) else {
                let known = fields.isEmpty ? "nothing has fields there" : "there are \(fields.map(\.name).joined(separator: ", "))"
                throw .invalidRequest(reason: "there is no column \(name) to cluster by; \(known)")
            }
            let field = fields[place]
            places.append(place)
            names.append(field.name)
            stored.append(metadata.physicalName(of: field))
            type = field.type
            if case let .structure(children) = field.type, !field.type.isVariant { fields = children } else { fields = [] }
        }
        guard let type else { throw .invalidRequest(reason: "a column to cluster by has no name") }
        guard SortWords.form(type) != nil else {
            let what = type.isVariant ? "a variant" : "of type \(type)"
            let instead = if case .structure = type, !type.isVariant { "; name one of its fields" } else { "" }
            throw .invalidRequest(reason: "column \(name) is \(what), whose values have no order to cluster by\(instead)")
        }
        return ClusterColumn(
            name: names.map { $0.contains(".") ? "`\($0)`" : $0 }.joined(separator: "."), places: places, type: type, storedPath: stored)
    }

    /// `a.b` and `` a.`b.c` `` into names.
    static func path(_ name: String) -> [String] {
        var parts = [""]
        var isQuoted = false
        for character in name {
            switch character {
            case "`": isQuoted.toggle()
            case "." where !isQuoted: parts.append("")
            default: parts[parts.count - 1].append(character)
            }
        }
        return parts
    }

    /// The column's values, from the one at the top: a field of a struct that is null is null.
    func leaf(of top: Column) -> Column {
        var values = top
        var parents: [Column] = []
        for place in places.dropFirst() {
            guard case let .structure(children) = values.values else { break }
            if values.nullCount > 0 { parents.append(values) }
            values = children[place]
        }
        return parents.isEmpty ? values : values.nulled(by: parents)
    }
}

extension Column {
    /// The column with nulls also where one of these, of the same length, has one.
    fileprivate func nulled(by parents: [Column]) -> Column {
        var valid = 0
        let bits = Bytes(capacity: Bitmap.byteCount(count)) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            guard let base = target.baseAddress else { return 0 }
            for row in 0..<count where !isNull(at: row) && !parents.contains(where: { $0.isNull(at: row) }) {
                Bitmap.set(base, row)
                valid += 1
            }
            return target.count
        }
        return Column(trusted: type, count: count, nullCount: count - valid, validity: bits, values: values)
    }
}
