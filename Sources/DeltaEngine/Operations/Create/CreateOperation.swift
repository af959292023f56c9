import Base
import Columnar

/// What a new table is to be.
public struct CreateOptions: Sendable {
    public var schema: Schema
    public var partitionColumns: [String]
    /// Columns, or fields of structs, by which OPTIMIZE is to cluster the table (protocol, "Clustered Table").
    public var clusterBy: [String]
    public var properties: [String: String]
    public var name: String?
    public var description: String?
    /// Find out whether it could be made, and make nothing.
    public var dryRun: Bool
    public var conditions: CommitConditions

    public init(
        schema: Schema, partitionColumns: [String] = [], clusterBy: [String] = [], properties: [String: String] = [:], name: String? = nil,
        description: String? = nil, dryRun: Bool = false,
        conditions: CommitConditions = CommitConditions()
    ) {
        self.schema = schema
        self.partitionColumns = partitionColumns
        self.clusterBy = clusterBy
        self.properties = properties
        self.name = name
        self.description = description
        self.dryRun = dryRun
        self.conditions = conditions
    }
}

/// Makes an empty table where there is none.
public struct CreateOperation: Sendable {
    public let table: DeltaTable
    public let options: CreateOptions

    public init(table: DeltaTable, options: CreateOptions) {
        self.table = table
        self.options = options
    }

    /// Returns the version, 0, also where nothing was to be made yet. Throws ``DeltaError/tableExists(location:)``, and ``DeltaError/invalidMetadata(reason:)`` for a table that Delta forbids.
    public func run() async throws -> Int64 {
        let environment = table.environment
        let metadata = TableMetadata(
            id: UUID.v4(environment.random).description, name: options.name, description: options.description, schema: options.schema,
            partitionColumns: options.partitionColumns, configuration: options.properties, createdTime: environment.clock.now().milliseconds)
        try check(metadata)
        let clustering = options.clusterBy.isEmpty ? nil : try Clustering.domain(options.clusterBy, metadata)
        let action = try NewTableProtocol.make(for: metadata, isClustered: clustering != nil)
        if try await table.exists() { throw DeltaError.tableExists(location: table.location) }
        if options.dryRun { return 0 }
        let properties = JSONObject(options.properties.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) })
        let operation = OperationInfo(
            "CREATE TABLE",
            parameters: [
                "isManaged": "false", "description": options.description.map(JSONValue.string) ?? .null,
                "partitionBy": .string(JSON.encode(.array(options.partitionColumns.map(JSONValue.string)))),
                "clusterBy": .string(JSON.encode(.array(options.clusterBy.map(JSONValue.string)))),
                "properties": .string(JSON.encode(.object(properties))),
            ], uid: options.conditions.operationUID)
        var transaction = Transaction(
            table: table, readSnapshot: nil, operation: operation,
            actions: [.protocol(action), .metadata(metadata)] + (clustering.map { [.domainMetadata($0)] } ?? []))
        options.conditions.apply(to: &transaction)
        return try await transaction.commit().version ?? 0
    }

    private func check(_ metadata: TableMetadata) throws(DeltaError) {
        try metadata.check()
        guard !metadata.schema.fields.isEmpty else { throw .invalidMetadata(reason: "a table needs a column") }
        guard metadata.partitionColumns.count < metadata.schema.fields.count else {
            throw .invalidMetadata(reason: "all columns are partition columns; a table needs one that is not")
        }
        for field in metadata.schema.fields {
            // Protocol, "Column Mapping": without it, names are also those in Parquet files, which Spark does not let have these.
            if let character = field.name.first(where: { " ,;{}()\n\t=".contains($0) }) {
                throw .invalidMetadata(reason: "column \(field.name) has a \"\(character)\" in its name, which Delta allows only with column mapping")
            }
        }
        for (key, value) in metadata.configuration {
            // Durations that cannot be read would silently be the defaults.
            if key.hasSuffix("RetentionDuration"), CalendarInterval.duration(value) == nil {
                throw .invalidMetadata(reason: "\(key) is \"\(value)\"; write it like \"interval 7 days\"")
            }
        }
    }
}
