import Base
import Columnar
import ObjectStore
import Parquet
import Testing

@Suite struct WriterTests {
    private func chunk(_ values: [Scalar?], _ type: DataType, _ options: WriterOptions = WriterOptions()) async throws -> ColumnChunkMetadata {
        let files = Files()
        let rows = try batch("c", type, values)
        try await files.write("f", rows.schema, [rows], options)
        return try #require(try await files.open("f").metadata.rowGroups.first?.columns.first)
    }

    @Test func keysGetNoDictionaryAndCategoriesDo() async throws {
        let random = SeededRandomSource(seed: 1)
        let keys = try await chunk((0..<50_000).map { _ in .string(UUID.v4(random).description) }, .string)
        #expect(keys.dictionaryPageOffset == nil)
        #expect(keys.encodings == [.rle, .plain])
        let categories = try await chunk((0..<50_000).map { .string("category \($0 % 20)") }, .string)
        #expect(categories.dictionaryPageOffset != nil)
        #expect(categories.encodings == [.rle, .plain, .rleDictionary])
        #expect(categories.totalCompressedSize < 60_000)
        let numbers = try await chunk((0..<50_000).map { .integer(Int64($0)) }, .long)
        #expect(numbers.dictionaryPageOffset == nil)
    }

    @Test func dictionaryThatOutgrowsItsLimitIsKeptForThePagesThatUseIt() async throws {
        let values: [Scalar?] = (0..<60_000).map { .string($0 < 20_000 ? "few \($0 % 10)" : "many \($0) \($0 * 7)") }
        let files = Files()
        let rows = try batch("c", .string, values)
        try await files.write("f", rows.schema, [rows], WriterOptions(pageRows: 5000, dictionaryBytes: 10_000))
        let file = try await files.open("f")
        let read = try await file.values(of: 0)
        #expect(read == values)
        #expect(file.metadata.rowGroups[0].columns[0].dictionaryPageOffset != nil)
    }

    static let bounds: [(DataType, [Scalar?], String, String)] = [
        (.string, [.string(String(repeating: "a", count: 70)), nil], String(repeating: "a", count: 64), String(repeating: "a", count: 63) + "b"),
        // A character of four bytes across the limit; the one after the last of its plane.
        (.string, [.string(String(repeating: "x", count: 62) + "🙂🙂")], String(repeating: "x", count: 62), String(repeating: "x", count: 61) + "y"),
        (.string, [.string("b"), .string("a")], "a", "b"),
        (.string, [.string("")], "", ""),
    ]

    @Test(arguments: bounds)
    func cutsTextBetweenCharacters(type: DataType, values: [Scalar?], minimum: String, maximum: String) async throws {
        let statistics = try #require(try await chunk(values, type).statistics)
        #expect(statistics.minimum?.text == minimum)
        #expect(statistics.maximum?.text == maximum)
        let isExact = values.allSatisfy { $0.map { $0.description.utf8.count <= 64 } ?? true }
        #expect(statistics.isMinimumExact == isExact)
        #expect(statistics.isMaximumExact == isExact)
    }

    @Test func cutsBinaryUpwards() async throws {
        let high = Bytes([UInt8](repeating: 1, count: 63) + [0xff, 0xff, 7])
        let statistics = try #require(try await chunk([.binary(high)], .binary).statistics)
        #expect(statistics.maximum == Bytes([UInt8](repeating: 1, count: 62) + [2]))
        let ones = Bytes([UInt8](repeating: 0xff, count: 100))
        let uncut = try #require(try await chunk([.binary(ones)], .binary).statistics)
        #expect(uncut.maximum == ones)
        #expect(uncut.isMaximumExact == true)
        let longOnes = try #require(try await chunk([.binary(Bytes([UInt8](repeating: 0xff, count: 5000)))], .binary).statistics)
        #expect(longOnes.maximum == nil)
        #expect(longOnes.minimum == nil)
    }

    @Test func zerosAndNaNsFollowTheRules() async throws {
        let zero = try #require(try await chunk([.double(0), .double(.nan), .double(-0.0)], .double).statistics)
        #expect(zero.minimum == Bytes([0, 0, 0, 0, 0, 0, 0, 0x80]))
        #expect(zero.maximum == Bytes([0, 0, 0, 0, 0, 0, 0, 0]))
        let onlyNaN = try #require(try await chunk([.float(.nan), nil], .float).statistics)
        #expect(onlyNaN.minimum == nil)
        #expect(onlyNaN.nullCount == 1)
    }

    @Test func refusesWhatDoesNotFit() async throws {
        let files = Files()
        let nulls = try batch("c", .long, [.integer(1), nil])
        let required = Schema([Field("c", .long, nullable: false)])
        await #expect(throws: ParquetError.cannotWrite(column: "c", reason: "it has a null and is not nullable")) {
            try await files.write("f", required, [nulls])
        }
        await #expect(throws: ParquetError.self) { try await files.write("f", Schema([Field("c", .string)]), [nulls]) }
        await #expect(throws: ParquetError.self) { try await files.write("f", Schema([Field("c", .structure([]))]), []) }
    }

    @Test func rowGroupsAreCheckedAgainstTheSchema() async throws {
        let files = Files()
        let schema = Schema([Field("a", .long), Field("b", .string)])
        let writer = try ParquetWriter(writer: try await files.store.write(ObjectPath("f")), schema: schema)
        let encoders = writer.makeEncoders()
        try encoders[0].append(.nulls(.long, count: 3))
        try encoders[1].append(.nulls(.string, count: 2))
        let (a, b) = (try encoders[0].finish(), try encoders[1].finish())
        await #expect(throws: ParquetError.self) { try await writer.appendRowGroup([b, a], rowCount: 3) }
        await #expect(throws: ParquetError.self) { try await writer.appendRowGroup([a, b], rowCount: 3) }
        await #expect(throws: ParquetError.self) { try await writer.beginRowGroup(rowCount: 3).finish() }
        await writer.abort()
    }

    @Test func writesFilesWithoutRows() async throws {
        let files = Files()
        let schema = Schema([Field("a", .long), Field("b", .list(element: Field("element", .string)))])
        let written = try await files.write("f", schema, [])
        let file = try await files.open("f")
        #expect(written.rowCount == 0)
        #expect(file.metadata.rowGroups.isEmpty)
        #expect(file.schema == schema)
    }

    @Test func footerCarriesKeyValuesFieldIDsAndTheWritersName() async throws {
        let files = Files()
        let schema = Schema([Field("a", .long, metadata: ["parquet.field.id": 7])])
        let options = WriterOptions(createdBy: "levee version 9 (build x)", keyValues: [.init(key: "k", value: "v"), .init(key: "none", value: nil)])
        try await files.write("f", schema, [], options)
        let metadata = try await files.open("f").metadata
        #expect(metadata.createdBy == "levee version 9 (build x)")
        #expect(metadata.keyValues == options.keyValues)
        #expect(metadata.value(forKey: "k") == "v")
        #expect(metadata.schema.roots[0].fieldID == 7)
    }
}
