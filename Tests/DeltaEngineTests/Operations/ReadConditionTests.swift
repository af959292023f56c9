import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport
import Testing

@testable import DeltaEngine

/// Conditions leave out what bounds say they cannot hold of, and nothing else.
@Suite struct ReadConditionTests {
    private static let fields = [Field("id", .long), Field("n", .integer), Field("text", .string)]
    private static let rows = 2000

    /// Two partitions with a file each: row groups of 500 rows in pages of 50, ids ascending, every third `n` null, every 13th row deleted.
    private static func table() async throws -> SchemaFixture {
        let data = try await SchemaFixture(
            protocol: SchemaFixture.protocolLine(["deletionVectors"]), schema: SchemaJSON.encode(Schema(fields + [Field("day", .date)])),
            partitionColumns: ["day"])
        for part in 0..<2 {
            let name = "part-\(part).parquet"
            var options = WriterOptions(compression: .uncompressed, rowGroupRows: 500, pageRows: 50)
            options.dictionaryBytes = 0
            let writer = try ParquetWriter(writer: try await data.log.store.write(try ObjectPath(name)), schema: Schema(fields), options: options)
            for start in stride(from: 0, to: rows, by: 50) {
                var columns: [Column] = []
                for (place, field) in fields.enumerated() {
                    let builder = ColumnBuilder(type: field.type)
                    for row in start..<(start + 50) { try builder.append(value(place, id: part * rows + row)) }
                    columns.append(builder.finish())
                }
                try await writer.write(try ColumnBatch(schema: Schema(fields), columns: columns, rowCount: 50))
            }
            let size = try await writer.finish().sizeInBytes
            var add = AddFile(
                path: DataPath(encoded: name), partitionValues: PartitionValues(columns: ["day"], values: ["2024-01-0\(part + 1)"]), size: size,
                modificationTime: 0, dataChange: true)
            add.deletionVector = RoaringFixture.inline((0..<Int64(rows)).filter { $0 % 13 == 0 })
            try await data.log.commit(Int64(part + 1), [JSON.encode(Action.add(add).json)])
        }
        return data
    }

    private static func value(_ column: Int, id: Int) -> Scalar? {
        switch column {
        case 0: .integer(Int64(id))
        case 1: id % 3 == 0 ? nil : .integer(Int64(id / 100))
        default: .string("row \(id) \(String(repeating: "x", count: 1000))")
        }
    }

    /// Conditions, the row groups that they leave pages of, and what they say of an id.
    private static let cases: [(String, Int, @Sendable (Int) -> Bool)] = [
        ("id = 1234", 1, { $0 == 1234 }), ("id BETWEEN 495 AND 505", 2, { (495...505).contains($0) }),
        ("id IN (3, 3999)", 2, { $0 == 3 || $0 == 3999 }), ("id < 0", 0, { _ in false }), ("id % 100 = 7", 100, { $0 % 100 == 7 }),
        ("n = 7", 1, { $0 / 100 == 7 && $0 % 3 != 0 }), ("n IS NULL AND id < 20", 1, { $0 % 3 == 0 && $0 < 20 }),
        ("text LIKE 'row 1999 %'", 100, { $0 == 1999 }), ("day = '2024-01-02' AND id < 2000", 0, { _ in false }),
        ("day = '2024-01-02' AND id < 2003", 1, { (2000..<2003).contains($0) }),
        ("(day = '2024-01-01' AND id > 1990) OR (day > '2024-01-01' AND id < 2010)", 2, { (1991..<2010).contains($0) }),
        ("id > 3990 OR n = 0", 2, { $0 > 3990 || ($0 < 100 && $0 % 3 != 0) }), ("NOT (id >= 5)", 1, { $0 < 5 }),
    ]

    @Test func readsTheRowsAndFewOthers() async throws {
        let data = try await Self.table()
        for (condition, groups, holds) in Self.cases { try await read(data, condition, groups, holds) }
    }

    private func read(_ data: SchemaFixture, _ condition: String, _ groups: Int, _ holds: (Int) -> Bool) async throws {
        let recording = RecordingStore(data.log.store)
        let table = DeltaTable(store: recording, environment: data.table.environment)
        let reader = try TableReader(
            table: table, snapshot: try await table.snapshot(), options: ReadOptions(columns: ["id", "text"], condition: condition))
        var ids: [Int] = []
        while let batch = try await reader.next() {
            for row in 0..<batch.rowCount {
                guard case let .integer(id) = batch.columns[0].value(at: row) else { continue }
                ids.append(Int(id))
                #expect(batch.columns[1].value(at: row) == Self.value(2, id: Int(id)), "\(condition)")
            }
        }
        #expect(ids.sorted() == (0..<2 * Self.rows).filter { $0 % Self.rows % 13 != 0 && holds($0) }, "\(condition)")
        // Of a row group's 500 KB two pages of text at most, with what lies between them and the other columns' pages.
        #expect(recording.bytesOfRanges <= groups * 250_000, "\(condition): \(recording.bytesOfRanges) bytes were read")
    }
}
