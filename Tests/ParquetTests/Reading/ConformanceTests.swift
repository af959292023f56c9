import Base
import Columnar
import Glibc
import ObjectStore
import Parquet
import TestSupport
import Testing

/// The shared Parquet files of many writers: each reads as Tests/Interop/parquet_files.tsv says, which the interop tests hold to pyarrow.
@Suite struct ConformanceTests {
    struct Expectation: Sendable, CustomStringConvertible {
        let name: String
        let outcome: String
        let detail: String
        var description: String { name }
    }

    static let expectations: [Expectation] = {
        let table = #filePath.split(separator: "/").prefix { $0 != "Tests" }.joined(separator: "/")
        guard let text = content("/\(table)/Tests/Interop/parquet_files.tsv")?.text else { return [] }
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let parts = line.split(separator: "\t").map(String.init)
            return parts.count == 3 ? Expectation(name: parts[0], outcome: parts[1], detail: parts[2]) : nil
        }
    }()

    static func content(_ path: String) -> Bytes? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let size = ftell(file)
        rewind(file)
        return Bytes(capacity: size) { fread($0.baseAddress, 1, size, file) }
    }

    @Test func theTableIsThere() { #expect(Self.expectations.count > 60) }

    @Test(arguments: expectations)
    func readsAsTheTableSays(_ expected: Expectation) async throws {
        guard let directory = SharedFiles.directory("conformance") else { return }
        let bytes = try #require(Self.content("\(directory)/\(expected.name)"))
        let files = Files()
        try await files.put("f", bytes)
        var outcome = ""
        do {
            outcome = try await digest(files) { try await $0.values(of: $1) }
            let pieces = try await digest(files) { try await $0.values(of: $1, rows: 3, keepingDictionary: true) }
            #expect(pieces == outcome, "in pieces")
        } catch let error as ParquetError {
            outcome = Self.name(of: error)
        }
        #expect(outcome == (["equal", "duckdb", "ours"].contains(expected.outcome) ? expected.detail : expected.outcome))
    }

    private func digest(_ files: Files, _ read: (ParquetFile, Int) async throws -> [Scalar?]) async throws -> String {
        let file = try await files.open("f")
        var digest = Digest()
        for (index, field) in file.schema.fields.enumerated() { digest.add(column: field.name, try await read(file, index)) }
        return digest.hexadecimal
    }

    private static func name(of error: ParquetError) -> String {
        switch error {
        case .notParquet: "notParquet"
        case .encrypted: "encrypted"
        case .damaged: "damaged"
        case .unsupported: "unsupported"
        case .tooLarge: "tooLarge"
        case .noSuchColumn: "noSuchColumn"
        case .cannotWrite: "cannotWrite"
        }
    }

    /// Some files' values in full, where a digest would say too little.
    @Test func readsNestedValues() async throws {
        guard let directory = SharedFiles.directory("conformance/parquet") else { return }
        let files = Files()
        try await files.put("f", try #require(Self.content("\(directory)/nested_maps.snappy.parquet")))
        let maps = try await files.open("f").values(of: 0)
        let inner = Scalar.map([.init(key: .integer(1), value: .bool(true)), .init(key: .integer(2), value: .bool(false))])
        #expect(maps.count == 6)
        #expect(maps[0] == .map([.init(key: .string("a"), value: inner)]))
        #expect(maps[2] == .map([.init(key: .string("c"), value: nil)]))

        // As Spark wrote them (the file's description in parquet-testing); the last one is the year 290000.
        try await files.put("f", try #require(Self.content("\(directory)/int96_from_spark.parquet")))
        let times = try await files.open("f").values(of: 0)
        let written: [Int64?] = [
            1_704_141_296_123_456, 1_704_070_800_000_000, 253_402_225_200_000_000, 1_735_599_600_000_000, nil, 9_089_380_393_200_000_000,
        ]
        #expect(times == written.map { $0.map { .timestamp($0) } })
    }

    /// The files whose pages have CRCs: wrong ones are found when asked for, right ones change nothing.
    @Test(arguments: [
        ("datapage_v1-corrupt-checksum", false), ("rle-dict-uncompressed-corrupt-checksum", false), ("datapage_v1-uncompressed-checksum", true),
        ("datapage_v1-snappy-compressed-checksum", true), ("plain-dict-uncompressed-checksum", true), ("rle-dict-snappy-checksum", true),
    ])
    func checksumsAreCheckedWhenAsked(name: String, isRight: Bool) async throws {
        guard let directory = SharedFiles.directory("conformance/parquet") else { return }
        let files = Files()
        try await files.put("f", try #require(Self.content("\(directory)/\(name).parquet")))
        let file = try await ParquetFile.open(files.store, ObjectPath("f"), verifyingChecksums: true)
        do {
            for column in file.schema.fields.indices { _ = try await file.values(of: column) }
            #expect(isRight)
        } catch let error as ParquetError {
            #expect(!isRight && error.description.contains("checksum"), "\(error)")
        }
    }

    /// A gigabyte of text in each of two rows, in a file of four kilobytes: within raised limits it is read like any other. Takes 4 GB, so only in `make soak`.
    @Test(.enabled(if: environmentVariable("LEVEE_SOAK") == "1"))
    func largeTextIsReadWithinRaisedLimits() async throws {
        guard let directory = SharedFiles.directory("conformance/parquet") else { return }
        let store = LocalStore(root: directory, executor: BlockingExecutor(threads: 1, name: "test"))
        let limits = ReadLimits(pageBytes: (1 << 30) + 100, batchBytes: (1 << 30) + 100)
        let file = try await ParquetFile.open(store, ObjectPath("large_string_map.brotli.parquet"), limits: limits)
        let reader = try await file.columnReader(rowGroup: 0, column: 0)
        var rows = 0
        while let part = try reader.next(maxRows: 1) {
            guard case let .map(_, keys, values) = part.values, case let .variable(_, text) = keys.values else {
                Issue.record("not a map of text")
                return
            }
            let isAllA = text.withUnsafeBytes { $0.allSatisfy { $0 == UInt8(ascii: "a") } }
            #expect(part.count == 1 && keys.count == 1 && text.count == 1 << 30 && isAllA)
            #expect(values.value(at: 0) == .integer(1))
            rows += 1
        }
        #expect(rows == 2)
    }
}
