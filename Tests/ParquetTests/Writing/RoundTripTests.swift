import Base
import Columnar
import ObjectStore
import Parquet
import Testing

@Suite struct RoundTripTests {
    static let compressions: [Compression] = [.uncompressed, .snappy, .zstd(level: 3), .gzip(level: 1)]

    /// Random schemas up to three levels deep, in random page and row-group sizes.
    @Test(arguments: 0..<60)
    func readsWhatWasWritten(seed: Int) async throws {
        let columns = RandomColumns(seed: UInt64(seed))
        let random = columns.random
        let schema = columns.schema(columns: 1 + random.integer(below: 4), depth: seed % 4)
        var batches: [ColumnBatch] = []
        for _ in 0..<(1 + random.integer(below: 3)) {
            let rows = [0, 1, 17, 300][random.integer(below: 4)]
            batches.append(try ColumnBatch(schema: schema, columns: try schema.fields.map { try columns.column($0, rows: rows) }, rowCount: rows))
        }
        let options = WriterOptions(
            compression: Self.compressions[seed % 4], rowGroupRows: [50, 1 << 20][random.integer(below: 2)],
            pageBytes: [200, 1 << 20][random.integer(below: 2)], pageRows: [7, 1 << 16][random.integer(below: 2)],
            dictionaryBytes: [0, 100, 1 << 20][random.integer(below: 3)])
        let files = Files()
        let written = try await files.write("f", schema, batches, options)
        let file = try await files.open("f")
        let size = try await files.bytes("f").count
        #expect(written.sizeInBytes == Int64(size))
        for index in schema.fields.indices {
            let expected = batches.flatMap { $0.columns[index].scalars }
            let name = "seed \(seed), column \(index) \(schema.fields[index])"
            let whole = try await file.values(of: index)
            #expect(whole == expected, "\(name)")
            let pieces = try await file.values(of: index, rows: 1 + random.integer(below: 40), keepingDictionary: true)
            #expect(pieces == expected, "\(name)")
            let fetched = try await file.values(of: index, rows: 1 + random.integer(below: 40), pieceBytes: [1, 60, 1000][random.integer(below: 3)])
            #expect(fetched == expected, "\(name)")
        }
        try expectStatistics(written, batches, schema, seed)
    }

    /// The writer's bounds and counts, recomputed the slow way.
    private func expectStatistics(_ written: WrittenFile, _ batches: [ColumnBatch], _ schema: Schema, _ seed: Int) throws {
        for (index, field) in schema.fields.enumerated() where !field.type.isNested {
            guard let column = written.columns.first(where: { $0.path == [field.name] }) else {
                Issue.record("seed \(seed): no statistics of \(field.name)")
                continue
            }
            let values = batches.flatMap { $0.columns[index].scalars }
            let numbers = values.compactMap { $0 }.filter { !$0.isNaN }
            let least = numbers.min { Scalar.compare($0, $1) == .ascending }
            let greatest = numbers.max { Scalar.compare($0, $1) == .ascending }
            let nulls = values.count { $0 == nil }
            #expect(column.minimum == least, "seed \(seed) \(field)")
            #expect(column.maximum == greatest, "seed \(seed) \(field)")
            #expect(column.nullCount == Int64(nulls), "seed \(seed) \(field)")
            #expect(column.sawNaN == values.contains { $0?.isNaN ?? false }, "seed \(seed) \(field)")
        }
    }

    /// Columns that come as dictionary codes are written as if they were spelled out, whatever becomes of the dictionary.
    @Test(arguments: [3, 5000])
    func writesDictionaryColumnsOn(distinct: Int) async throws {
        let files = Files()
        let first = try batch("s", .string, (0..<20_000).map { $0 % 7 == 0 ? nil : .string("value \($0 % distinct)") })
        try await files.write("a", first.schema, [first])
        let file = try await files.open("a")
        let reader = try await file.columnReader(rowGroup: 0, column: 0, keepingDictionary: true)
        let writer = try ParquetWriter(writer: try await files.store.write(ObjectPath("b")), schema: file.schema)
        var sawCodes = false
        while let column = try reader.next(maxRows: 1000) {
            if case .dictionary = column.values { sawCodes = true }
            try await writer.write(try ColumnBatch(schema: file.schema, columns: [column], rowCount: column.count))
        }
        let written = try await writer.finish()
        let copy = try await files.open("b").values(of: 0)
        let expected = first.columns[0].scalars
        #expect(sawCodes)
        #expect(copy == expected)
        #expect(written.columns[0].nullCount == Int64(first.columns[0].nullCount))
    }
}

extension Scalar {
    fileprivate var isNaN: Bool {
        switch self {
        case let .float(value): value.isNaN
        case let .double(value): value.isNaN
        default: false
        }
    }
}
