import Columnar

/// Whether changes that were recorded under one schema can be shown under a later one, by Spark's rules: columns may have been added, and nothing else.
enum ChangeSchema {
    /// What is in the way, in words; nil where nothing is.
    static func incompatibility(of old: TableMetadata, with read: TableMetadata) -> String? {
        let (from, to) = (old.columnMapping.mode, read.columnMapping.mode)
        if from != .none, from != to { return "column mapping was changed from \(from) to \(to)" }
        guard old.partitionColumns == read.partitionColumns else { return "the partition columns were changed" }
        return difference(old.schema.fields, read.schema.fields, isMapped: to != .none, wasMapped: from != .none, path: "")
    }

    private static func difference(_ old: [Field], _ read: [Field], isMapped: Bool, wasMapped: Bool, path: String) -> String? {
        func physicalName(_ field: Field) -> String { wasMapped ? ColumnMapping.physicalName(field) : field.name }
        for field in old {
            let name = path + field.name
            if isMapped, let same = read.first(where: { ColumnMapping.physicalName($0) == physicalName(field) }), same.name != field.name {
                return "column \(name) was renamed to \(same.name)"
            }
            guard let later = read.first(where: { $0.name.lowercased() == field.name.lowercased() }) else { return "column \(name) was dropped" }
            guard later.name == field.name else { return "column \(name) was renamed to \(later.name)" }
            if isMapped, ColumnMapping.physicalName(later) != physicalName(field) { return "column \(name) was dropped, and another added with its name" }
            if field.nullable, !later.nullable { return "column \(name) could be null and cannot any more" }
            if let reason = difference(field.type, later.type, isMapped: isMapped, wasMapped: wasMapped, path: name) { return reason }
        }
        return nil
    }

    private static func difference(_ old: DataType, _ read: DataType, isMapped: Bool, wasMapped: Bool, path: String) -> String? {
        func inside(_ old: Field, _ read: Field) -> String? {
            if old.nullable, !read.nullable { return "column \(path).\(old.name) could be null and cannot any more" }
            return difference(old.type, read.type, isMapped: isMapped, wasMapped: wasMapped, path: "\(path).\(old.name)")
        }
        switch (old, read) {
        case (.null, _): return nil
        case _ where old.isVariant != read.isVariant:
            return "the type of column \(path) was changed from \(old.tableDescription) to \(read.tableDescription)"
        case let (.structure(fields), .structure(later)):
            return difference(fields, later, isMapped: isMapped, wasMapped: wasMapped, path: path + ".")
        case let (.list(element), .list(later)): return inside(element, later)
        case let (.map(key, value), .map(laterKey, laterValue)): return inside(key, laterKey) ?? inside(value, laterValue)
        default: return old == read ? nil : "the type of column \(path) was changed from \(old) to \(read)"
        }
    }
}
