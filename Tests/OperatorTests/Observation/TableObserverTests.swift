import Base
import DeltaEngine
import Glibc
import ObjectStore
import TestSupport
import Testing

@testable import Operator

/// A table that is only its log, on disk.
private struct LogTable {
    let directory: TemporaryDirectory
    let observer: TableObserver
    let place: TablePlace
    let clock = ManualClock(Timestamp(rfc3339: "2026-04-11T12:00:00Z") ?? .epoch)

    init() throws {
        directory = try TemporaryDirectory()
        let stores = ProfileStores(
            stores: StoreFactory(executor: BlockingExecutor(threads: 2, name: "test")), secrets: FakeSecrets(), clock: clock)
        observer = TableObserver(stores: stores, environment: EngineEnvironment(clock: clock))
        place = TablePlace(location: try TableLocation(directory.appending("orders")), access: .host)
    }

    func commit(_ version: Int, _ lines: String...) throws {
        let name = String(version)
        try directory.write("orders/_delta_log/\(String(repeating: "0", count: 20 - name.count))\(name).json", lines.joined(separator: "\n"))
    }

    func create(configuration: String = "{}", partitionBy: String = "[]", protocol: String = #"{"minReaderVersion":1,"minWriterVersion":2}"#) throws {
        let schema =
            #"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"day\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}"#
        try commit(
            0, #"{"commitInfo":{"timestamp":1,"operation":"CREATE TABLE","engineInfo":"test"}}"#, #"{"protocol":\#(`protocol`)}"#,
            #"{"metaData":{"id":"table-id","name":"orders","format":{"provider":"parquet","options":{}},"schemaString":"\#(schema)","partitionColumns":\#(partitionBy),"configuration":\#(configuration),"createdTime":1700000000000}}"#
        )
    }

