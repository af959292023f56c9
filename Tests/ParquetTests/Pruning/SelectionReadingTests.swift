import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport
import Testing

/// Selections leave in every row that matches, and reading one gives the rows that reading all gives.
@Suite struct SelectionReadingTests {
    private static let types: [DataType] = [
        .boolean, .byte, .integer, .long, .float, .double, .decimal(precision: 7, scale: 2), .decimal(precision: 27, scale: 9), .string, .binary, .date,
        .timestamp, .timestampNTZ,
    ]

    /// Files of random columns in tiny pages and row groups, asked random questions.
    @Test(arguments: 0..<12)
    func selectionsKeepWhatMatches(seed: Int) async throws {
        let columns = RandomColumns(seed: UInt64(seed))
        let random = columns.random
        let type = Self.types[seed % Self.types.count]
        let schema = Schema([
            Field("a", type), Field("b", .integer), Field("n", columns.type(depth: 3)),
            Field("s", .structure([Field("x", .string), Field("y", .list(element: Field("element", .long)))])),
        ])
        let rows = 150
        let data = try ColumnBatch(schema: schema, columns: try schema.fields.map { try columns.column($0, rows: rows) }, rowCount: rows)
        let files = Files()
        try await files.write("f", data, pageRows: 1 + random.integer(below: 20), WriterOptions(rowGroupRows: 70, statisticsBytes: 2))
        let file = try await files.open("f")
        let values = data.columns.map(\.scalars)
        for _ in 0..<15 {
            let condition = condition(random, values[0].compactMap { $0 }, values[1].compactMap { $0 }, depth: 2)
            var first: Int64 = 0
            for group in file.metadata.rowGroups.indices {
                let groupRows = file.metadata.rowGroups[group].rowCount
                let selection = try await file.selectRows(rowGroup: group, where: condition)
                let kept = Set(selection.ranges.flatMap { Array($0) })
                for row in 0..<groupRows where Self.matches(condition, values[0][Int(first + row)], values[1][Int(first + row)]) {
                    #expect(kept.contains(row), "seed \(seed), row \(first + row), \(condition)")
                }
                let readers = try await file.columnReaders(rowGroup: group, columns: Array(schema.fields.indices), selection: selection)
                for (column, reader) in readers.enumerated() {
                    var read: [Scalar?] = []
                    while let part = try reader.next(maxRows: 1 + random.integer(below: 30)) { read += part.scalars }
                    #expect(read == selection.ranges.flatMap { $0.map { values[column][Int(first + $0)] } }, "seed \(seed), column \(column)")
                }
                first += groupRows
            }
        }
    }

    private func condition(_ random: SeededRandomSource, _ a: [Scalar], _ b: [Scalar], depth: Int) -> RowCondition {
        if depth > 0, random.integer(below: 3) == 0 {
            let parts = (0..<2).map { _ in condition(random, a, b, depth: depth - 1) }
            return random.integer(below: 2) == 0 ? .all(parts) : .any(parts)
        }
        let isFirst = random.integer(below: 2) == 0
        let column = [isFirst ? "a" : "b"]
        let pool = isFirst ? a : b
        switch random.integer(below: 9) {
        case 0: return .isNull(column: column)
        case 1: return .isNotNull(column: column)
        case 2: return .oneOf(column: column, (0..<2).compactMap { _ in pool.isEmpty ? nil : pool[random.integer(below: pool.count)] })
        default:
            let comparisons: [Scalar.Comparison] = [.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual]
            guard !pool.isEmpty else { return .unknown }
            return .comparison(column: column, comparisons[random.integer(below: 6)], pool[random.integer(below: pool.count)])
        }
    }

    private static func matches(_ condition: RowCondition, _ a: Scalar?, _ b: Scalar?) -> Bool {
        func value(_ column: [String]) -> Scalar? { column == ["a"] ? a : b }
        switch condition {
        case let .all(parts): return parts.allSatisfy { matches($0, a, b) }
        case let .any(parts): return parts.contains { matches($0, a, b) }
        case let .isNull(column): return value(column) == nil
        case let .isNotNull(column): return value(column) != nil
        case let .oneOf(column, values): return value(column).map { values.contains($0) } ?? false
        case .unknown: return true
        case let .comparison(column, comparison, literal):
            guard let order = value(column).flatMap({ Scalar.compare($0, literal) }) else { return false }
            return switch comparison {
            case .equal: order == .equal
            case .notEqual: order != .equal
            case .less: order == .ascending
            case .lessOrEqual: order != .descending
            case .greater: order == .descending
            case .greaterOrEqual: order != .ascending
            }
        }
    }

