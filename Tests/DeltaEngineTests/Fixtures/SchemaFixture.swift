import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport

@testable import DeltaEngine

/// A table of any schema and protocol, whose metadata is changed and whose rows are appended step by step.
struct SchemaFixture {
    let log: LogFixture
    var table: DeltaTable { log.table }

    /// A table whose first version is there.
    init(log: LogFixture) { self.log = log }

    /// Version 0.
    init(protocol: String, schema: String, configuration: [String: String] = [:], partitionColumns: [String] = []) async throws {
        log = LogFixture()
        try await log.create(protocol: `protocol`, schema: schema, partitionColumns: partitionColumns, configuration: configuration)
    }

    static func protocolLine(_ features: [String]) -> String {
        let list = "[" + features.map { "\"\($0)\"" }.joined(separator: ",") + "]"
        return #"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":\#(list),"writerFeatures":\#(list)}}"#
    }

    /// Commits another schema.
    func change(schema: String, configuration: [String: String] = [:], partitionColumns: [String] = []) async throws {
        let version = try await table.latestVersion() + 1
        try await log.commit(version, [LogFixture.metadata(schema: schema, partitionColumns: partitionColumns, configuration: configuration)])
    }

    /// Appends rows, a JSON object each.
    func append(_ rows: String...) async throws {
        let input = InMemoryStore()
        let path = try ObjectPath("rows.json")
        try await input.put(path, Bytes(rows.joined(separator: "\n")), mode: .overwrite)
        log.clock.advance(by: .seconds(1))
        _ = try await WriteOperation(table: table, input: WriteInput(store: input, path: path, format: .jsonLines)).run()
    }

    /// Writes a file with these columns, as another writer's; returns its size.
    @discardableResult func write(file name: String, _ fields: [Field], _ rows: [[Scalar?]]) async throws -> Int64 {
        let path = try ObjectPath(name)
        let writer = try ParquetWriter(writer: try await log.store.write(path), schema: Schema(fields))
        var columns: [Column] = []
        for (place, field) in fields.enumerated() {
            let builder = ColumnBuilder(type: field.type)
            for row in rows { try builder.append(row[place]) }
            columns.append(builder.finish())
        }
        try await writer.write(try ColumnBatch(schema: Schema(fields), columns: columns, rowCount: rows.count))
        return try await writer.finish().sizeInBytes
    }

    /// Commits a file with these columns, as another writer's.
    func append(file name: String, _ fields: [Field], _ rows: [[Scalar?]], partition: [String: String?] = [:]) async throws {
        let size = try await write(file: name, fields, rows)
        try await log.commit(try await table.latestVersion() + 1, [LogFixture.add(name, size: size, partition: partition)])
    }

    /// All rows with all columns, in the order of their texts.
    func rows(_ options: ReadOptions = ReadOptions()) async throws -> [[Scalar?]] {
        let reader = try TableReader(table: table, snapshot: try await table.snapshot(), options: options)
        var rows: [[Scalar?]] = []
        while let batch = try await reader.next() {
            for row in 0..<batch.rowCount { rows.append(batch.columns.map { $0.value(at: row) }) }
        }
        return rows.sorted { "\($0)" < "\($1)" }
    }

    /// The footer of a file of the table.
    func open(_ file: FileView) async throws -> ParquetFile {
        try await ParquetFile.open(log.store, try file.path.object(in: log.store), sizeInBytes: file.size)
    }
}
