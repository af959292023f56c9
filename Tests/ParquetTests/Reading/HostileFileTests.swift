import Base
import Columnar
import ObjectStore
import Parquet
import Testing

/// Damaged files end in a typed error or in data, never in a crash, a hang or a large allocation.
@Suite struct HostileFileTests {
    /// Small, with everything in it: nested and flat columns, nulls, dictionaries, several pages and row groups.
    private func sample(_ files: Files, _ compression: Compression) async throws -> Bytes {
        let columns = RandomColumns(seed: 42)
        let schema = Schema([
            Field("id", .long, nullable: false), Field("name", .string), Field("flag", .boolean), Field("price", .decimal(precision: 20, scale: 2)),
            Field("tags", .map(key: Field("key", .string, nullable: false), value: Field("value", .list(element: Field("element", .integer))))),
            Field("point", .structure([Field("x", .double), Field("y", .float)])),
        ])
        let rows = try ColumnBatch(schema: schema, columns: try schema.fields.map { try columns.column($0, rows: 40) }, rowCount: 40)
        try await files.write("sample", schema, [rows], WriterOptions(compression: compression, rowGroupRows: 25, pageRows: 10, statisticsBytes: 8))
        return try await files.bytes("sample")
    }

    /// Reads all of it; returns whether it could.
    private func reads(_ files: Files, _ name: String) async throws -> Bool {
        do {
            let file = try await files.open(name, limits: ReadLimits(pageBytes: 1 << 20, batchBytes: 16 << 20, footerBytes: 1 << 20))
            for group in file.metadata.rowGroups.indices {
                _ = try await file.readRowGroup(group)
                for column in file.schema.fields.indices {
                    let reader = try await file.columnReader(rowGroup: group, column: column, keepingDictionary: true)
                    while let part = try reader.next(maxRows: 7) { _ = part.scalars }
                }
            }
            return true
        } catch is ParquetError {
            return false
        }
    }

    @Test func truncatedAtEveryByte() async throws {
        let files = Files()
        let whole = try await sample(files, .snappy)
        for length in 0..<whole.count {
            try await files.put("cut", whole.prefix(length))
            let isRead = try await reads(files, "cut")
            #expect(!isRead, "cut to \(length) of \(whole.count) bytes")
        }
    }

    @Test(arguments: [Compression.uncompressed, .snappy, .zstd(level: 1), .gzip(level: 1)])
    func flippedBits(compression: Compression) async throws {
        let files = Files()
        let whole = try await sample(files, compression).array
        let random = SeededRandomSource(seed: 7)
        for _ in 0..<500 {
            var bytes = whole
            for _ in 0..<(1 + random.integer(below: 4)) {
                let position = random.integer(below: bytes.count)
                switch random.integer(below: 3) {
                case 0: bytes[position] ^= 1 << UInt8(random.integer(below: 8))
                case 1: bytes[position] = 0xff
                default: bytes[position] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            try await files.put("flipped", Bytes(bytes))
            _ = try await reads(files, "flipped")
        }
    }

    @Test func saysWhatAFileIsNot() async throws {
        let files = Files()
        try await files.put("empty", .empty)
        await #expect(throws: ParquetError.notParquet(file: "empty", reason: "it has only 0 bytes")) { try await files.open("empty") }
        try await files.put("text", Bytes("this is no Parquet file at all"))
        await #expect(throws: ParquetError.self) { try await files.open("text") }
        try await files.put("encrypted", Bytes("PAR1............PARE"))
        await #expect(throws: ParquetError.encrypted(file: "encrypted")) { try await files.open("encrypted") }
        try await files.put("longFooter", Bytes([0x50, 0x41, 0x52, 0x31, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0x50, 0x41, 0x52, 0x31]))
        await #expect(throws: ParquetError.self) { try await files.open("longFooter") }
    }

    /// A value that swallows those behind it: more bytes than the lengths of all values leave for them.
    @Test func lengthThatSwallowsTheNextValuesIsDamage() async throws {
        let files = Files()
        let rows = try batch("c", .string, (0..<500).map { _ in .string("aaaa") })
        try await files.write("f", rows.schema, [rows], WriterOptions(compression: .uncompressed, dictionaryBytes: 0))
        let bytes = try await files.bytes("f").array
        let value: [UInt8] = [4, 0, 0, 0, 0x61, 0x61, 0x61, 0x61]
        let first = try #require((0..<bytes.count).first { bytes[$0...].starts(with: value) })
        for length in [5, 100, 8 * 400, 8 * 500 - 4, 8 * 500 - 3, 1 << 30] {
            var damaged = bytes
            for index in 0..<4 { damaged[first + index] = UInt8(truncatingIfNeeded: length >> (index * 8)) }
            try await files.put("damaged", Bytes(damaged))
            let file = try await files.open("damaged")
            await #expect(throws: ParquetError.self, "\(length)") { try await file.readRowGroup(0) }
        }
    }

    @Test func largeClaimsMeetTheLimits() async throws {
        let files = Files()
        let rows = try batch("c", .string, (0..<3000).map { .string(String(repeating: "x", count: 100) + "\($0)") })
        try await files.write("f", rows.schema, [rows])
        let pages = try await files.open("f", limits: ReadLimits(pageBytes: 1000))
        await #expect(throws: ParquetError.self) { try await pages.readRowGroup(0) }
        let batches = try await files.open("f", limits: ReadLimits(batchBytes: 10_000))
        await #expect(throws: ParquetError.self) { try await batches.readRowGroup(0) }
        let reader = try await batches.columnReader(rowGroup: 0, column: 0)
        #expect(throws: ParquetError.self) { try reader.next(maxRows: 2000) }
        await #expect(throws: ParquetError.self) { try await ParquetFile.open(files.store, ObjectPath("f"), limits: ReadLimits(footerBytes: 10)) }
    }
}
