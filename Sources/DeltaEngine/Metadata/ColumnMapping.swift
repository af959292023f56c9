import Base
import Columnar
import Parquet

/// By which names data files know a table's columns (protocol, "Column Mapping").
public struct ColumnMapping: Sendable {
    public enum Mode: String, Sendable, Hashable {
        /// By the names of the schema.
        case none
        /// By physical names, which stay when a column is renamed.
        case name
        /// By the files' field ids.
        case id
    }

    public let mode: Mode

    /// The physical name of a field of a mapped schema; its own where it has none.
    static func physicalName(_ field: Field) -> String { field.metadata["delta.columnMapping.physicalName"]?.stringValue ?? field.name }

    private static func id(_ field: Field) -> Int64? { field.metadata["delta.columnMapping.id"]?.intValue }

    /// The field as new files have it: physical names all the way down, each with its field id. The schema's metadata stays, so that what comes out can
    /// be looked up in files again.
    func physical(_ field: Field) -> Field {
        guard mode != .none else { return field }
        return renamed(field) { field in
            var field = field
            field.name = Self.physicalName(field)
            if let id = Self.id(field) { field.metadata["parquet.field.id"] = .integer(id) }
            return field
        }
    }

    /// The fields as this file calls them; a name that no column has for those it lacks.
    ///
    /// Throws ``DeltaError/corruptDataFile(path:reason:)`` for a file without ids where columns are mapped by id.
    func stored(_ fields: [Field], in schema: SchemaTree, path: String) throws(DeltaError) -> [Field] {
        switch mode {
        case .none: return fields
        case .name:
            return fields.map { field in
                renamed(field) { field in
                    var field = field
                    field.name = Self.physicalName(field)
                    return field
                }
            }
        case .id:
            var names: [Int64: String] = [:]
            Self.collect(schema.roots, into: &names)
            guard !names.isEmpty || fields.isEmpty else {
                throw .corruptDataFile(path: path, reason: "its columns have no field ids, by which the table maps them")
            }
            return fields.map { field in
                renamed(field) { field in
                    var field = field
                    field.name = Self.id(field).flatMap { names[$0] } ?? "\u{0}\(Self.physicalName(field))"
                    return field
                }
            }
        }
    }

    /// Ids are unique in a file, whatever the nesting.
    private static func collect(_ nodes: [SchemaNode], into names: inout [Int64: String]) {
        for node in nodes {
            if let id = node.fieldID { names[Int64(id)] = node.name }
            if case let .group(children) = node.content { collect(children, into: &names) }
        }
    }

    /// The parts of lists, maps and variants are no columns: they keep their names.
    private func renamed(_ field: Field, isColumn: Bool = true, _ rename: (Field) -> Field) -> Field {
        var field = isColumn ? rename(field) : field
        switch field.type {
        case _ where field.type.isVariant: break
        case let .structure(children): field.type = .structure(children.map { renamed($0, rename) })
        case let .list(element): field.type = .list(element: renamed(element, isColumn: false, rename))
        case let .map(key, value): field.type = .map(key: renamed(key, isColumn: false, rename), value: renamed(value, isColumn: false, rename))
        default: break
        }
        return field
    }
}

extension Column {
    /// The same values under other names of nested fields. The types must have the same shape.
    func named(as type: DataType) -> Column {
        if self.type == type { return self }
        let renamed: ColumnValues =
            switch (values, type) {
            case let (.structure(children), .structure(fields)): .structure(zip(children, fields).map { $0.named(as: $1.type) })
            case let (.list(offsets, elements), .list(element)): .list(offsets: offsets, elements: elements.named(as: element.type))
            case let (.map(offsets, keys, entries), .map(key, value)):
                .map(offsets: offsets, keys: keys.named(as: key.type), values: entries.named(as: value.type))
            default: values
            }
        return Column(trusted: type, count: count, nullCount: nullCount, validity: validity, values: renamed)
    }
}
