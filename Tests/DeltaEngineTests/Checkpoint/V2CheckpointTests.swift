import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport
import Testing

@testable import DeltaEngine

/// V2 checkpoints of other writers and of Levee's own (protocol, "V2 Spec").
@Suite struct V2CheckpointTests {
    private static let protocolLine = SchemaFixture.protocolLine(["v2Checkpoint", "deletionVectors"])
    private static let uuid = "80a083e8-7026-4e79-81be-64bd76c43a11"
    private static let manifest = "_delta_log/00000000000000000003.checkpoint.\(uuid).json"

    /// Versions 0 to 3: files a to c, of which b was removed; a vector on c.
    private func log(_ configuration: [String: String] = [:]) async throws -> LogFixture {
        let log = LogFixture()
        try await log.create(protocol: Self.protocolLine, configuration: configuration)
        try await log.commit(1, [LogFixture.add("a", stats: #"{"numRecords":5}"#), LogFixture.add("b"), LogFixture.txn("app", 7)])
        try await log.commit(2, [LogFixture.add("c"), LogFixture.remove("b")])
        try await log.commit(3, [LogFixture.remove("c"), LogFixture.add("c", vector: "ab^-aqEH.-t@S}K{vb[*k^"), #"{"commitInfo":{"operation":"X"}}"#])
        return log
    }

    private func expectState(_ snapshot: Snapshot) {
        #expect(snapshot.version == 3)
        #expect(snapshot.paths == ["a", "c"])
        #expect(snapshot.tombstonePaths == ["b", "c"])
        #expect(snapshot.files.first { $0.path.encoded == "a" }?.numRecords == 5)
        #expect(snapshot.files.deletionVectors.count == 1)
        #expect(snapshot.transactionVersion("app") == 7)
        #expect(snapshot.commitInfo?.operation == "X")
    }

    private func dropCommits(_ log: LogFixture) async throws {
        try await log.delete(LogFileName.commitPath(0), LogFileName.commitPath(1), LogFileName.commitPath(2))
    }

    @Test func whatThePolicyAsksForIsWrittenAndReadAgain() async throws {
        let log = try await log(["delta.checkpointPolicy": "v2"])
        let before = try await log.table.snapshot()
        let written = try #require(try await Checkpoint(table: log.table, snapshot: before).write())
        try await dropCommits(log)
        let names = try await log.store.list(prefix: "_delta_log/", startAfter: nil).all().map(\.path.string)
        #expect(names.count { $0.hasPrefix("_delta_log/_sidecars/") && $0.hasSuffix(".parquet") } == 1)
        #expect(names.count { $0.contains(".checkpoint.") && $0.hasSuffix(".json") } == 1)
        #expect(!names.contains { $0.hasSuffix(".checkpoint.parquet") })
        let hint = try JSON.parse(try await log.text("_delta_log/_last_checkpoint"))
        #expect(hint["version"] == 3)
        #expect(hint["numOfAddFiles"] == 2)
        // Two adds, two removes, protocol, metaData, txn.
        #expect(written.actions == 7)
        expectState(try await log.table.snapshot())
    }

    @Test func withoutTheFeatureThePolicyMeansNothing() async throws {
        let log = LogFixture()
        try await log.create(configuration: ["delta.checkpointPolicy": "v2"])
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        #expect(try await log.table.snapshot().segment.checkpoint?.files.first?.name == .classicCheckpoint(version: 0))
    }

    @Test func aManifestMayHoldTheFilesItself() async throws {
        let log = try await log()
        let lines = [
            #"{"checkpointMetadata":{"version":3}}"#, Self.protocolLine, LogFixture.metadata(), LogFixture.add("a", stats: #"{"numRecords":5}"#),
            LogFixture.add("c", vector: "ab^-aqEH.-t@S}K{vb[*k^"), LogFixture.remove("b"), LogFixture.remove("c"), LogFixture.txn("app", 7),
        ]
        try await log.put(Self.manifest, lines.joined(separator: "\n"))
        try await dropCommits(log)
        expectState(try await log.table.snapshot())
    }

    @Test(arguments: ["", "_sidecars/", "s3://elsewhere/t/_delta_log/_sidecars/"]) func sidecarsAreTheTablesOwn(prefix: String) async throws {
        let log = try await log(["delta.checkpointPolicy": "v2"])
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        let page = try await log.store.list(prefix: "_delta_log/00000000000000000003.checkpoint.", startAfter: nil).all()
        let path = try #require(page.first?.path.string)
        let text = try await log.text(path)
        try await log.put(path, text.replacing(#""sidecar":{"path":""#, with: #""sidecar":{"path":""# + prefix))
        try await dropCommits(log)
        expectState(try await log.table.snapshot())
    }

    @Test func partitionValuesMayBeThereAsTypedValuesOnly() async throws {
        let log = LogFixture()
        try await log.create(protocol: Self.protocolLine, partitionColumns: ["day"])
        let type = DataType.structure([
            Field("path", .string), Field("size", .long), Field("dataChange", .boolean), Field("partitionValues_parsed", .structure([Field("day", .date)])),
        ])
        let builder = ColumnBuilder(type: type)
        for (path, day) in [("a", .date(1)), ("b", nil)] as [(String, Scalar?)] {
            try builder.append(.structure([.string(path), .integer(5), .bool(false), .structure([day])]))
        }
        let schema = Schema([Field("add", type)])
        let writer = try ParquetWriter(writer: try await log.store.write(ObjectPath("_delta_log/_sidecars/typed.parquet")), schema: schema)
        try await writer.write(try ColumnBatch(schema: schema, columns: [builder.finish()], rowCount: 2))
        let size = try await writer.finish().sizeInBytes
        let lines = [
            Self.protocolLine, LogFixture.metadata(partitionColumns: ["day"]), #"{"sidecar":{"path":"typed.parquet","sizeInBytes":\#(size)}}"#,
        ]
        try await log.put("_delta_log/00000000000000000000.checkpoint.\(Self.uuid).json", lines.joined(separator: "\n"))
        let snapshot = try await log.table.snapshot()
        let values = Dictionary(uniqueKeysWithValues: snapshot.files.map { ($0.path.encoded, $0.partitionValues) })
        #expect(values == ["a": ["1970-01-02"], "b": [nil]])
    }

    @Test func aDamagedCheckpointGivesWayToAnotherOfItsVersion() async throws {
        let log = try await log(["delta.checkpointPolicy": "v2"])
        let snapshot = try await log.table.snapshot()
        try await Checkpoint(table: log.table, snapshot: snapshot).write()
        for text in ["{", "{}", #"{"sidecar":{"path":"gone.parquet","sizeInBytes":10}}"#, #"{"sidecar":{"sizeInBytes":10}}"#, Self.protocolLine] {
            // Names that sort before and behind the good one's.
            for uuid in ["00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"] {
                try await log.put("_delta_log/00000000000000000003.checkpoint.\(uuid).json", text)
            }
            try await log.put("_delta_log/00000000000000000003.checkpoint.parquet", text)
            expectState(try await log.table.snapshot())
        }
        try await dropCommits(log)
        expectState(try await log.table.snapshot())
    }
}

/// Compacted commits (protocol, "Log Compaction Files").
@Suite struct CompactedCommitsTests {
    private static func path(_ from: Int64, _ to: Int64) -> String {
        LogFileName.commitPath(from).replacing(".json", with: ".")
            + LogFileName.commitPath(to).dropFirst(LogFileName.directory.count).replacing(".json", with: "")
            + ".compacted.json"
    }

    /// A compaction says other sizes than its commits, so that it shows which was read.
    private func log() async throws -> LogFixture {
        let log = LogFixture()
        try await log.create()
        for version in 1...8 as ClosedRange<Int64> {
            try await log.commit(version, [#"{"commitInfo":{"operation":"V\#(version)"}}"#, LogFixture.add("f\(version)", size: 1)])
        }
        return log
    }

    private func compact(_ log: LogFixture, _ from: Int64, _ to: Int64, size: Int64) async throws {
        try await log.put(Self.path(from, to), (from...to).map { LogFixture.add("f\($0)", size: size) }.joined(separator: "\n"))
    }

    @Test func theLongestOfThemIsReadInPlaceOfItsCommits() async throws {
        let log = try await log()
        try await compact(log, 2, 4, size: 10)
        try await compact(log, 2, 3, size: 100)
        try await compact(log, 5, 8, size: 1000)
        // Those that overlap what is read already, or go beyond the version, are left aside.
        try await compact(log, 4, 5, size: 10_000)
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.paths == (1...8).map { "f\($0)" })
        #expect(snapshot.sizeInBytes == 1 + 30 + 4000)
        #expect(snapshot.commitInfo?.operation == "V8")
        #expect(try await log.table.snapshot(version: 7).sizeInBytes == 1 + 30 + 3)
        #expect(try await log.table.snapshot(version: 3).sizeInBytes == 1 + 200)
        #expect(try await log.table.snapshot(version: 3).commitInfo?.operation == "V3")
    }

    @Test(arguments: ["", "{", "nonsense\n", #"{"add":{"path":"x"}}"#]) func aDamagedOneIsLeftAside(text: String) async throws {
        let log = try await log()
        try await log.put(Self.path(2, 5), text)
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.sizeInBytes == 8)
        #expect(snapshot.numFiles == 8)
    }
}
