import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct CompactLogTests {
    /// Versions 0 to `last`, each with a file of its own that the next version removes again.
    private func log(_ last: Int64, checkpointAt checkpoint: Int64? = nil) async throws -> LogFixture {
        let log = LogFixture()
        try await log.create(configuration: ["delta.checkpointInterval": "1000"])
        for version in 1...last {
            let info = #"{"commitInfo":{"operation":"WRITE","timestamp":\#(version)}}"#
            var lines = [info, LogFixture.add("f\(version)", size: version), LogFixture.txn("app", version)]
            if version > 1 { lines.append(LogFixture.remove("f\(version - 1)")) }
            lines.append(#"{"cdc":{"path":"_change_data/c","partitionValues":{},"size":1,"dataChange":false}}"#)
            try await log.commit(version, lines)
            if version == checkpoint { try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write() }
        }
        return log
    }

    private func run(_ log: LogFixture, _ options: CompactLogOptions = CompactLogOptions()) async throws -> CompactLogResult {
        try await CompactLogOperation(table: log.table, options: options).run()
    }

    private func lines(_ log: LogFixture, _ range: ClosedRange<Int64>) async throws -> [String] {
        try await log.text(LogFileName.compactedPath(range)).split(separator: "\n").map(String.init)
    }

    @Test func aFileHasTheLastWordOnEachThingAndNoProvenance() async throws {
        let log = try await log(4)
        let result = try await run(log, CompactLogOptions(from: 2, to: 4))
        #expect(result.ranges == [2...4])
        #expect(
            try await lines(log, 2...4) == [
                LogFixture.add("f4", size: 4), LogFixture.txn("app", 4), LogFixture.remove("f3"), LogFixture.remove("f2"), LogFixture.remove("f1"),
            ])
        #expect(result.metrics.numActions == 5)
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.paths == ["f4"] && snapshot.tombstonePaths == ["f1", "f2", "f3"])
        #expect(snapshot.segment.replay.count == 3)
    }

    @Test(arguments: [
        // Commits, the last checkpoint, commits a file, the ranges.
        (last: 25 as Int64, checkpoint: nil as Int64?, each: 10 as Int64, ranges: [0...9, 10...19, 20...25] as [ClosedRange<Int64>]),
        (last: 25, checkpoint: 7, each: 10, ranges: [8...9, 10...19, 20...25]), (last: 25, checkpoint: 24, each: 10, ranges: []),
        (last: 25, checkpoint: 23, each: 10, ranges: [24...25]), (last: 20, checkpoint: 9, each: 10, ranges: [10...19]),
        (last: 20, checkpoint: nil, each: 100, ranges: [0...20]),
    ])
    func commitsSinceTheCheckpointAreCompactedInAlignedRanges(last: Int64, checkpoint: Int64?, each: Int64, ranges: [ClosedRange<Int64>]) async throws {
        let log = try await log(last, checkpointAt: checkpoint)
        let options = CompactLogOptions(commitsPerFile: each)
        var dry = options
        dry.dryRun = true
        #expect(try await run(log, dry).ranges == ranges)
        #expect(try await LogListing.load(log.store, from: 0).compactions.isEmpty)
        #expect(try await run(log, options).ranges == ranges)
        #expect(try await log.table.snapshot().paths == ["f\(last)"])
        // A second run holds them against the commits, and writes nothing.
        let again = try await run(log, options)
        #expect(again.ranges.isEmpty && again.metrics.numFilesPresent == Int64(ranges.count) && again.metrics.numFilesWritten == 0)
    }

    @Test func anOpenRangeGrowsWithItsCommits() async throws {
        let log = try await log(12)
        _ = try await run(log, CompactLogOptions(commitsPerFile: 10))
        for version in 13...14 as ClosedRange<Int64> { try await log.commit(version, [LogFixture.add("g\(version)")]) }
        #expect(try await run(log, CompactLogOptions(commitsPerFile: 10)).ranges == [10...14])
        #expect(try await log.table.snapshot().segment.replay.count == 2)
        #expect(try await log.table.snapshot(version: 12).paths == ["f12"])
    }

    @Test(arguments: [(3 as Int64?, 3 as Int64?), (4, 2), (nil, 99), (2, 99)]) func aRangeThatIsNoneIsRefused(from: Int64?, to: Int64?) async throws {
        let log = try await log(5)
        await #expect {
            _ = try await run(log, CompactLogOptions(from: from, to: to))
        } throws: {
            if case .invalidRequest = $0 as? DeltaError { true } else { false }
        }
    }

    @Test func aRangeWithAGapIsRefused() async throws {
        let log = try await log(8, checkpointAt: 6)
        try await log.delete("_delta_log/00000000000000000003.json")
        for range in [(2, 5), (3, 5), (1, 3)] as [(Int64, Int64)] {
            await #expect(throws: DeltaError.missingCommit(version: 3)) { try await run(log, CompactLogOptions(from: range.0, to: range.1)) }
        }
        #expect(try await run(log).ranges == [7...8])
    }

    @Test func aFileThatSaysSomethingElseIsNamed() async throws {
        let log = try await log(4)
        try await log.put(LogFileName.compactedPath(2...4), LogFixture.add("other"))
        await #expect {
            _ = try await run(log, CompactLogOptions(from: 2, to: 4))
        } throws: {
            "\($0)".contains("00000000000000000002.00000000000000000004.compacted.json does not say what commits 2 to 4 say")
        }
    }

    @Test func aTableThatMovedOnIsRefused() async throws {
        let log = try await log(4)
        await #expect(throws: DeltaError.versionMismatch(expected: 3, actual: 4)) {
            try await run(log, CompactLogOptions(conditions: CommitConditions(expectedVersion: 3)))
        }
    }

    /// What is read back is not what was written: a store that lost half of it.
    @Test func aFileThatDoesNotReadBackIsRemoved() async throws {
        let log = try await log(4)
        let path = LogFileName.compactedPath(0...4)
        let torn = TornStore(log.store, path: path)
        await #expect(throws: DeltaError.self) { try await CompactLogOperation(table: log.table(through: torn)).run() }
        await #expect(throws: ObjectStoreError.notFound(path: path)) { try await log.store.head(ObjectPath(path)) }
    }

    @Test func cleanupTellsWhatGoesAndWhatStaysReadable() async throws {
        let log = LogFixture()
        try await log.create(configuration: ["delta.logRetentionDuration": "interval 10 days", "delta.checkpointInterval": "1000"])
        for version in 1...20 as ClosedRange<Int64> {
            log.clock.advance(by: .seconds(86_400))
            try await log.commit(version, [LogFixture.add("f\(version)", size: version)])
            try await log.put(LogFileName.checksumPath(version), "{}")
            if version == 8 { try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write() }
        }
        _ = try await CompactLogOperation(table: log.table, options: CompactLogOptions(from: 4, to: 6)).run()
        let before = try await log.store.list(prefix: "", startAfter: nil).all().reduce(0) { $0 + $1.sizeInBytes }
        let dry = try await LogCleanupOperation(table: log.table, options: LogCleanupOptions(dryRun: true)).run()
        #expect(dry.readable == 8...20 && dry.obstacle == nil)
        #expect(try await log.table.snapshot(version: 0).numFiles == 0)
        let done = try await LogCleanupOperation(table: log.table).run()
        #expect(done == dry)
        #expect(done.metrics.numRemovedCommits == 8 && done.metrics.numRemovedChecksums == 7 && done.metrics.numRemovedCompactedFiles == 1)
        let after = try await log.store.list(prefix: "", startAfter: nil).all().reduce(0) { $0 + $1.sizeInBytes }
        #expect(before - after == done.metrics.numRemovedBytes)
        let again = try await LogCleanupOperation(table: log.table).run()
        #expect(again.readable == 8...20 && again.metrics == LogCleanupMetrics())
    }

    @Test func cleanupSaysWhyNothingGoes() async throws {
        let log = LogFixture()
        try await log.create(configuration: ["delta.enableExpiredLogCleanup": "false"])
        let result = try await LogCleanupOperation(table: log.table).run()
        #expect(result.obstacle == "delta.enableExpiredLogCleanup is false" && result.readable == 0...0)
    }

    @Test func aCheckpointIsOnlyPlannedInADryRunAndForTheVersionExpected() async throws {
        let log = try await log(3)
        let dry = try await CheckpointOperation(table: log.table, options: CheckpointOptions(dryRun: true)).run()
        #expect(dry.written && dry.version == 3 && dry.sizeInBytes == 0)
        #expect(try await LogListing.load(log.store, from: 0).checkpoints.isEmpty)
        await #expect(throws: DeltaError.versionMismatch(expected: 2, actual: 3)) {
            try await CheckpointOperation(table: log.table, options: CheckpointOptions(conditions: CommitConditions(expectedVersion: 2))).run()
        }
        let done = try await CheckpointOperation(table: log.table, options: CheckpointOptions(conditions: CommitConditions(expectedVersion: 3))).run()
        #expect(done.written && done.actions > 0 && done.sizeInBytes > 0)
        #expect(try await CheckpointOperation(table: log.table, options: CheckpointOptions(dryRun: true)).run().written == false)
    }
}

/// A store that gives back only the first half of one object.
private final class TornStore: ObjectStore {
    private let store: any ObjectStore
    private let path: String

    init(_ store: any ObjectStore, path: String) {
        self.store = store
        self.path = path
    }

    var rootDescription: String { store.rootDescription }
    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes {
        let bytes = try await store.get(path, range: range)
        return path.string == self.path ? bytes.prefix(bytes.count / 2) : bytes
    }
    func head(_ path: ObjectPath) async throws -> ObjectInfo { try await store.head(path) }
    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] { try await store.get(path, ranges: ranges) }
    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws { try await store.put(path, bytes, mode: mode) }
    func write(_ path: ObjectPath) async throws -> any ObjectWriter { try await store.write(path) }
    func list(prefix: String, startAfter: String?) -> any ObjectListing { store.list(prefix: prefix, startAfter: startAfter) }
    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] { try await store.delete(paths) }
}
