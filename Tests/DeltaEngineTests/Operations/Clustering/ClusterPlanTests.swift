import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Which files are sorted anew.
@Suite struct ClusterPlanTests {
    struct File: Sendable {
        let name: String
        let size: Int64
        var cube: String?
        let ids: ClosedRange<Int>
        var columns = #"["id"]"#
        var curve: String? = "zorder"
        var provider: String?
        var deleted = 0
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let files: [File]
        var full = false
        var minimumFiles = 1
        var maximumBytes: Int64?
        /// By name; the files of each cube.
        let expected: [[String]]
    }

    private static func new(_ name: String, _ ids: ClosedRange<Int>, size: Int64 = 10) -> File { File(name: name, size: size, ids: ids) }

    /// Ten large files of one cube, of a hundred ids each.
    private static let large = (0..<10).map { File(name: "c\($0)", size: 100, cube: "c", ids: ($0 * 100)...($0 * 100 + 99)) }

    static let cases: [Case] = [
        Case(testDescription: "nothing new", files: large, expected: []),
        Case(testDescription: "all new", files: [new("a", 0...9), new("b", 5...9)], expected: [["a", "b"]]),
        Case(testDescription: "a small file that overlaps all", files: large + [new("n", 0...999)], expected: [["n"]]),
        Case(testDescription: "a file that overlaps little", files: large + [new("n", 120...130, size: 60)], expected: [["c1", "n"]]),
        Case(testDescription: "a file behind all", files: large + [new("n", 5000...5010, size: 500)], expected: [["n"]]),
        Case(testDescription: "as much as there is", files: large + [new("n", 0...999, size: 500)], expected: [large.map(\.name) + ["n"]]),
        Case(
            testDescription: "small files of a former run", files: large + [File(name: "s", size: 10, cube: "s", ids: 7000...7001), new("n", 9000...9001)],
            expected: [["n", "s"]]),
        Case(
            testDescription: "another curve is new", files: [File(name: "h", size: 100, cube: "h", ids: 0...9, curve: "hilbert")] + [new("n", 0...9)],
            expected: [["h", "n"]]),
        Case(
            testDescription: "other columns are new", files: [File(name: "o", size: 100, cube: "o", ids: 0...9, columns: #"["x"]"#)], expected: [["o"]]),
        Case(testDescription: "Spark's without a curve", files: [File(name: "z", size: 100, cube: "z", ids: 0...9, curve: nil)], expected: []),
        Case(
            testDescription: "worn out by deletions",
            files: [File(name: "w", size: 100, cube: "w", ids: 0...9, deleted: 20), File(name: "g", size: 100, cube: "w", ids: 10...19, deleted: 1)],
            expected: [["w"]]),
        Case(
            testDescription: "clustered by somebody else", files: [File(name: "l", size: 100, cube: "l", ids: 0...9, provider: "liquid"), new("n", 0...9)],
            expected: [["n"]]),
        Case(testDescription: "all of them", files: large + [new("n", 0...9)], full: true, expected: [large.map(\.name) + ["n"]]),
        Case(testDescription: "fewer new than asked for", files: large + [new("n", 0...9), new("o", 0...9)], minimumFiles: 3, expected: []),
        Case(testDescription: "no more bytes", files: [new("a", 0...9), new("b", 0...9), new("c", 0...9)], maximumBytes: 25, expected: [["a", "b"]]),
    ]

    private static func lines(_ files: [File]) -> [String] {
        files.enumerated().map { place, file in
            let stats =
                #"{"numRecords":100,"minValues":{"id":\#(file.ids.lowerBound)},"maxValues":{"id":\#(file.ids.upperBound)},"nullCount":{"id":0}}"#
            var add = AddFile(path: DataPath(encoded: file.name), size: file.size, modificationTime: Int64(place), dataChange: true, stats: stats)
            add.clusteringProvider = file.provider
            if let cube = file.cube {
                add.tags = ["ZCUBE_ID": cube, "ZCUBE_ZORDER_BY": file.columns]
                add.tags?["ZCUBE_ZORDER_CURVE"] = file.curve
            }
            if file.deleted > 0 { add.deletionVector = RoaringFixture.inline((0..<Int64(file.deleted)).map { $0 }) }
            return JSON.encode(Action.add(add).json)
        }
    }

    private func plan(_ example: Case, _ snapshot: Snapshot, _ clustering: ClusterBy) throws -> [[String]] {
        let plan = try ClusterPlan(
            files: snapshot.files, groups: snapshot.files.partitionGroups(),
            filter: PartitionFilter(nil, metadata: snapshot.metadata, now: Timestamp(milliseconds: 0)),
            clustering: clustering, isFull: example.full, targetFileSize: 100, minimumFiles: example.minimumFiles, maximumBytes: example.maximumBytes)
        return plan.cubes.map { $0.files.map { snapshot.files[$0].path.decoded }.sorted() }
    }

    @Test(arguments: cases)
    func filesThatAreWorthIt(example: Case) async throws {
        let log = LogFixture()
        try await log.create(protocol: SchemaFixture.protocolLine(["deletionVectors"]))
        try await log.commit(1, Self.lines(example.files))
        let snapshot = try await log.table.snapshot()
        let clustering = try #require(try ClusterBy(OptimizeOptions(zOrderBy: ["id"]), snapshot))
        #expect(try plan(example, snapshot, clustering) == example.expected.map { $0.sorted() })
    }

    // MARK: Runs

    @Test func aSecondRunFindsNothing() async throws {
        let fixture = try await DataFixture(partitionBy: ["p"])
        let options = OptimizeOptions(zOrderBy: ["id", "text"])
        for start in 0..<2 { try await fixture.append(start * 30..<start * 30 + 30) }
        #expect(try await OptimizeOperation(table: fixture.table, options: options).run().version == 3)
        #expect(try await OptimizeOperation(table: fixture.table, options: options).run().version == nil)
        let files = try await fixture.table.snapshot().files
        #expect(files.allSatisfy { $0.tags?["ZCUBE_ZORDER_BY"] == #"["id","text"]"# && $0.tags?["ZCUBE_ZORDER_CURVE"] == "zorder" })
        #expect(Set(files.compactMap { $0.tags?["ZCUBE_ID"] }).count == 3)
        #expect(files.allSatisfy { $0.clusteringProvider == nil })
        var full = options
        full.isFull = true
        let again = try await OptimizeOperation(table: fixture.table, options: full).run()
        #expect(again.version == 4)
        #expect(again.metrics.zOrderStats?.inputNumCubes == 3)
        #expect(try await fixture.table.snapshot().commitInfo?.operationParameters?["isFull"] == "true")
        #expect(try await fixture.ids() == (0..<60).map(Int64.init))
    }

    @Test func aDryRunChangesNothing() async throws {
        let fixture = try await DataFixture()
        for start in 0..<2 { try await fixture.append(start * 30..<start * 30 + 30) }
        let result = try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(zOrderBy: ["id"], dryRun: true)).run()
        #expect(result.metrics.numFilesRemoved == 2)
        #expect(result.metrics.numFilesAdded == 1)
        #expect(try await fixture.table.latestVersion() == 2)
    }

    // MARK: Batches

    @Test(arguments: [[], ["id"]] as [[String]])
    func aRunIsCutIntoBatchesAndTheLastIsTheTransaction(zOrderBy: [String]) async throws {
        let fixture = try await DataFixture(partitionBy: ["p"])
        for start in 0..<3 { try await fixture.append(start * 30..<start * 30 + 30) }
        let options = OptimizeOptions(
            zOrderBy: zOrderBy, maximumCommitBytes: 1,
            conditions: CommitConditions(operationUID: "u", idempotency: .init(appId: "a", version: 7), expectedVersion: 3))
        let result = try await OptimizeOperation(table: fixture.table, options: options).run()
        #expect(result.metrics.numBatches == 3)
        #expect(result.metrics.numFilesRemoved == 9)
        #expect(result.metrics.numFilesAdded == 3)
        #expect(result.version == 6)
        let records = try await fixture.table.history(limit: 3)
        #expect(records.map { $0.commitInfo?.levee?["batch"]?.intValue } == [3, 2, 1])
        #expect(records.map { $0.commitInfo?.levee?["batches"]?.intValue } == [3, 3, 3])
        #expect(records.allSatisfy { $0.commitInfo?.operationMetrics?["numRemovedFiles"] == "3" })
        for version in 4...6 as ClosedRange<Int64> {
            let expected: Int64? = version == 6 ? 7 : nil
            #expect(try await fixture.table.snapshot(version: version).transactionVersion("a") == expected)
        }
        #expect(try await fixture.ids() == (0..<90).map(Int64.init))
        #expect(try await OptimizeOperation(table: fixture.table, options: options).run().alreadyApplied)
    }

    /// The second batch cannot be committed: the first stands, nothing of the second is left, and a retry goes on.
    @Test func aBatchThatFailsLeavesThoseBefore() async throws {
        let fixture = try await DataFixture(partitionBy: ["p"])
        for start in 0..<2 { try await fixture.append(start * 30..<start * 30 + 30) }
        let failing = FaultInjectingStore(wrapping: fixture.store) { call in
            call.path.hasSuffix("00000000000000000004.json") && call.operation == .put
                ? .fails(.failed(path: "x", operation: "testing", message: "injected", retryable: false)) : nil
        }
        let options = OptimizeOptions(maximumCommitBytes: 1, conditions: CommitConditions(idempotency: .init(appId: "a", version: 1)))
        await #expect(throws: DeltaError.self) { try await OptimizeOperation(table: fixture.table(through: failing), options: options).run() }
        let snapshot = try await fixture.table.snapshot()
        #expect(snapshot.version == 3)
        #expect(snapshot.numFiles == 5)
        #expect(snapshot.transactionVersion("a") == nil)
        #expect(try await fixture.dataFiles().count == 7)
        let again = try await OptimizeOperation(table: fixture.table, options: options).run()
        #expect(again.metrics.numBatches == 2)
        #expect(try await fixture.table.snapshot().transactionVersion("a") == 1)
        #expect(try await fixture.liveFiles().count == 3)
        #expect(try await fixture.ids() == (0..<60).map(Int64.init))
    }

    @Test(arguments: [(1, 3), (2, 3), (3, 0)] as [(Int, Int64)])
    func aBinThatGainsTooLittleIsLeftAlone(minimumFiles: Int, removed: Int64) async throws {
        let fixture = try await DataFixture()
        for start in 0..<3 { try await fixture.append(start * 30..<start * 30 + 30) }
        let result = try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(minimumFiles: minimumFiles)).run()
        #expect(result.metrics.numFilesRemoved == removed)
    }
}
