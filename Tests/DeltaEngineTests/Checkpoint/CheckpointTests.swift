import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct CheckpointTests {
    private static let schema =
        #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},{"name":"price","type":"decimal(20,3)","nullable":true,"metadata":{}},"#
        + #"{"name":"at","type":"timestamp","nullable":true,"metadata":{}},{"name":"s","type":{"type":"struct","fields":[{"name":"x","type":"string","nullable":true,"metadata":{}},"#
        + #"{"name":"tags","type":{"type":"array","elementType":"string","containsNull":true},"nullable":true,"metadata":{}}]},"nullable":true,"metadata":{}},"#
        + #"{"name":"day","type":"date","nullable":true,"metadata":{}}]}"#

    private static let stats =
        #"{"numRecords":3,"minValues":{"id":-5,"price":1.250,"at":"2024-01-02T03:04:05.678Z","s":{"x":"a\"é"}},"#
        + #""maxValues":{"id":9007199254740993,"price":12345678901234567.891,"at":"2024-01-02T03:04:05.678Z","s":{"x":"z"}},"nullCount":{"id":0,"price":1,"at":0,"s":{"x":1,"tags":0}}}"#

    /// A table with something of everything.
    private func everything(_ configuration: [String: String] = [:]) async throws -> LogFixture {
        let log = LogFixture()
        try await log.create(
            protocol:
                #"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors","timestampNtz"],"writerFeatures":["deletionVectors","timestampNtz","domainMetadata"]}}"#,
            schema: Self.schema, partitionColumns: ["day"], configuration: configuration)
        let now = log.clock.now().milliseconds
        let rich = AddFile(
            path: DataPath(encoded: "day=2024-01-01/f%20g.parquet"), partitionValues: PartitionValues([("day", "2024-01-01")]), size: 12,
            modificationTime: 34, dataChange: true, stats: Self.stats, tags: ["b": "é", "a": "1"], baseRowId: 5, defaultRowCommitVersion: 6,
            clusteringProvider: "liquid")
        let plain = AddFile(
            path: DataPath(encoded: "p"), partitionValues: PartitionValues([("day", nil)]), size: 0, modificationTime: 0, dataChange: true,
            deletionVector: DeletionVectorDescriptor(
                storageType: "i", pathOrInlineDv: "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", offset: nil, sizeInBytes: 40, cardinality: 6))
        try await log.commit(
            1,
            [Action.add(rich), .add(plain), .transaction(SetTransaction(appId: "app", version: 7, lastUpdated: 8))].map(\.line) + [
                LogFixture.txn("other", 1), #"{"domainMetadata":{"domain":"d","configuration":"{\"a\":1}","removed":false}}"#,
                #"{"domainMetadata":{"domain":"gone","configuration":"","removed":true}}"#, LogFixture.remove("old", at: now - 8 * 86_400_000),
                LogFixture.remove("fresh", at: now - 86_400_000), LogFixture.remove("undated", at: nil),
                #"{"remove":{"path":"full","deletionTimestamp":\#(now),"dataChange":true,"extendedFileMetadata":true,"partitionValues":{"day":"2024-01-01"},"size":3}}"#,
            ])
        return log
    }

    @Test(arguments: [("true", "false"), ("true", "true"), ("false", "true"), ("false", "false")])
    func everythingSurvives(asText: String, asStruct: String) async throws {
        let log = try await everything(["delta.checkpoint.writeStatsAsJson": asText, "delta.checkpoint.writeStatsAsStruct": asStruct])
        let before = try await log.table.snapshot()
        let written = try #require(try await Checkpoint(table: log.table, snapshot: before).write())
        #expect(written.version == 1)
        #expect(written.actions == 9)
        #expect(
            try JSON.parse(try await log.text("_delta_log/_last_checkpoint")) == [
                "version": 1, "size": 9, "sizeInBytes": .integer(written.sizeInBytes), "numOfAddFiles": 2,
            ])
        try await log.delete(LogFileName.commitPath(0))
        let after = try await log.table.snapshot()
        #expect(after.segment.checkpoint?.version == 1)
        #expect(after.protocol == before.protocol)
        #expect(after.metadata == before.metadata)
        #expect(after.transactions == before.transactions)
        #expect(after.domainMetadata == before.domainMetadata)
        // Expired ones are gone, and one without a date counts as expired.
        #expect(after.tombstonePaths == ["fresh", "full"])
        let full = try #require(after.tombstones.first { $0.path.encoded == "full" })
        #expect(full.size == 3)
        #expect(full.partitionValue("day") == "2024-01-01")
        #expect(full.extendedFileMetadata)
        var expected = Dictionary(uniqueKeysWithValues: before.files.map { ($0.path, $0.add) })
        for path in expected.keys {
            expected[path]?.dataChange = false
            if asText == "false", asStruct == "false" { expected[path]?.stats = nil }
        }
        #expect(Dictionary(uniqueKeysWithValues: after.files.map { ($0.path, $0.add) }) == expected)
    }

    @Test func structsHoldTypedValues() async throws {
        let log = try await everything(["delta.checkpoint.writeStatsAsStruct": "true"])
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        let file = try await ParquetFile.open(log.store, ObjectPath(LogFileName.classicCheckpointPath(1)))
        let batch = try await file.readRowGroup(0)
        let add = try #require(batch.column(named: "add"))
        guard case let .structure(fields) = add.type, case let .structure(children) = add.values else { throw DeltaError.invalidRequest(reason: "no struct") }
        let row = try #require((0..<add.count).first { !add.isNull(at: $0) && children[0].value(at: $0) != .string("p") })
        func member(_ name: String) -> Scalar? { fields.firstIndex { $0.name == name }.flatMap { children[$0].value(at: row) } }
        #expect(member("partitionValues_parsed") == .structure([.date(19_723)]))
        guard case let .structure(stats) = member("stats_parsed") else { throw DeltaError.invalidRequest(reason: "no statistics") }
        #expect(stats[0] == .integer(3))
        let instant = Scalar.timestamp(1_704_164_645_678_000)
        #expect(stats[1] == .structure([.integer(-5), .decimal(1250, scale: 3), instant, .structure([.string("a\"é")])]))
        #expect(
            stats[2] == .structure([.integer(9_007_199_254_740_993), .decimal(12_345_678_901_234_567_891, scale: 3), instant, .structure([.string("z")])]))
        #expect(stats[3] == .structure([.integer(0), .integer(1), .integer(0), .structure([.integer(1), .integer(0)])]))
    }

    @Test func statisticsOfOtherTypesAreLeftOut() async throws {
        let log = LogFixture()
        try await log.create(configuration: ["delta.checkpoint.writeStatsAsJson": "false", "delta.checkpoint.writeStatsAsStruct": "true"])
        let texts = [
            #"{"numRecords":1,"minValues":{"id":"x","day":5},"maxValues":[],"nullCount":{"id":2.5}}"#, "not json", "[]", "{}",
            #"{"numRecords":1e99}"#, #"{"numRecords":99999999999999999999}"#, #"{"minValues":{"id":{"a":{"b":1}}}}"#,
        ]
        try await log.commit(1, texts.enumerated().map { LogFixture.add("f\($0.offset)", stats: $0.element) })
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        let after = try await log.table.snapshot()
        #expect(after.numFiles == texts.count)
        #expect(after.files.first { $0.path.encoded == "f0" }?.stats?.text == #"{"numRecords":1,"minValues":{},"nullCount":{}}"#)
    }

    @Test func aCommitOnTheIntervalWritesOne() async throws {
        let log = LogFixture()
        try await log.create(configuration: ["delta.checkpointInterval": "3"])
        var snapshot = try await log.table.snapshot()
        for number in 1...7 {
            _ = try await Transaction(
                table: log.table, readSnapshot: snapshot, operation: OperationInfo("WRITE"), actions: [.add(LogFixture.file("f\(number)"))]
            ).commit()
            snapshot = try await log.table.refresh(snapshot)
        }
        let reopened = try await log.table.snapshot()
        #expect(reopened.segment.checkpoint?.version == 6)
        #expect(reopened.segment.commits.map(\.version) == [7])
        #expect(reopened.paths == (1...7).map { "f\($0)" })
        #expect(reopened.commitInfo?.operation == "WRITE")
        #expect(try await log.table.snapshot(version: 4).paths == (1...4).map { "f\($0)" })
        #expect(try await log.table.snapshot(version: 6).commitInfo?.operation == "WRITE")
    }

    @Test func aCheckpointThatCannotBeWrittenFailsNothing() async throws {
        let log = LogFixture()
        try await log.create(configuration: ["delta.checkpointInterval": "1"])
        let full = ObjectStoreError.outOfSpace(path: "x")
        let table = log.table(through: FaultInjectingStore(wrapping: log.store) { [.write, .append, .finish].contains($0.operation) ? .fails(full) : nil })
        let snapshot = try await table.snapshot()
        #expect(
            try await Transaction(table: table, readSnapshot: snapshot, operation: OperationInfo("WRITE"), actions: [.add(LogFixture.file("a"))]).commit()
                .version == 1)
        #expect(try await log.table.snapshot().segment.checkpoint == nil)
        await #expect(throws: DeltaError.storage(full)) { try await Checkpoint(table: table, snapshot: snapshot).write() }
    }

    @Test func theHintNeverGoesBack() async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("a")])
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot(version: 0)).write()
        #expect(try JSON.parse(try await log.text("_delta_log/_last_checkpoint"))["version"] == 1)
        // The same again: another writer has done it.
        #expect(try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write() == nil)
    }

    // MARK: Damage

    private func checkpointed(_ log: LogFixture, upTo last: Int64, at version: Int64) async throws {
        try await log.create()
        for number in 1...last { try await log.commit(number, [LogFixture.add("f\(number)")]) }
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot(version: version)).write()
    }

    @Test func aDamagedCheckpointIsGoneAround() async throws {
        let log = LogFixture()
        try await checkpointed(log, upTo: 6, at: 4)
        let path = try ObjectPath(LogFileName.classicCheckpointPath(4))
        let whole = try await log.store.get(path)
        for length in [0, 1, 11, 12, whole.count / 2, whole.count - 1] {
            try await log.store.put(path, whole.prefix(length), mode: .overwrite)
            let snapshot = try await log.table.snapshot()
            #expect(snapshot.paths == (1...6).map { "f\($0)" }, "cut to \(length) bytes")
            #expect(snapshot.segment.checkpoint == nil)
        }
        // An older one takes its place.
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot(version: 2)).write()
        try await log.delete(LogFileName.commitPath(0), LogFileName.commitPath(1))
        #expect(try await log.table.snapshot().segment.checkpoint?.version == 2)
        // Without the commits it stands for there is no way round it.
        try await log.delete(LogFileName.classicCheckpointPath(2))
        do {
            _ = try await log.table.snapshot()
            Issue.record("it opened")
        } catch let error as DeltaError {
            guard case .corruptCheckpoint(4, path.string, _) = error else { throw error }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func flippedBytesNeverCrash(seed: UInt64) async throws {
        let log = try await everything(["delta.checkpoint.writeStatsAsStruct": "true"])
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        try await log.delete(LogFileName.commitPath(0))
        let path = try ObjectPath(LogFileName.classicCheckpointPath(1))
        let whole = try await log.store.get(path).array
        let random = SeededRandomSource(seed: seed)
        for _ in 0..<150 {
            var damaged = whole
            for _ in 0...random.integer(below: 3) { damaged[random.integer(below: damaged.count)] ^= UInt8(1 << random.integer(below: 8)) }
            try await log.store.put(path, Bytes(damaged), mode: .overwrite)
            do {
                // A flip may go unseen (pages have no checksum), but it must not take the process down.
                let snapshot = try await log.table.snapshot()
                for file in snapshot.files { _ = file.add }
            } catch is DeltaError {}
        }
    }

    @Test func anUnfinishedMultiPartCheckpointIsPassedOver() async throws {
        let log = LogFixture()
        try await checkpointed(log, upTo: 5, at: 5)
        let bytes = try await log.store.get(ObjectPath(LogFileName.classicCheckpointPath(5)))
        try await log.delete(LogFileName.classicCheckpointPath(5))
        let part = "_delta_log/00000000000000000005.checkpoint.0000000001.0000000002.parquet"
        try await log.store.put(ObjectPath(part), bytes, mode: .overwrite)
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.segment.checkpoint == nil)
        #expect(snapshot.numFiles == 5)
    }

    @Test func partsOfACheckpointAreReadTogether() async throws {
        let log = LogFixture()
        try await log.create()
        // Two tables' checkpoints make the two parts: the second brings files only.
        try await log.commit(1, [LogFixture.add("a"), LogFixture.add("b")])
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        let other = LogFixture()
        try await other.create()
        try await other.commit(1, [LogFixture.add("c"), LogFixture.txn("x", 2)])
        try await Checkpoint(table: other.table, snapshot: try await other.table.snapshot()).write()
        let classic = LogFileName.classicCheckpointPath(1)
        for (number, store) in [log.store, other.store].enumerated() {
            let path = "_delta_log/00000000000000000001.checkpoint.000000000\(number + 1).0000000002.parquet"
            try await log.store.put(ObjectPath(path), try await store.get(ObjectPath(classic)), mode: .overwrite)
        }
        try await log.delete(classic, LogFileName.commitPath(0), LogFileName.commitPath(1))
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.segment.checkpoint?.files.count == 2)
        #expect(snapshot.paths == ["a", "b", "c"])
        #expect(snapshot.transactionVersion("x") == 2)
        #expect(snapshot.commitInfo == nil)
    }

    @Test func cleanedUpVersionsAreSaidToBeGone() async throws {
        let log = LogFixture()
        try await checkpointed(log, upTo: 5, at: 3)
        try await log.delete(LogFileName.commitPath(0), LogFileName.commitPath(1), LogFileName.commitPath(2))
        #expect(try await log.table.snapshot().numFiles == 5)
        await #expect(throws: DeltaError.versionNotAvailable(version: 1, available: 3...5)) { try await log.table.snapshot(version: 1) }
        try await log.delete(LogFileName.commitPath(4))
        await #expect(throws: DeltaError.missingCommit(version: 4)) { try await log.table.snapshot() }
    }

    @Test func aStaleHintIsFollowedPastToTheNewestCheckpoint() async throws {
        let log = LogFixture()
        try await checkpointed(log, upTo: 6, at: 2)
        let stale = try await log.text("_delta_log/_last_checkpoint")
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot(version: 5)).write()
        try await log.put("_delta_log/_last_checkpoint", stale)
        #expect(try await log.table.snapshot().segment.checkpoint?.version == 5)
        // A hint at a checkpoint that is gone.
        try await log.put("_delta_log/_last_checkpoint", #"{"version":6,"size":1}"#)
        #expect(try await log.table.snapshot().segment.checkpoint?.version == 5)
        #expect(try await log.table.snapshot(version: 3).segment.checkpoint?.version == 2)
    }
}
