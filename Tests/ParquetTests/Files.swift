import Base
import Columnar
import ObjectStore
import Parquet

/// Files in memory for one test.
struct Files {
    let store = InMemoryStore()

    /// Writes `batches` to one file.
    @discardableResult
    func write(_ name: String, _ schema: Schema, _ batches: [ColumnBatch], _ options: WriterOptions = WriterOptions()) async throws -> WrittenFile {
        let writer = try ParquetWriter(writer: try await store.write(ObjectPath(name)), schema: schema, options: options)
        for batch in batches { try await writer.write(batch) }
        return try await writer.finish()
    }

    /// The same in pages of so many rows: the writer ends a page only between what it is given.
    func write(_ name: String, _ rows: ColumnBatch, pageRows: Int, _ options: WriterOptions = WriterOptions()) async throws {
        var options = options
        options.pageRows = pageRows
        let slices = stride(from: 0, to: rows.rowCount, by: pageRows).map { rows.slice($0..<min($0 + pageRows, rows.rowCount)) }
        try await write(name, rows.schema, slices, options)
    }

    func open(_ name: String, limits: ReadLimits = ReadLimits()) async throws -> ParquetFile {
        try await ParquetFile.open(store, ObjectPath(name), limits: limits)
    }

    func put(_ name: String, _ bytes: Bytes) async throws { try await store.put(ObjectPath(name), bytes, mode: .overwrite) }

    func bytes(_ name: String) async throws -> Bytes { try await store.get(ObjectPath(name)) }
}

extension ParquetFile {
    /// All values of a column, read as one.
    func values(of column: Int) async throws -> [Scalar?] {
        var values: [Scalar?] = []
        for group in metadata.rowGroups.indices { values += try await readRowGroup(group, columns: [column]).columns[0].scalars }
        return values
    }

    /// All values of a column, read `rows` at a time.
    func values(of column: Int, rows: Int, keepingDictionary: Bool) async throws -> [Scalar?] {
        var values: [Scalar?] = []
        for group in metadata.rowGroups.indices {
            let reader = try await columnReader(rowGroup: group, column: column, keepingDictionary: keepingDictionary)
            while let part = try reader.next(maxRows: rows) { values += try part.withoutDictionary().scalars }
        }
        return values
    }

    /// All values of a column, fetched in pieces of so many bytes.
    func values(of column: Int, rows: Int, pieceBytes: Int64) async throws -> [Scalar?] {
        var values: [Scalar?] = []
        for group in metadata.rowGroups.indices {
            let stream = try await columnStream(rowGroup: group, column: column, pieceBytes: pieceBytes)
            while let part = try await stream.next(maxRows: rows) { values += part.scalars }
        }
        return values
    }
}

/// A batch of one column.
func batch(_ name: String, _ type: DataType, _ values: [Scalar?], nullable: Bool = true) throws -> ColumnBatch {
    let builder = ColumnBuilder(type: type)
    for value in values { try builder.append(value) }
    return try ColumnBatch(schema: Schema([Field(name, type, nullable: nullable)]), columns: [builder.finish()], rowCount: values.count)
}
