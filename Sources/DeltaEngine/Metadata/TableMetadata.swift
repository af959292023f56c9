import Base
import Columnar

/// The table's identity, schema, partitioning and properties (protocol, "Change Metadata").
public struct TableMetadata: Sendable, Hashable {
    public var id: String
    public var name: String?
    public var description: String?
    /// `parquet`, in every table that Levee handles.
    public var formatProvider: String
    public var formatOptions: [String: String]
    /// The schema's text as in the log: what Levee does not change it writes back as it was.
    public private(set) var schemaString: String
    public private(set) var schema: Schema
    public var partitionColumns: [String]
    public var configuration: [String: String]
    /// Milliseconds since the epoch.
    public var createdTime: Int64?
    /// Whether the table's protocol has column mapping: without it the property means nothing.
    var allowsColumnMapping = true

    public init(
        id: String, name: String? = nil, description: String? = nil, schema: Schema, partitionColumns: [String] = [],
        configuration: [String: String] = [:], createdTime: Int64? = nil
    ) {
        self.id = id
        self.name = name
        self.description = description
        formatProvider = "parquet"
        formatOptions = [:]
        self.schema = schema
        schemaString = SchemaJSON.encode(schema)
        self.partitionColumns = partitionColumns
        self.configuration = configuration
        self.createdTime = createdTime
    }

    /// Metadata from the log. Throws what ``SchemaJSON/parse(_:)-(String)`` throws, and ``DeltaError/invalidMetadata(reason:)`` for partition columns
    /// that are none.
    public init(
        id: String, name: String?, description: String?, formatProvider: String, formatOptions: [String: String], schemaString: String,
        partitionColumns: [String], configuration: [String: String], createdTime: Int64?
    ) throws(DeltaError) {
        self.id = id
        self.name = name
        self.description = description
        self.formatProvider = formatProvider
        self.formatOptions = formatOptions
        self.schemaString = schemaString
        schema = try SchemaJSON.parse(schemaString)
        self.partitionColumns = partitionColumns
        self.configuration = configuration
        self.createdTime = createdTime
        try check()
    }

    /// Throws ``DeltaError/invalidMetadata(reason:)`` where the parts do not fit together.
    public func check() throws(DeltaError) {
        guard formatProvider == "parquet" else { throw .invalidMetadata(reason: "its data files are \(formatProvider), Levee handles Parquet only") }
        var seen: Set<String> = []
        if let mode = configuration["delta.columnMapping.mode"], ColumnMapping.Mode(rawValue: mode.lowercased()) == nil {
            throw .invalidMetadata(reason: "delta.columnMapping.mode is \(mode), which is none of the protocol's")
        }
        for column in partitionColumns {
            guard let field = schema[column] else { throw .invalidMetadata(reason: "the partition column \(column) is not in the schema") }
            guard !field.type.isNested else { throw .invalidMetadata(reason: "the partition column \(column) has the nested type \(field.type)") }
            guard seen.insert(column).inserted else { throw .invalidMetadata(reason: "the partition column \(column) is listed twice") }
        }
    }

    /// The fields of the partition columns, in the order of ``partitionColumns``.
    public var partitionFields: [Field] { partitionColumns.compactMap { schema[$0] } }

    /// By which names the log and the files call columns.
    public var columnMapping: ColumnMapping {
        guard allowsColumnMapping, let mode = configuration["delta.columnMapping.mode"]?.lowercased() else { return ColumnMapping(mode: .none) }
        return ColumnMapping(mode: ColumnMapping.Mode(rawValue: mode) ?? .none)
    }

    /// The name by which `partitionValues` and statistics call a column or a field of a struct.
    func physicalName(of field: Field) -> String { columnMapping.mode == .none ? field.name : ColumnMapping.physicalName(field) }

    /// The physical names of the partition columns.
    public var partitionKeys: [String] { partitionColumns.map { column in schema[column].map(physicalName(of:)) ?? column } }

    /// The columns that data files hold, in the order of the schema.
    public var dataFields: [Field] { schema.fields.filter { !partitionColumns.contains($0.name) } }

    /// Whether a property is set to true, in any case of letters.
    public func isEnabled(_ property: String) -> Bool { configuration[property]?.lowercased() == "true" }
}
