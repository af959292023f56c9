import Base
import Columnar

/// The metadata of a table that was a directory of Parquet files.
enum ConvertedSchema {
    /// Throws ``DeltaError/invalidMetadata(reason:)`` for names that Delta allows only with column mapping, and for a table without a column of its own;
    /// ``DeltaError/unsupportedType(column:type:)`` for a column that is null in all files, so that nobody knows its type.
    static func metadata(
        fields: [Field], partitionColumns: [Field], options: ConvertOptions, id: String, createdTime: Int64
    ) throws(DeltaError) -> TableMetadata {
        // Files may have the columns that their directories name, too; the directories' word goes.
        var fields = fields.filter { field in !partitionColumns.contains { $0.name.lowercased() == field.name.lowercased() } }
        guard !fields.isEmpty else { throw .invalidMetadata(reason: "all columns are partition columns; a table needs one that is not") }
        fields += partitionColumns
        for field in fields { try check(field, path: field.name, allowsAnyName: options.mapsNames) }
        var configuration: [String: String] = [:]
        if options.mapsNames {
            var next: Int64 = 0
            fields = fields.map { mapped($0, &next) }
            configuration = ["delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": String(next)]
        }
        let metadata = TableMetadata(
            id: id, schema: Schema(fields), partitionColumns: partitionColumns.map(\.name), configuration: configuration, createdTime: createdTime)
        try metadata.check()
        return metadata
    }

    private static func check(_ field: Field, path: String, allowsAnyName: Bool) throws(DeltaError) {
        // Protocol, "Column Mapping": without it, names are also those in Parquet files, which Spark does not let have these.
        if !allowsAnyName, let character = field.name.first(where: { " ,;{}()\n\t=".contains($0) }) {
            throw .invalidMetadata(
                reason:
                    "column \(path) has a \"\(character)\" in its name, which Delta allows only with column mapping; ask for that (--name-mapping), or rename the "
                    + "column in the files")
        }
        switch field.type {
        case .null: throw .unsupportedType(column: path, type: "void: it is null in all files")
        case let .structure(children): for child in children { try check(child, path: "\(path).\(child.name)", allowsAnyName: allowsAnyName) }
        case let .list(element): try check(element, path: "\(path).element", allowsAnyName: allowsAnyName)
        case let .map(key, value):
            try check(key, path: "\(path).key", allowsAnyName: allowsAnyName)
            try check(value, path: "\(path).value", allowsAnyName: allowsAnyName)
        default: return
        }
    }

    /// Every column and field of a struct gets an id and keeps its name in the files.
    private static func mapped(_ field: Field, _ next: inout Int64) -> Field {
        var field = field
        next += 1
        field.metadata["delta.columnMapping.id"] = .integer(next)
        field.metadata["delta.columnMapping.physicalName"] = .string(field.name)
        field.type = mapped(field.type, &next)
        return field
    }

    private static func mapped(_ type: DataType, _ next: inout Int64) -> DataType {
        func inner(_ field: Field) -> Field {
            var field = field
            field.type = mapped(field.type, &next)
            return field
        }
        switch type {
        case let .structure(children): return .structure(children.map { mapped($0, &next) })
        case let .list(element): return .list(element: inner(element))
        case let .map(key, value): return .map(key: inner(key), value: inner(value))
        default: return type
        }
    }
}
