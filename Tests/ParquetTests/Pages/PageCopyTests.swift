import Base
import Columnar
import ObjectStore
import Testing

@testable import Parquet

@Suite struct PageCopyTests {
    private func copyPages(_ files: Files, _ names: [String], _ target: String, _ options: WriterOptions) async throws -> WrittenFile {
        let sources = try await concurrentMap(names, limit: 1) { try await files.open($0) }
        let writer = try ParquetWriter(writer: try await files.store.write(ObjectPath(target)), schema: sources[0].schema, options: options)
        let rows = sources.reduce(0) { $0 + Int($1.metadata.rowCount) }
        let group = writer.beginRowGroup(rowCount: rows)
        for (column, copier) in writer.makeCopiers().enumerated() {
            for source in sources {
                #expect(copier.accepts(source, column: column))
                for rowGroup in source.metadata.rowGroups.indices {
                    try copier.append(try await source.columnPages(rowGroup: rowGroup, column: column))
                }
            }
            try await group.append(try copier.finish())
        }
        try await group.finish()
        return try await writer.finish()
    }

    static let compressions: [Compression] = [.uncompressed, .snappy, .zstd(level: 1), .gzip(level: 1)]

    /// Random schemas, each file in another codec, page version and size, with and without dictionaries and page index.
    @Test(arguments: 0..<40)
    func copiedPagesHaveTheValuesOfTheirSources(seed: Int) async throws {
        let columns = RandomColumns(seed: UInt64(seed) + 1000)
        let random = columns.random
        let schema = columns.schema(columns: 1 + random.integer(below: 4), depth: seed % 4)
        let files = Files()
        var expected = [[Scalar?]](repeating: [], count: schema.fields.count)
        var batches: [ColumnBatch] = []
        for file in 0..<3 {
            let rows = [1, 40, 300][random.integer(below: 3)]
            let batch = try ColumnBatch(schema: schema, columns: try schema.fields.map { try columns.column($0, rows: rows) }, rowCount: rows)
            for index in expected.indices { expected[index] += batch.columns[index].scalars }
            batches.append(batch)
            try await files.write(
                "\(file)", schema, [batch],
                WriterOptions(
                    compression: Self.compressions[random.integer(below: 4)], rowGroupRows: [70, 1 << 20][random.integer(below: 2)],
                    pageRows: [9, 1 << 16][random.integer(below: 2)], pageVersion: random.integer(below: 2) == 0 ? .v1 : .v2,
                    dictionaryBytes: [0, 1 << 20][random.integer(below: 2)], encodings: random.integer(below: 2) == 0 ? [] : [.deltas, .byteStreamSplit],
                    writesPageIndex: random.integer(below: 2) == 0))
        }
        let written = try await copyPages(files, ["0", "1", "2"], "copy", WriterOptions(compression: Self.compressions[seed % 4]))
        let copy = try await files.open("copy")
        #expect(copy.metadata.rowGroups.count == 1)
        for index in schema.fields.indices { #expect(try await copy.values(of: index) == expected[index], "seed \(seed), \(schema.fields[index])") }
        for (index, field) in schema.fields.enumerated() where !field.type.isNested {
            let column = try #require(written.columns.first { $0.path == [field.name] })
            #expect(column.nullCount == Int64(expected[index].count { $0 == nil }), "seed \(seed), \(field)")
            for value in expected[index].compactMap({ $0 }) {
                if let minimum = column.minimum { #expect(Scalar.compare(minimum, value) != .descending, "seed \(seed), \(field)") }
                if let maximum = column.maximum { #expect(Scalar.compare(value, maximum) != .descending || column.sawNaN, "seed \(seed), \(field)") }
            }
        }
        try await expectSameStatistics(written, as: try await files.write("encoded", schema, batches), files, "seed \(seed)")
        // Row groups as they are, the copied one among them.
        let first = try await files.open("0")
        let writer = try ParquetWriter(writer: try await files.store.write(ObjectPath("groups")), schema: schema)
        for file in [copy, first] {
            for group in file.metadata.rowGroups.indices { try await writer.appendRowGroup(copying: file, rowGroup: group) }
        }
        _ = try await writer.finish()
        let groups = try await files.open("groups")
        for index in schema.fields.indices {
            let values = try await first.values(of: index)
            #expect(try await groups.values(of: index) == expected[index] + values, "seed \(seed), \(schema.fields[index])")
        }
    }

    /// Those of columns that nothing speaks against copying but the size of their pages.
    private func expectSameStatistics(_ copy: WrittenFile, as encoded: WrittenFile, _ files: Files, _ comment: Comment) async throws {
        var obstacles: [[CopyObstacle?]] = Array(repeating: [], count: copy.columns.count)
        for name in ["0", "1", "2"] {
            let file = try await files.open(name)
            for (column, _) in file.schema.fields.enumerated() {
                for group in file.metadata.rowGroups.indices {
                    for pages in try await file.columnPages(rowGroup: group, column: column) { obstacles[pages.leaf.index].append(pages.copyObstacle) }
                }
            }
        }
        for (index, (mine, other)) in zip(copy.columns, encoded.columns).enumerated() {
            #expect(mine.nullCount == other.nullCount, comment)
            guard obstacles[index].allSatisfy({ [nil, .smallPages, .sparseDictionary].contains($0) }) else { continue }
            #expect(mine.sawNaN == other.sawNaN, "\(comment), \(mine.path)")
            #expect((mine.minimum == nil) == (other.minimum == nil) && (mine.maximum == nil) == (other.maximum == nil), "\(comment), \(mine.path)")
            if mine.isMinimumExact { #expect(mine.minimum == other.minimum, "\(comment), \(mine.path)") }
            if mine.isMaximumExact { #expect(mine.maximum == other.maximum, "\(comment), \(mine.path)") }
        }
    }

    /// What another writer compressed though it hardly shrank is as quick to read as what this one writes.
    @Test(arguments: [DataPageVersion.v1, .v2])
    func pagesThatHardlyShrinkAreStoredUncompressed(version: DataPageVersion) async throws {
        let random = SeededRandomSource(seed: 3)
        let files = Files()
        var expected: [Scalar?] = []
        for file in 0..<2 {
            let rows = try batch("c", .string, (0..<3000).map { $0 % 7 == 0 ? nil : .string(UUID.v4(random).description) })
            expected += rows.columns[0].scalars
            try await files.write("\(file)", rows.schema, [rows], WriterOptions(minimumSavings: 0, pageVersion: version, dictionaryBytes: 0))
            #expect(try await files.open("\(file)").metadata.rowGroups[0].columns[0].codec == .snappy)
        }
        for (options, codec) in [(WriterOptions(), CompressionCodec.uncompressed), (WriterOptions(minimumSavings: 0), .snappy)] {
            _ = try await copyPages(files, ["0", "1"], "\(codec)", options)
            let copy = try await files.open("\(codec)")
            #expect(copy.metadata.rowGroups[0].columns[0].codec == codec)
            #expect(try await copy.values(of: 0) == expected)
        }
    }

    /// Few distinct texts that a writer spelled out get the dictionary that the encoder gives them, and deltas that save nothing become plain; nothing else is
    /// encoded anew for it.
    @Test(arguments: [OptionalEncodings(), .deltas], [DataPageVersion.v1, .v2])
    func textThatIsSlowToReadIsNoticed(encodings: OptionalEncodings, version: DataPageVersion) async throws {
        let random = SeededRandomSource(seed: 4)
        let cases: [(name: String, value: (Int) -> Scalar?, dictionaryBytes: Int, wantsDictionary: Bool, wantsPlain: Bool)] = [
            ("few", { $0 % 7 == 0 ? nil : .string("of category \($0 % 12)") }, 0, true, false),
            ("few in a dictionary", { $0 % 7 == 0 ? nil : .string("of category \($0 % 12)") }, 1 << 20, false, false),
            ("of its own", { _ in .string(UUID.v4(random).description) }, 0, false, !encodings.isEmpty),
            ("in order", { .string("a key with a long beginning \(1_000_000 + $0)") }, 0, false, false),
            ("null", { _ in nil }, 0, false, false),
        ]
        for (name, value, dictionaryBytes, wantsDictionary, wantsPlain) in cases {
            let files = Files()
            let rows = try batch("c", .string, (0..<5000).map(value))
            try await files.write(
                "0", rows.schema, [rows],
                WriterOptions(compression: .uncompressed, pageVersion: version, dictionaryBytes: dictionaryBytes, encodings: encodings))
            let source = try await files.open("0")
            let pages = try await source.columnPages(rowGroup: 0, column: 0)
            for (options, isWanted) in [
                (WriterOptions(), wantsDictionary || wantsPlain), (WriterOptions(dictionaryBytes: 0), wantsPlain),
                (WriterOptions(encodings: .deltas), wantsDictionary),
            ] {
                let writer = try ParquetWriter(writer: try await files.store.write(ObjectPath("copy")), schema: source.schema, options: options)
                #expect(try writer.makeCopiers()[0].gainsFromEncoding(pages) == isWanted, "\(name), \(options)")
                await writer.abort()
            }
        }
    }

    @Test func dictionariesBecomeTheirUnion() async throws {
        let files = Files()
        for file in 0..<3 {
            let rows = try batch("c", .string, (0..<2000).map { $0 % 9 == 0 ? nil : .string("value \(file + $0 % 4)") })
            try await files.write("\(file)", rows.schema, [rows])
        }
        let written = try await copyPages(files, ["0", "1", "2"], "copy", WriterOptions())
        let pages = try #require(try await files.open("copy").columnPages(rowGroup: 0, column: 0).first).pages
        #expect(pages.map(\.kind) == [.dictionary, .data(.v1), .data(.v1), .data(.v1)])
        #expect(pages[0].entryCount == 6)
        #expect(pages.dropFirst().allSatisfy { $0.encoding == .rleDictionary })
        #expect(written.columns[0].minimum == .string("value 0"))
        #expect(written.columns[0].maximum == .string("value 5"))
        #expect(written.columns[0].isMaximumExact)
        // The first file's codes mean the same in the union: its page is the same bytes.
        let source = try #require(try await files.open("0").columnPages(rowGroup: 0, column: 0).first).pages
        #expect(pages[1].bytes == source[1].bytes)
    }

    @Test func dictionariesWithoutMuchInCommonAreSpelledOut() async throws {
        let random = SeededRandomSource(seed: 1)
        let files = Files()
        for file in 0..<3 {
            let keys = (0..<300).map { _ in UUID.v4(random).description }
            // Each key twice: worth a dictionary in its own file, not in all together.
            let rows = try batch("c", .string, (0..<600).map { .string(keys[$0 % 300]) })
            try await files.write("\(file)", rows.schema, [rows])
            #expect(try await files.open("\(file)").metadata.rowGroups[0].columns[0].dictionaryPageOffset != nil)
        }
        _ = try await copyPages(files, ["0", "1", "2"], "copy", WriterOptions(dictionaryBytes: 10_000))
        let chunk = try #require(try await files.open("copy").columnPages(rowGroup: 0, column: 0).first)
        #expect(chunk.pages.map(\.encoding) == [.plain, .plain, .plain])
    }

    @Test func columnsOfOtherTypesOrNullabilityAreNotAccepted() async throws {
        let files = Files()
        let rows = try batch("c", .long, [.integer(1)], nullable: false)
        try await files.write("f", rows.schema, [rows])
        let file = try await files.open("f")
        for field in [Field("c", .long), Field("c", .timestamp, nullable: false), Field("c", .list(element: Field("element", .long)))] {
            let writer = try ParquetWriter(writer: try await files.store.write(ObjectPath("g")), schema: Schema([field]))
            #expect(!writer.makeCopiers()[0].accepts(file, column: 0))
            #expect(!writer.canCopyRowGroups(of: file))
            await #expect(throws: ParquetError.self) { try await writer.appendRowGroup(copying: file, rowGroup: 0) }
            await writer.abort()
        }
    }

    /// Single bits and whole bytes flipped all over the data: copying ends, with an error or without.
    @Test(arguments: 0..<4)
    func damagedPagesAreRefusedOrCopied(seed: Int) async throws {
        let random = SeededRandomSource(seed: UInt64(seed))
        let files = Files()
        let type = DataType.list(element: Field("element", .string))
        let rows = try batch("c", type, (0..<60).map { row in .list((0..<(row % 4)).map { .string("value \($0)") }) })
        try await files.write("good", rows.schema, [rows], WriterOptions(compression: .uncompressed, pageRows: 10))
        let good = try await files.bytes("good").array
        for attempt in 0..<150 {
            var bytes = good
            let position = 4 + random.integer(below: bytes.count - 12)
            bytes[position] = attempt % 2 == 0 ? bytes[position] ^ (1 << UInt8(random.integer(below: 8))) : UInt8(truncatingIfNeeded: random.next())
            try await files.put("bad", Bytes(bytes))
            do {
                _ = try await copyPagesOnce(files, ["bad", "good", "bad"])
            } catch is ParquetError {}
        }
    }

    private func copyPagesOnce(_ files: Files, _ names: [String]) async throws -> Int {
        let sources = try await concurrentMap(names, limit: 1) { try await files.open($0) }
        let schema = Schema([Field("c", .list(element: Field("element", .string)))])
        let writer = try ParquetWriter(writer: try await files.store.write(ObjectPath("copy")), schema: schema)
        guard let copier = writer.makeCopiers().first else { return 0 }
        for source in sources where copier.accepts(source, column: 0) {
            for group in source.metadata.rowGroups.indices { try copier.append(try await source.columnPages(rowGroup: group, column: 0)) }
        }
        let chunk = try copier.finish()
        await writer.abort()
        return chunk.sizeInBytes
    }
}