    static func add(_ name: String, size: Int64, rows: Int? = 10, day: String? = nil) -> String {
        let stats = rows.map { #","stats":"{\"numRecords\":\#($0)}""# } ?? ""
        let partition = day.map { #"{"day":"\#($0)"}"# } ?? "{}"
        return #"{"add":{"path":"\#(name).parquet","partitionValues":\#(partition),"size":\#(size),"modificationTime":1,"dataChange":true\#(stats)}}"#
    }

    func observe(_ request: ObservationRequest = ObservationRequest()) async throws -> TableObservation { try await observer.observe(place, request) }
}

@Suite struct TableObserverTests {
    @Test func aTableIsWhatItsLogSays() async throws {
        let table = try LogTable()
        try table.create(configuration: #"{"delta.targetFileSize":"64mb"}"#)
        try table.commit(1, LogTable.add("a", size: 1 << 20), LogTable.add("b", size: 2 << 20), LogTable.add("large", size: 1 << 30))
        let seen = try await table.observe()
        #expect(seen.table.id == "table-id" && seen.table.name == "orders" && seen.table.version == 1)
        #expect(seen.table.numFiles == 3 && seen.table.sizeBytes == (3 << 20) + (1 << 30) && seen.table.numRecords == 30)
        #expect(seen.table.minReaderVersion == 1 && seen.table.minWriterVersion == 2)
        #expect(seen.layout.smallFiles == 2 && seen.layout.smallFileBytes == 3 << 20 && seen.layout.targetFileSize == 64 << 20)
        #expect(seen.layout.commitsSinceCheckpoint == 2 && seen.layout.checkpointVersion == nil)
        #expect(seen.layout.histogram.map(\.files) == [0, 2, 0, 0, 0, 1, 0])
        #expect(seen.history.map(\.version) == [1, 0] && seen.history.last?.operation == "CREATE TABLE")
        #expect(seen.facts.refusals.isEmpty)
    }

    @Test func newCommitsAreSeenAndAskedForSizesCount() async throws {
        let table = try LogTable()
        try table.create()
        try table.commit(1, LogTable.add("a", size: 10 << 20), LogTable.add("b", size: 10 << 20))
        #expect(try await table.observe().layout.smallFiles == 2)
        #expect(try await table.observe(ObservationRequest(targetFileSize: 1 << 20)).layout.smallFiles == 0)
        try table.commit(2, LogTable.add("c", size: 1 << 20))
        let seen = try await table.observe()
        #expect(seen.table.version == 2 && seen.layout.smallFiles == 3)
    }

    @Test func aConditionNarrowsWhatCounts() async throws {
        let table = try LogTable()
        try table.create(partitionBy: #"["day"]"#)
        try table.commit(
            1, LogTable.add("a", size: 1, day: "x"), LogTable.add("b", size: 1, day: "x"), LogTable.add("c", size: 1, day: "y"),
            LogTable.add("d", size: 1, day: "y"))
        #expect(try await table.observe(ObservationRequest(condition: "day = 'x'")).facts.smallFiles == 2)
        let wrong = try await table.observe(ObservationRequest(condition: "nowhere = 'x'"))
        #expect(wrong.facts.invalidCondition?.contains("nowhere") == true)
        #expect(wrong.facts.smallFiles == 4)
    }

    private static func sorted(_ name: String, by columns: String = #"[\"id\"]"#, size: Int64, provider: String? = nil) -> String {
        let provider = provider.map { #","clusteringProvider":"\#($0)""# } ?? ""
        let tags = #"{"ZCUBE_ID":"c","ZCUBE_ZORDER_BY":"\#(columns)","ZCUBE_ZORDER_CURVE":"\#(provider.isEmpty ? "zorder" : "hilbert")"}"#
        return
            #"{"add":{"path":"\#(name).parquet","partitionValues":{},"size":\#(size),"modificationTime":1,"dataChange":true,"tags":\#(tags)\#(provider)}}"#
    }

    @Test func whatIsNotSortedYetIsCounted() async throws {
        let table = try LogTable()
        try table.create()
        try table.commit(
            1, LogTable.add("a", size: 1 << 30), LogTable.add("b", size: 1 << 20), Self.sorted("c", size: 1 << 30),
            Self.sorted("d", by: #"[\"day\"]"#, size: 7))
        #expect(try await table.observe().facts.sorting == nil)
        let seen = try await table.observe(ObservationRequest(zOrderBy: ["ID"]))
        let sorting = try #require(seen.facts.sorting)
        #expect(sorting.columns == ["id"] && !sorting.isTables)
        let unsorted: Int64 = 1 << 30 + 1 << 20 + 7
        #expect(sorting.unsortedFiles == 3 && sorting.unsortedBytes == unsorted)
        #expect(sorting.totalFiles == 4 && sorting.totalBytes == unsorted + 1 << 30)
        // The new files overlap all that is sorted, as far as statistics tell.
        #expect(sorting.rewriteBytes == sorting.totalBytes)
        #expect(seen.facts.leastRewriteBytes == 7 && seen.facts.smallFiles == 2)
        #expect(seen.layout.unsortedFiles == 3 && seen.layout.unsortedBytes == sorting.unsortedBytes)
    }

    @Test func columnsThatDoNotFitAreSaidAndFilesCountAsForMerging() async throws {
        let table = try LogTable()
        try table.create(partitionBy: #"["day"]"#)
        try table.commit(1, LogTable.add("a", size: 1, day: "x"), LogTable.add("b", size: 1, day: "x"))
        for column in ["day", "nowhere"] {
            let seen = try await table.observe(ObservationRequest(zOrderBy: ["id", column]))
            #expect(seen.facts.invalidColumns?.contains(column) == true && seen.facts.invalidCondition == nil)
            #expect(seen.facts.sorting == nil && seen.facts.smallFiles == 2)
        }
        let wrong = try await table.observe(ObservationRequest(condition: "here = 1", zOrderBy: ["id"]))
        #expect(wrong.facts.invalidCondition?.contains("here") == true && wrong.facts.invalidColumns == nil && wrong.facts.sorting != nil)
        let both = try await table.observe(ObservationRequest(condition: "here = 1", zOrderBy: ["nowhere"]))
        #expect(both.facts.invalidCondition?.contains("here") == true && both.facts.sorting == nil && both.facts.smallFiles == 2)
    }

    @Test func clusteredTablesGoByTheirOwnColumns() async throws {
        let table = try LogTable()
        try table.create(protocol: #"{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["clustering","domainMetadata"]}"#)
        try table.commit(
            1, #"{"domainMetadata":{"domain":"delta.clustering","configuration":"{\"clusteringColumns\":[[\"id\"]]}","removed":false}}"#,
            LogTable.add("a", size: 10), Self.sorted("c", size: 20, provider: "liquid"), Self.sorted("x", by: #"[\"day\"]"#, size: 30, provider: "liquid"),
            Self.sorted("y", size: 40, provider: "other"))
        for columns in [[], ["day"], ["nowhere"]] {
            let facts = try await table.observe(ObservationRequest(zOrderBy: columns)).facts
            let sorting = try #require(facts.sorting)
            #expect(sorting.columns == ["id"] && sorting.isTables && sorting.replacesPolicys == !columns.isEmpty && facts.invalidColumns == nil)
            // What is clustered by other columns, or by others, is nobody's to sort.
            #expect(sorting.unsortedFiles == 1 && sorting.totalFiles == 2 && sorting.totalBytes == 30)
        }
    }

    @Test func removedFilesAreKnownByTheirAge() async throws {
        let table = try LogTable()
        try table.create()
        try table.commit(1, LogTable.add("a", size: 1), LogTable.add("b", size: 1))
        let old = (table.clock.now() - .seconds(200 * 3600)).milliseconds
        try table.commit(2, #"{"remove":{"path":"a.parquet","deletionTimestamp":\#(old),"dataChange":true,"size":77}}"#)
        let seen = try await table.observe()
        #expect(seen.table.tombstones == 1 && seen.table.tombstoneBytes == 77)
        #expect(seen.health.removableFiles == 1 && seen.health.removableBytes == 77)
    }

    @Test func filesWithoutStatisticsHideTheRowCount() async throws {
        let table = try LogTable()
        try table.create()
        try table.commit(1, LogTable.add("a", size: 1), LogTable.add("b", size: 1, rows: nil))
        let seen = try await table.observe()
        #expect(seen.table.numRecords == nil && seen.health.filesWithoutStatistics == 1)
    }

    @Test func absurdSizesDoNoHarm() async throws {
        let table = try LogTable()
        try table.create()
        try table.commit(1, LogTable.add("a", size: .max, rows: .max), LogTable.add("b", size: .max, rows: .max), LogTable.add("c", size: -5))
        try table.commit(2, #"{"remove":{"path":"a.parquet","deletionTimestamp":-9223372036854775808,"dataChange":true,"size":9223372036854775807}}"#)
        _ = try? await table.observe()
    }

    @Test func aTableThatIsMadeAnewIsReadAnew() async throws {
        let table = try LogTable()
        try table.create()
        try table.commit(1, LogTable.add("a", size: 1))
        #expect(try await table.observe().table.version == 1)
        for name in table.directory.names(in: "orders/_delta_log") { unlink(table.directory.appending("orders/_delta_log/\(name)")) }
        let error = await #expect(throws: DeltaError.self) { try await table.observe() }
        #expect(error == .notATable(location: table.place.location.description))
        try table.create()
        #expect(try await table.observe().table.version == 0)
    }

    @Test func aLocationThatDoesNotExistIsCalledSo() async throws {
        let table = try LogTable()
        let error = await #expect(throws: Obstacle.self) { try await table.observe() }
        #expect(error?.reason == .locationNotFound)
    }

    @Test func transactionsAndCommitsOfOperationsAreFound() async throws {
        let table = try LogTable()
        try table.create()
        try table.commit(1, #"{"txn":{"appId":"levee.dev/lake/orders","version":41}}"#)
        try table.commit(2, #"{"commitInfo":{"operation":"VACUUM START","levee":{"operationUid":"u1"}}}"#)
        #expect(try await table.observer.transactionVersion(table.place, appId: "levee.dev/lake/orders") == 41)
        #expect(try await table.observer.transactionVersion(table.place, appId: "other") == nil)
        #expect(try await table.observer.commit(table.place, ofOperation: "u1") == nil)
        try table.commit(3, #"{"commitInfo":{"operation":"VACUUM END","operationMetrics":{"numDeletedFiles":"7","note":"x"},"levee":{"operationUid":"u1"}}}"#)
        #expect(try await table.observer.commit(table.place, ofOperation: "u1") == OperationCommit(version: 3, metrics: ["numDeletedFiles": 7]))
    }

    @Test func refusedFeaturesAreFactsOfTheTasks() async throws {
        let table = try LogTable()
        try table.create(
            configuration: #"{"delta.enableIcebergCompatV2":"true"}"#,
            protocol: #"{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["icebergCompatV2"]}"#)
        let seen = try await table.observe()
        #expect(seen.facts.refusals[.optimize]?.contains("icebergCompatV2") == true)
        #expect(seen.health.refusal == seen.facts.refusals[.optimize])
    }

    @Test func onlySoManyRunAtOnce() async throws {
        let limiter = Limiter(limit: 3)
        let counts = Lock((now: 0, most: 0))
        try await concurrentForEach(Array(0..<50), limit: 50) { _ in
            try await limiter.run {
                counts.withLock { counts in
                    counts.now += 1
                    counts.most = max(counts.most, counts.now)
                }
                await Task.yield()
                counts.withLock { $0.now -= 1 }
            }
        }
        #expect(counts.withLock { $0.most } <= 3 && counts.withLock { $0.now } == 0)
    }

    @Test func whoIsCancelledInLineLeavesIt() async throws {
        let limiter = Limiter(limit: 1)
        let (open, opener) = AsyncStream.makeStream(of: Void.self)
        let holder = Task { try await limiter.run { for await _ in open { break } } }
        while limiter.free > 0 { await Task.yield() }
        let waiting = Task { try await limiter.run {} }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        opener.yield()
        try await holder.value
        try await limiter.run {}
    }
}
