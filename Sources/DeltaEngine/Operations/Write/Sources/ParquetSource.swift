import Base
import Columnar
import ObjectStore
import Parquet

/// The rows of a Parquet file. Its columns are found by name; one that the table does not have is an error, one that the file lacks is null.
final class ParquetSource: RowSource, @unchecked Sendable {
    // Safe to share: `RowSource` has one caller at a time.
    private let store: any ObjectStore
    private let path: ObjectPath
    private let schema: Schema
    private var opened: (file: DataFile, scan: FileScan)?

    private static let batchRows = 65_536

    init(store: any ObjectStore, path: ObjectPath, schema: Schema) {
        self.store = store
        self.path = path
        self.schema = schema
    }

    func next() async throws -> ColumnBatch? {
        let (file, scan) = try await open()
        guard let run = try await scan.next(maxRows: Self.batchRows) else { return nil }
        return try file.wanted(of: run)
    }

    private func open() async throws -> (DataFile, FileScan) {
        if let opened { return opened }
        let stored = try await ParquetFile.open(store, path)
        var positions: [Int?] = Array(repeating: nil, count: schema.fields.count)
        for (position, field) in stored.schema.fields.enumerated() {
            guard let place = ColumnAdapter.match(field.name, in: schema.fields) else {
                throw DeltaError.invalidData(
                    source: path.string,
                    reason: "column \(field.name) is not in the table, which has \(schema.fields.map(\.name).joined(separator: ", "))")
            }
            guard ColumnAdapter.canAdapt(field.type, to: schema.fields[place].type) else {
                throw DeltaError.invalidData(
                    source: path.string, reason: "column \(schema.fields[place].name) is of type \(schema.fields[place].type) and the file has \(field.type)")
            }
            if positions[place] != nil { throw DeltaError.invalidData(source: path.string, reason: "it has two columns \(field.name)") }
            positions[place] = position
        }
        for (field, position) in zip(schema.fields, positions) where position == nil && !field.nullable {
            throw DeltaError.invalidData(source: path.string, reason: "column \(field.name) must have a value and the file does not have it")
        }
        let file = DataFile(file: stored, fields: schema.fields, positions: positions)
        let scan = try file.scan()
        opened = (file, scan)
        return (file, scan)
    }
}
