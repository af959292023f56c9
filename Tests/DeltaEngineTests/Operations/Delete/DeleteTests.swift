import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct DeleteTests {
    private static let vectors = ["delta.enableDeletionVectors": "true"]
    private static let feed = ["delta.enableChangeDataFeed": "true"]

    /// Three files of ten rows, or of partitions by turns.
    private func fixture(_ properties: [String: String] = [:], partitionBy: [String] = []) async throws -> DataFixture {
        let data = try await DataFixture(partitionBy: partitionBy, properties: properties)
        for file in 0..<3 { try await data.append((file * 10)..<(file * 10 + 10)) }
        return data
    }

    private func delete(_ data: DataFixture, _ condition: String?, through table: DeltaTable? = nil) async throws -> DeleteResult {
        try await DeleteOperation(table: table ?? data.table, options: DeleteOptions(condition: condition)).run()
    }

    @Test(
        arguments: [
            ("id < 10", [], 1, 0, 20), ("id BETWEEN 10 AND 29", [], 2, 0, 10), ("id >= 20 OR id < 10", [], 2, 0, 10), ("id IS NOT NULL", [], 3, 0, 0),
            ("NOT (id >= 20)", [], 2, 0, 10), ("id < 15", [], 1, 1, 15), ("p = 'p1'", [], 0, 3, 20), ("id > 100", [], 0, 0, 30), ("id = NULL", [], 0, 0, 30),
            ("p = 'p1'", ["p"], 3, 0, 20), ("upper(p) = 'P1' OR p IN ('p2')", ["p"], 6, 0, 10), ("p = 'p1' AND id < 10", ["p"], 1, 0, 27),
            ("p = 'p1' AND id < 3", ["p"], 0, 1, 29), (nil, [], 3, 0, 0), (nil, ["p"], 9, 0, 0), ("1 = 1", [], 3, 0, 0),
        ] as [(String?, [String], Int64, Int, Int)])
    func onlyFilesOfWhichTheLogCannotTellAreOpened(
        condition: String?, partitionBy: [String], removed: Int64, opened: Int, left: Int
    ) async throws {
        let data = try await fixture(Self.vectors, partitionBy: partitionBy)
        let store = RecordingStore(data.store)
        let result = try await delete(data, condition, through: data.table(through: store))
        #expect(Set(store.takeRequests().filter { $0.hasSuffix(".parquet") }).count == opened)
        #expect(result.metrics.numFilesScanned == Int64(opened))
        #expect(result.metrics.numRemovedFiles == removed)
        #expect(result.metrics.numDeletedRows == Int64(30 - left))
        #expect(try await data.ids().count == left)
    }

    @Test func vectorsOfOneOperationShareAFileAndGrow() async throws {
        let data = try await fixture(Self.vectors)
        let first = try await delete(data, "id % 10 = 3")
        #expect(first.metrics.numDeletionVectorsAdded == 3 && first.metrics.numDeletionVectorsUpdated == 0 && first.metrics.numRemovedFiles == 0)
        let before = try await data.table.snapshot()
        #expect(Set(before.files.compactMap { try? $0.deletionVector?.path?.decoded }).count == 1)
        let second = try await delete(data, "id % 10 IN (3, 4) AND id < 20")
        #expect(second.metrics.numDeletedRows == 2)
        #expect(second.metrics.numDeletionVectorsAdded == 2 && second.metrics.numDeletionVectorsUpdated == 2)
        let after = try await data.table.snapshot()
        #expect(after.files.map { $0.deletionVector?.cardinality ?? 0 }.sorted() == [1, 2, 2])
        for file in after.files {
            let vector = try await DeletionVectorReader(files: TableFiles(data.store)).read(try #require(file.deletionVector))
            #expect(vector.kept(in: 0..<10)?.map { Int($0) } == (0..<10).filter { $0 != 3 && ($0 != 4 || vector.count == 1) })
            // As many records as the file has, and bounds that nobody takes for tight any more.
            #expect(file.stats?.text.hasPrefix(#"{"numRecords":10,"minValues""#) ?? false)
            #expect(file.stats?.text.hasSuffix(#","tightBounds":false}"#) ?? false)
        }
        // The last rows take the file with them, and its vector.
        let last = try await delete(data, "id BETWEEN 5 AND 9 OR id < 3")
        #expect(last.metrics.numRemovedFiles == 1 && last.metrics.numDeletionVectorsRemoved == 1 && last.metrics.numDeletedRows == 8)
        #expect(try await data.ids() == (10..<30).filter { $0 % 10 != 3 && $0 != 14 })
    }

    @Test(arguments: [
        (nil, #"{"numRecords":4,"tightBounds":false}"#), (#"{"numRecords":4}"#, #"{"numRecords":4,"tightBounds":false}"#),
        (#"{"nullCount":{"id":0},"tightBounds":true}"#, #"{"numRecords":4,"nullCount":{"id":0},"tightBounds":false}"#),
        (#"{"numRecords":4,"minValues":{"d":0.10000000000000000001}}"#, #"{"numRecords":4,"minValues":{"d":0.10000000000000000001},"tightBounds":false}"#),
        ("no JSON", #"{"numRecords":4,"tightBounds":false}"#),
    ])
    func statisticsStayAsTheyWereWrittenButForTightness(stats: String?, expected: String) {
        #expect(StatisticsText.withWideBounds(stats.map { Bytes($0) }, rowCount: 4) == expected)
    }

    /// A vector that another writer put into the log, on a file without statistics.
    @Test func vectorsOfOthersAreTakenInto() async throws {
        let table = try await SchemaFixture(
            protocol: SchemaFixture.protocolLine(["deletionVectors"]),
            schema: #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}"#, configuration: Self.vectors)
        let size = try await table.write(file: "f", [Field("id", .long)], (0..<6).map { [.integer($0)] })
        var file = AddFile(path: DataPath(encoded: "f"), size: size, modificationTime: 1, dataChange: true)
        file.deletionVector = RoaringFixture.inline([0, 5], as: .runs)
        try await table.log.commit(1, [JSON.encode(Action.add(file).json)])
        let result = try await DeleteOperation(table: table.table, options: DeleteOptions(condition: "id >= 4")).run()
        #expect(result.metrics.numDeletedRows == 1)
        #expect(try await table.rows() == [[.integer(1)], [.integer(2)], [.integer(3)]])
        let after = try #require(try await table.table.snapshot().files.first)
        #expect(after.stats?.text == #"{"numRecords":6,"tightBounds":false}"#)
        #expect(after.deletionVector?.cardinality == 3)
        // How many rows went with a file that does not say how many it has, nobody knows.
        let other = try await table.write(file: "g", [Field("id", .long)], [[.integer(1)]])
        try await table.log.commit(3, [LogFixture.add("g", size: other)])
        #expect(try await DeleteOperation(table: table.table).run().metrics.numDeletedRows == nil)
    }

    /// Spark's way to say that a vector deletes nothing.
    @Test func anEmptyVectorIsNone() async throws {
        let empty = DeletionVectorDescriptor(storageType: "i", pathOrInlineDv: "", offset: nil, sizeInBytes: 0, cardinality: 0)
        #expect(try await DeletionVectorReader(files: TableFiles(InMemoryStore())).read(empty).count == 0)
    }

    @Test func filesThatAreRewrittenBecomeOneOfEachPartition() async throws {
        let data = try await fixture(partitionBy: ["p"])
        let result = try await delete(data, "id IN (1, 2, 11, 14, 29)")
        // p1 loses rows in one of its files, p2 in all three.
        #expect(result.metrics.numAddedFiles == 2)
        #expect(result.metrics.numRemovedFiles == 4)
        #expect(try await data.table.snapshot().numFiles == 7)
        #expect(try await data.ids() == (0..<30).filter { ![1, 2, 11, 14, 29].contains($0) })
    }

    @Test(arguments: [false, true]) func changeFilesAreWrittenWhereTheLogAloneDoesNotTell(vectors: Bool) async throws {
        let data = try await fixture(vectors ? Self.feed.merging(Self.vectors) { $1 } : Self.feed)
        #expect(try await delete(data, "id < 10").metrics.numAddedChangeFiles == 0)
        // Once there is a change file it must tell of the file that goes as a whole too.
        let mixed = try await delete(data, "id < 25")
        #expect(mixed.metrics.numAddedChangeFiles == 1)
        for (version, expected) in [(Int64(4), 0..<10), (5, 10..<25)] {
            let reader = try await ChangesReader.open(data.table, ChangeRange(from: .version(version), to: .version(version)))
            var ids: [Int] = []
            while let batch = try await reader.next() {
                for row in 0..<batch.rowCount {
                    if case let .integer(id)? = batch.columns[0].value(at: row) { ids.append(Int(id)) }
                    #expect(batch.columns[3].value(at: row) == .string("delete"))
                }
            }
            #expect(ids.sorted() == Array(expected))
        }
    }

    @Test func aColumnThatIsNamedAsTheFeedsIsNotMixedUpWithIt() async throws {
        let table = try await SchemaFixture(
            protocol: SchemaFixture.protocolLine(["changeDataFeed"]),
            schema: #"{"type":"struct","fields":[{"name":"_Change_Type","type":"string","nullable":true,"metadata":{}}]}"#, configuration: Self.feed)
        try await table.append(#"{"_Change_Type":"a"}"#)
        await #expect(throws: DeltaError.self) { try await DeleteOperation(table: table.table).run() }
        #expect(try await table.table.latestVersion() == 1)
    }

    @Test func whatIsRefusedChangesNothing() async throws {
        for (properties, condition) in [
            (["delta.appendOnly": "true"], "id < 5"), ([:], "nope = 1"), ([:], "id +"), ([:], "id"), ([:], "10 / (id - 3) > 0 AND id < 5"),
        ] {
            let data = try await fixture(properties)
            let files = try await data.dataFiles()
            await #expect(throws: DeltaError.self, "\(condition)") { try await delete(data, condition) }
            #expect(try await data.table.latestVersion() == 3)
            #expect(try await data.dataFiles() == files)
        }
    }

    @Test func aRunIsDoneOnceAndOnlyAtItsVersion() async throws {
        let data = try await fixture()
        var options = DeleteOptions(condition: "id = 3")
        options.conditions.expectedVersion = 2
        await #expect(throws: DeltaError.versionMismatch(expected: 2, actual: 3)) { try await DeleteOperation(table: data.table, options: options).run() }
        options.conditions = CommitConditions(operationUID: "u", idempotency: .init(appId: "a", version: 7))
        #expect(try await DeleteOperation(table: data.table, options: options).run().version == 4)
        try await data.append(3..<4)
        let again = try await DeleteOperation(table: data.table, options: options).run()
        #expect(again.alreadyApplied && again.version == 5)
        #expect(try await data.ids().count == 30)
        let commit = try #require(try await data.table.history(limit: 2).last)
        #expect(commit.operation == "DELETE")
        #expect(commit.commitInfo?.operationParameters?["predicate"] == #"["id = 3"]"#)
        #expect(commit.commitInfo?.operationMetrics?["numDeletedRows"] == "1")
        #expect(commit.commitInfo?.levee?["operationUid"] == "u")
    }

    /// A held DELETE, and what goes by before its commit.
    @Test(arguments: ["WriteSerializable", "Serializable"], ["id < 5", "id < 2000 AND p = 'p0'"])
    func rowsThatCameMeanwhile(level: String, condition: String) async throws {
        let data = try await fixture(["delta.isolationLevel": level])
        let meets = condition.contains("2000")
        let table = data.table(through: HookedStore(wrapping: data.store) { try await data.append(1000..<1010) })
        let result = try await delete(data, condition, through: table)
        // At the stricter level the DELETE comes behind the rows that it would have seen, else before them.
        #expect(result.tries == (level == "Serializable" && meets ? 2 : 1))
        let left = try await data.ids()
        #expect(left.contains(1002) == !(level == "Serializable" && meets))
        #expect(left.contains(1001))
    }

    @Test func whatIsGivenUpLeavesNoFileBehind() async throws {
        let data = try await fixture(Self.feed)
        let table = data.table(through: HookedStore(wrapping: data.store) { _ = try await OptimizeOperation(table: data.table).run() })
        var options = DeleteOptions(condition: "id % 10 = 3")
        options.maximumTries = 1
        await #expect(throws: DeltaError.self) { try await DeleteOperation(table: table, options: options).run() }
        let latest = try await data.table.latestVersion()
        #expect(try await data.dataFiles() == data.everyFile(upTo: latest))
        let error = ObjectStoreError.permissionDenied(path: "x", operation: "writing")
        for suffix in ["zstd.parquet", ".json"] {
            let failing = FaultInjectingStore(wrapping: data.store) {
                ($0.operation == .put || $0.operation == .write) && $0.path.hasSuffix(suffix) ? .fails(error) : nil
            }
            await #expect(throws: (any Error).self) { try await delete(data, "id % 10 = 3", through: data.table(through: failing)) }
            #expect(try await data.dataFiles() == data.everyFile(upTo: latest))
        }
    }

    @Test func littleMemoryTakesFilesAFewAtATime() async throws {
        let data = try await fixture(Self.feed)
        let environment = EngineEnvironment(clock: data.clock, random: SeededRandomSource(seed: 3), memoryBudget: 15)
        let result = try await delete(data, "id % 10 = 3", through: DeltaTable(store: data.store, environment: environment))
        #expect(result.metrics.numDeletedRows == 3 && result.metrics.numAddedFiles == 2)
        #expect(try await data.ids() == (0..<30).filter { $0 % 10 != 3 })
    }

    @Test func vacuumKeepsWhatMarksRowsAndOptimizeNeedsItNoMore() async throws {
        let data = try await fixture(Self.vectors.merging(Self.feed) { $1 })
        _ = try await delete(data, "id % 10 = 3")
        _ = try await delete(data, "id % 10 = 4")
        func vectorFiles() async throws -> Set<String> { try await data.dataFiles().filter { $0.hasSuffix(".bin") } }
        #expect(try await vectorFiles().count == 2)
        #expect(try await VacuumOperation(table: data.table).run().metrics.numFilesToDelete == 0)
        data.clock.advance(by: .seconds(8 * 86_400))
        // The first vectors have left the table, and change files go by their age.
        #expect(try await VacuumOperation(table: data.table).run().metrics.numDeletedFiles == 3)
        #expect(try await vectorFiles().count == 1)
        #expect(try await data.ids() == (0..<30).filter { ![3, 4].contains($0 % 10) })
        _ = try await OptimizeOperation(table: data.table).run()
        #expect(try await !data.table.snapshot().files.hasDeletionVectors)
        data.clock.advance(by: .seconds(8 * 86_400))
        _ = try await VacuumOperation(table: data.table).run()
        #expect(try await vectorFiles().isEmpty)
        #expect(try await data.dataFiles() == data.liveFiles())
        #expect(try await data.ids() == (0..<30).filter { ![3, 4].contains($0 % 10) })
    }
}
