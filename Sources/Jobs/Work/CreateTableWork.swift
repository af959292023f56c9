import Base
import Columnar
import DeltaEngine

/// Makes an empty table at the task's location, where there is none.
public struct CreateTableWork: TaskWork {
    public static let name = "createTable"

    public struct Column: Codable, Hashable, Sendable {
        public var name: String
        /// As SQL or the log spells it: `long`, `decimal(10,2)`, `array<string>`, `struct<a:long,b:string>`.
        public var type: String
        public var nullable: Bool
        public var comment: String?

        public init(name: String, type: String, nullable: Bool = true, comment: String? = nil) {
            self.name = name
            self.type = type
            self.nullable = nullable
            self.comment = comment
        }
    }

    public var schema: [Column]
    public var partitionBy: [String]
    public var clusterBy: [String]
    public var properties: [String: String]
    /// The table's, in its metadata.
    public var tableName: String?
    public var description: String?

    public init(
        schema: [Column], partitionBy: [String] = [], clusterBy: [String] = [], properties: [String: String] = [:], tableName: String? = nil,
        description: String? = nil
    ) {
        self.schema = schema
        self.partitionBy = partitionBy
        self.clusterBy = clusterBy
        self.properties = properties
        self.tableName = tableName
        self.description = description
    }

    public func run(_ run: TaskRun) async throws -> TaskResult {
        let location = run.table.location
        let options = CreateOptions(
            schema: try parsedSchema(), partitionColumns: partitionBy, clusterBy: clusterBy, properties: properties, name: tableName, description: description,
            dryRun: run.task.dryRun, conditions: run.conditions)
        if try await run.table.exists() {
            // An earlier pod of this run may have made it.
            guard let transaction = run.task.transaction,
                let done = try await run.table.snapshot().transactionVersion(transaction.appId), done >= transaction.version
            else { throw DeltaError.tableExists(location: location) }
            return try await run.alreadyApplied()
        }
        if let expected = run.task.expectedVersion { throw DeltaError.versionMismatch(expected: expected, actual: -1) }
        let version = try await CreateOperation(table: run.table, options: options).run()
        let columns = schema.count == 1 ? "1 column" : "\(schema.count) columns"
        return TaskResult(
            outcome: .succeeded, message: "\(run.task.dryRun ? "would make" : "made") \(location) with \(columns)", version: run.task.dryRun ? nil : version)
    }

    private func parsedSchema() throws -> Schema {
        let columns = schema.map { column in
            var json: JSONValue = ["name": .string(column.name), "type": .string(column.type), "nullable": .bool(column.nullable)]
            json["comment"] = column.comment.map(JSONValue.string)
            return json
        }
        return try SchemaFile.parse(Bytes(JSON.encode(.array(columns))), name: "createTable.schema")
    }
}