    /// A sorted key: one page, and only its bytes.
    @Test func pointLookupFetchesOnePage() async throws {
        let files = Files()
        let keys = try batch("key", .long, (0..<20_000).map { .integer(Int64($0) &* 7_777_777) })
        try await files.write("f", keys, pageRows: 500, WriterOptions(compression: .uncompressed, dictionaryBytes: 0))
        let store = CountingStore(files.store)
        let file = try await ParquetFile.open(store, ObjectPath("f"))
        let selection = try await file.selectRows(rowGroup: 0, where: .comparison(column: ["key"], .equal, .integer(12_345 * 7_777_777)))
        #expect(selection.ranges == [12_000..<12_500])
        store.reset()
        let reader = try await file.columnReader(rowGroup: 0, column: 0, selection: selection)
        #expect(store.bytes < 8000)
        let read = try reader.readAll()
        #expect(read.count == 500 && read.value(at: 345) == .integer(12_345 * 7_777_777))
        let none = try await file.selectRows(rowGroup: 0, where: .comparison(column: ["key"], .less, .integer(0)))
        #expect(none.isEmpty)
    }

    /// Other writers' page indexes: any selection reads as the rows of the whole.
    @Test(arguments: ["alltypes_tiny_pages", "alltypes_tiny_pages_plain", "int32_with_null_pages", "repeated_primitive_no_list", "fixed_length_byte_array"])
    func selectionsOfOtherWritersPages(name: String) async throws {
        guard let directory = SharedFiles.directory("conformance/parquet") else { return }
        let store = LocalStore(root: directory, executor: BlockingExecutor(threads: 1, name: "test"))
        let file = try await ParquetFile.open(store, ObjectPath("\(name).parquet"))
        let rows = file.metadata.rowGroups[0].rowCount
        let random = SeededRandomSource(seed: 9)
        for column in file.schema.fields.indices {
            let all = try await file.columnReader(rowGroup: 0, column: column).readAll()
            var selection = RowSelection()
            for start in stride(from: Int64(0), to: rows, by: 700) {
                selection = selection.union(RowSelection(start..<min(rows, start + 1 + Int64(random.integer(below: 40)))))
            }
            let reader = try await file.columnReader(rowGroup: 0, column: column, selection: selection)
            var read: [Scalar?] = []
            while let part = try reader.next(maxRows: 25) { read += part.scalars }
            #expect(read == selection.ranges.flatMap { $0.map { all.value(at: Int($0)) } }, "column \(column)")
        }
    }

    @Test func pagesOfOtherWritersAreLeftOut() async throws {
        guard let directory = SharedFiles.directory("conformance/parquet") else { return }
        let store = LocalStore(root: directory, executor: BlockingExecutor(threads: 1, name: "test"))
        let tiny = try await ParquetFile.open(store, ObjectPath("alltypes_tiny_pages.parquet"))
        let ids = try await tiny.selectRows(rowGroup: 0, where: .comparison(column: ["id"], .less, .integer(20)))
        let all = try await tiny.columnReader(rowGroup: 0, column: 0).readAll().scalars
        let matching = all.indices.filter { all[$0].flatMap { Scalar.compare($0, .integer(20)) } == .ascending }
        let kept = Set(ids.ranges.flatMap { Array($0) })
        #expect(matching.allSatisfy { kept.contains(Int64($0)) } && ids.count < 1000)
        let nulls = try await ParquetFile.open(store, ObjectPath("int32_with_null_pages.parquet"))
        let present = try await nulls.selectRows(rowGroup: 0, where: .isNotNull(column: ["int32_field"]))
        #expect(present.count < 1000)
    }

    /// Filters of parquet-java, with and without their length in the footer.
    @Test(arguments: ["data_index_bloom_encoding_stats", "data_index_bloom_encoding_with_length"])
    func bloomFiltersKnowWhatIsThere(name: String) async throws {
        guard let directory = SharedFiles.directory("conformance/parquet") else { return }
        let store = LocalStore(root: directory, executor: BlockingExecutor(threads: 1, name: "test"))
        let file = try await ParquetFile.open(store, ObjectPath("\(name).parquet"))
        let column = [file.schema.fields[0].name]
        for value in try await file.values(of: 0) {
            let rows = try await file.selectRows(rowGroup: 0, where: .comparison(column: column, .equal, try #require(value)), by: .bloomFilters)
            #expect(!rows.isEmpty, "\(String(describing: value))")
        }
        let absent = (0..<50).map { Scalar.string("no \($0)") }
        var found = 0
        for value in absent where try await !file.selectRows(rowGroup: 0, where: .comparison(column: column, .equal, value), by: .bloomFilters).isEmpty {
            found += 1
        }
        #expect(found < 10)
        let either = try await file.selectRows(rowGroup: 0, where: .oneOf(column: column, Array(absent.prefix(3))), by: .bloomFilters)
        #expect(either.isEmpty)
    }
}
