import Base
import Columnar
import DeltaEngine
import ObjectStore

/// `levee table create`.
enum TableCreate {
    private static let schema = Option.text("schema", "FILE", "the columns as JSON: Delta's own schema, or a list of {name, type, nullable, comment}")
    private static let partitionBy = Option.names("partition-by", "A,B", "the columns whose values files are kept apart by")
    private static let clusterBy = Option.names("cluster-by", "A,B.C", "the columns by which `levee table optimize` is to cluster the rows")
    private static let property = Option.text("property", "KEY=VALUE", repeatable: true, "a table property")
    private static let name = Option.text("name", "NAME", "the table's name, kept in its metadata")
    private static let description = Option.text("description", "TEXT", "what the table is for, kept in its metadata")

    static let command = Command(
        name: "create", summary: "create an empty table", positionals: [TableAccess.location],
        options: [schema, partitionBy, clusterBy, property, name, description] + TableAccess.options,
        examples: ["levee table create /data/orders --schema orders.json --partition-by day --property delta.appendOnly=true"]
    ) { arguments, console in
        guard let path = arguments[schema] else { throw UsageError(command: "levee table create", message: "--schema is missing") }
        let file = try TableAccess.file(path)
        let columns = try SchemaFile.parse(try await file.store.get(file.path), name: path)
        let options = CreateOptions(
            schema: columns, partitionColumns: arguments[partitionBy] ?? [], clusterBy: arguments[clusterBy] ?? [],
            properties: try properties(arguments.all(property)), name: arguments[name],
            description: arguments[description])
        let table = try TableAccess.table(arguments)
        let version = try await CreateOperation(table: table, options: options).run()
        switch console.format {
        case .json: try console.print(JSON.encode(["version": .integer(version), "location": .string(table.location)]) + "\n")
        case .text: try console.print("Created \(table.location) with \(columns.fields.count) columns.\n")
        }
    }

    static func properties(_ texts: [String], option: String = "--property") throws -> [String: String] {
        var properties: [String: String] = [:]
        for text in texts {
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                throw DeltaError.invalidRequest(reason: "\(option) \(text): write it as KEY=VALUE")
            }
            properties[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return properties
    }
}
