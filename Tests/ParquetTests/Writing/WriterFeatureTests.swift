import Base
import Columnar
import ObjectStore
import Parquet
import Testing

@Suite struct WriterFeatureTests {
    @Test func chunkWithMoreDistinctValuesThanItsSampleShowsGetsADictionary() async throws {
        // Of 16,384 values drawn from 20,000, two thirds are new; of a million nearly none.
        let random = SeededRandomSource(seed: 3)
        let values: [Scalar?] = (0..<200_000).map { _ in .string("a rather long description of part \(random.integer(below: 20_000))") }
        let files = Files()
        let rows = try batch("c", .string, values)
        try await files.write("f", rows.schema, [rows])
        let file = try await files.open("f")
        #expect(file.metadata.rowGroups[0].columns[0].dictionaryPageOffset != nil)
        #expect(try await file.values(of: 0) == values)
    }

    static let encodings: [(DataType, @Sendable (Int) -> Scalar?, Encoding)] = [
        (.long, { .integer(Int64($0) * 3) }, .deltaBinaryPacked),
        (.date, { .date(Int32($0)) }, .deltaBinaryPacked),
        (.string, { .string("https://example.org/a/long/path/\(String(repeating: "0", count: 7 - String($0).count))\($0)") }, .deltaByteArray),
        (.double, { .double(1000 + Double($0) / 1024) }, .byteStreamSplit),
        (.string, { $0 % 3 == 0 ? nil : .string("few \($0 % 5)") }, .rleDictionary),
    ]

    @Test(arguments: encodings.indices)
    func optionalEncodingsAreTakenWhereTheyWin(index: Int) async throws {
        let (type, value, expected) = Self.encodings[index]
        let values = (0..<30_000).map(value)
        let files = Files()
        let rows = try batch("c", type, values)
        try await files.write("f", rows.schema, [rows], WriterOptions(pageVersion: index % 2 == 0 ? .v1 : .v2, encodings: [.deltas, .byteStreamSplit]))
        let file = try await files.open("f")
        #expect(file.metadata.rowGroups[0].columns[0].encodings.contains(expected))
        #expect(try await file.values(of: 0) == values)
    }

    @Test func columnsAreEncodedInParallelToTheSameBytes() async throws {
        let columns = RandomColumns(seed: 5)
        let schema = columns.schema(columns: 9, depth: 2)
        let batch = try ColumnBatch(schema: schema, columns: try schema.fields.map { try columns.column($0, rows: 500) }, rowCount: 500)
        let files = Files()
        try await files.write("one", schema, [batch, batch], WriterOptions(rowGroupRows: 300))
        try await files.write("four", schema, [batch, batch], WriterOptions(rowGroupRows: 300, concurrency: 4))
        #expect(try await files.bytes("one") == files.bytes("four"))
    }

    @Test func optionsThatNameNoColumnAreRefused() async throws {
        let files = Files()
        let schema = Schema([Field("a", .long)])
        await #expect(throws: ParquetError.cannotWrite(column: "b", reason: "the schema has no such leaf to sort by or to make a bloom filter of")) {
            try await files.write("f", schema, [], WriterOptions(sortingColumns: [SortingColumn(column: "b")]))
        }
        await #expect(throws: ParquetError.self) { try await files.write("g", schema, [], WriterOptions(bloomFilters: ["c": BloomFilterOptions()])) }
        let flag = Schema([Field("c", .boolean)])
        await #expect(throws: ParquetError.self) { try await files.write("h", flag, [], WriterOptions(bloomFilters: ["c": BloomFilterOptions()])) }
    }
}
