import Base
import Columnar
import ObjectStore
import Synchronization
import Testing

@testable import Parquet

/// Counts what is asked of a store.
final class CountingStore: ObjectStore {
    private struct Counts {
        var requests = 0
        var bytes = 0
    }

    private let base: any ObjectStore
    private let counts = Mutex(Counts())

    init(_ base: any ObjectStore) { self.base = base }

    var requests: Int { counts.withLock { $0.requests } }
    var bytes: Int { counts.withLock { $0.bytes } }
    func reset() { counts.withLock { $0 = Counts() } }

    var rootDescription: String { base.rootDescription }
    func head(_ path: ObjectPath) async throws -> ObjectInfo { try await base.head(path) }

    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes {
        let bytes = try await base.get(path, range: range)
        counts.withLock { $0 = Counts(requests: $0.requests + 1, bytes: $0.bytes + bytes.count) }
        return bytes
    }

    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] {
        let parts = try await base.get(path, ranges: ranges)
        counts.withLock { $0 = Counts(requests: $0.requests + parts.count, bytes: $0.bytes + parts.reduce(0) { $0 + $1.count }) }
        return parts
    }

    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws { try await base.put(path, bytes, mode: mode) }
    func write(_ path: ObjectPath) async throws -> any ObjectWriter { try await base.write(path) }
    func list(prefix: String, startAfter: String?) -> any ObjectListing { base.list(prefix: prefix, startAfter: startAfter) }
    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] { try await base.delete(paths) }
}

@Suite struct FetchingTests {
    static let plans: [([Range<Int64>], [Range<Int64>])] = [
        ([], []), ([5..<5], []), ([0..<10, 10..<20], [0..<20]), ([0..<10, 14..<20], [0..<20]), ([0..<10, 15..<20], [0..<10, 15..<20]),
        ([15..<20, 0..<10, 3..<5], [0..<10, 15..<20]), ([0..<90, 92..<120], [0..<90, 92..<120]), ([0..<300, 20..<30], [0..<300]),
    ]

    /// Gaps of up to 4 bytes are read along, requests of more than 100 are not joined.
    @Test(arguments: plans)
    func nearRangesBecomeOneRequest(ranges: [Range<Int64>], expected: [Range<Int64>]) {
        let plan = RequestPlan(ranges, largestGap: 4, largestRequest: 100)
        #expect(plan.requests == expected)
        for (range, place) in zip(ranges, plan.places) where !range.isEmpty {
            let start = plan.requests[place.request].lowerBound
            #expect(start + Int64(place.bytes.lowerBound) == range.lowerBound && place.bytes.count == range.count)
        }
    }

    @Test func onlyTheWantedColumnsAreFetchedTogether() async throws {
        let files = Files()
        let columns = RandomColumns(seed: 5)
        let schema = Schema((0..<8).map { Field("c\($0)", .long, nullable: false) })
        let rows = try ColumnBatch(schema: schema, columns: try schema.fields.map { try columns.column($0, rows: 40_000) }, rowCount: 40_000)
        try await files.write("f", schema, [rows], WriterOptions(compression: .uncompressed, dictionaryBytes: 0))
        let store = CountingStore(files.store)
        let file = try await ParquetFile.open(store, ObjectPath("f"))
        store.reset()
        let chunk = Int(file.compressedSize(rowGroup: 0, column: 0))
        _ = try await file.columnReaders(rowGroup: 0, columns: [1, 2, 7])
        #expect(store.requests == 2 && store.bytes == 3 * chunk)
    }

    @Test(arguments: [Int64(0), 1 << 30])
    func scansReadAllRowsWhateverTheyFetchAhead(readAheadBytes: Int64) async throws {
        let files = Files()
        let columns = RandomColumns(seed: 11)
        let schema = columns.schema(columns: 4, depth: 2)
        let rows = try ColumnBatch(schema: schema, columns: try schema.fields.map { try columns.column($0, rows: 300) }, rowCount: 300)
        try await files.write("f", rows, pageRows: 7, WriterOptions(rowGroupRows: 40))
        let file = try await files.open("f")
        let scan = try FileScan(file, columns: [2, 0], readAheadBytes: readAheadBytes, keepingDictionary: true)
        var read: [[Scalar?]] = [[], []]
        while let run = try await scan.next(maxRows: 9) {
            #expect(run.rowGroup == read[0].count / 40 && run.rows.lowerBound == Int64(read[0].count % 40) && run.rows.count == run.batch.rowCount)
            for (place, column) in run.batch.columns.enumerated() { read[place] += try column.withoutDictionary().scalars }
        }
        #expect(read == [rows.columns[2].scalars, rows.columns[0].scalars])
        let empty = try FileScan(file, columns: [])
        var count = 0
        while let run = try await empty.next(maxRows: 64) { count += run.batch.rowCount }
        #expect(count == 300)
        let some = try FileScan(file, columns: [0], rowGroups: [1, 7])
        var places: [Int] = []
        while let run = try await some.next(maxRows: 64) { places += run.rows.map { run.rowGroup * 40 + Int($0) } }
        #expect(places == Array(40..<80) + Array(280..<300))
    }

    @Test func scansLeaveOutRowGroups() async throws {
        let files = Files()
        let content = try batch("c", .long, (0..<1000).map { .integer(Int64($0)) })
        try await files.write("f", content, pageRows: 20, WriterOptions(rowGroupRows: 100))
        let file = try await files.open("f")
        let scan = try FileScan(file, columns: [0], where: .comparison(column: ["c"], .greaterOrEqual, .integer(955)))
        var read: [Scalar?] = []
        var rows: [Range<Int64>] = []
        while let run = try await scan.next(maxRows: 50) {
            read += run.batch.columns[0].scalars
            rows.append(run.rows)
        }
        #expect(read == (940..<1000).map { .integer(Int64($0)) })
        #expect(rows == [40..<90, 90..<100])
    }
}
