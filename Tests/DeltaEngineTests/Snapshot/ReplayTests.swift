import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct ReplayTests {
    @Test func newestActionOnAFileWins() async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("a", size: 1), LogFixture.add("b"), LogFixture.add("c")])
        try await log.commit(2, [LogFixture.remove("b"), LogFixture.add("a", size: 7)])
        try await log.commit(3, [LogFixture.remove("c")])
        try await log.commit(4, [LogFixture.add("c")])
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.version == 4)
        #expect(snapshot.paths == ["a", "c"])
        #expect(snapshot.tombstonePaths == ["b"])
        #expect(snapshot.sizeInBytes == 107)
        let older = try await log.table.snapshot(version: 3)
        #expect(older.paths == ["a"])
        #expect(older.tombstonePaths == ["b", "c"])
    }

    /// What is fetched at once says nothing of where lines end.
    @Test(arguments: [1, 7, 100, 333] as [Int64])
    func commitsReadInPartsAreTheSame(bytes: Int64) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, (0..<40).map { LogFixture.add("file-\($0)", size: Int64($0)) })
        try await log.commit(2, (0..<9).map { LogFixture.remove("file-\($0 * 3)") } + [LogFixture.add("late")])
        let whole = try await log.table.snapshot()
        var loader = SnapshotLoader(store: log.store, environment: log.table.environment)
        loader.largestFetch = bytes
        let parts = try await loader.load(version: nil)
        #expect(parts.paths == whole.paths && parts.tombstonePaths == whole.tombstonePaths)
        #expect(parts.sizeInBytes == whole.sizeInBytes && parts.metadata == whole.metadata && parts.commitInfo?.operation == whole.commitInfo?.operation)
        // The line of an error counts from the commit's first.
        try await log.commit(3, (0..<5).map { LogFixture.add("more-\($0)") } + ["{"])
        await #expect {
            _ = try await loader.load(version: nil)
        } throws: {
            guard case .corruptCommit(version: 3, line: 6, _)? = $0 as? DeltaError else { return false }
            return true
        }
    }

    @Test func filesAreToldApartByTheirDeletionVectors() async throws {
        let log = LogFixture()
        try await log.create(
            protocol: #"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}"#)
        try await log.commit(1, [LogFixture.add("a"), LogFixture.add("b")])
        try await log.commit(2, [LogFixture.remove("a"), LogFixture.add("a", vector: "ab^-aqEH.-t@S}K{vb[*k^")])
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.paths == ["a", "b"])
        #expect(snapshot.tombstonePaths == ["a"])
        let vector = try #require(snapshot.files.compactMap(\.deletionVector).first)
        #expect(try vector.path?.encoded == "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin")
        #expect(snapshot.files.deletionVectors == (1, 2))
        // A manifest cannot say which rows are deleted.
        for access in Access.allCases where access != .manifest { try snapshot.require(access) }
    }

    @Test func spellingsOfOnePathAreOneFile() async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("x=A%252FA/p%20q.parquet"), LogFixture.add("x=%C3%A9/f"), LogFixture.add("plain%zz")])
        try await log.commit(2, [LogFixture.remove("x=A%252FA/p q.parquet"), LogFixture.remove("x=é/f")])
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.paths == ["plain%zz"])
        #expect(snapshot.files[0].path.decoded == "plain%zz")
        let before = try await log.table.snapshot(version: 1)
        #expect(Set(before.files.map(\.path.decoded)) == ["x=A%2FA/p q.parquet", "x=é/f", "plain%zz"])
    }

    @Test func everyFieldOfAnAddSurvives() async throws {
        let log = LogFixture()
        try await log.create(partitionColumns: ["day"])
        let stats = #"{"numRecords":3,"minValues":{"id":1},"maxValues":{"id":"a\"b"},"nullCount":{"id":0}}"#
        let file = AddFile(
            path: DataPath(encoded: "day=2024-01-01/f%20g.parquet"), partitionValues: PartitionValues([("day", "2024-01-01")]), size: 12,
            modificationTime: 34, dataChange: false, stats: stats, tags: ["INSERTION_TIME": "1\n2", "b": "é"], baseRowId: 5,
            defaultRowCommitVersion: 6, clusteringProvider: "liquid")
        let plain = AddFile(
            path: DataPath(encoded: "p"), partitionValues: PartitionValues([("day", nil)]), size: 0, modificationTime: 0, dataChange: true)
        try await log.commit(1, [Action.add(file), .add(plain)].map { $0.line })
        let snapshot = try await log.table.snapshot()
        let read = try #require(snapshot.files.first { $0.size == 12 })
        #expect(read.add == file)
        #expect(read.stats?.text == stats)
        #expect(read.numRecords == 3)
        #expect(read.partitionValues == ["2024-01-01"])
        let other = try #require(snapshot.files.first { $0.size == 0 })
        #expect(other.add == plain)
        #expect(other.numRecords == nil)
        #expect(snapshot.files.numRecords == nil)
        #expect(Set(snapshot.files.partitionGroups().map(\.values)) == [["2024-01-01"], [nil]])
    }

    @Test func stateActionsKeepTheNewest() async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(
            1, [LogFixture.txn("app", 1), LogFixture.txn("other", 9), #"{"domainMetadata":{"domain":"d","configuration":"x","removed":false}}"#])
        try await log.commit(2, [LogFixture.txn("app", 2), LogFixture.metadata(configuration: ["delta.appendOnly": "true"])])
        try await log.commit(
            3,
            [
                #"{"commitInfo":{"timestamp":1,"operation":"WRITE"}}"#, #"{"domainMetadata":{"domain":"d","configuration":"x","removed":true}}"#,
                #"{"domainMetadata":{"domain":"e","configuration":"y","removed":false}}"#,
                #"{"cdc":{"path":"_change_data/x","size":1,"partitionValues":{},"dataChange":false}}"#,
                #"{"somethingNew":{"a":[1,{"b":2}]}}"#, #"{"add":null,"txn":{"appId":"n","version":3,"lastUpdated":null}}"#,
            ])
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.transactions.mapValues(\.version) == ["app": 2, "other": 9, "n": 3])
        #expect(snapshot.domainMetadata.keys.sorted() == ["e"])
        #expect(snapshot.metadata.configuration == ["delta.appendOnly": "true"])
        #expect(snapshot.commitInfo?.operation == "WRITE")
    }

    @Test func refreshReadsOnlyTheTail() async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("a"), LogFixture.add("b")])
        let first = try await log.table.snapshot()
        #expect(try await log.table.refresh(first) === first)
        try await log.delete(LogFileName.commitPath(0))
        try await log.commit(2, [LogFixture.remove("a"), LogFixture.add("c"), LogFixture.txn("x", 1)])
        try await log.commit(3, [LogFixture.remove("c"), LogFixture.add("d")])
        let second = try await log.table.refresh(first)
        #expect(second.version == 3)
        #expect(second.paths == ["b", "d"])
        #expect(second.tombstonePaths == ["a", "c"])
        #expect(second.transactionVersion("x") == 1)
        #expect(second.segment.commits.map { $0.path.string } == (0...3).map { LogFileName.commitPath($0) })
        #expect(first.paths == ["a", "b"])
        try await log.commit(5, [LogFixture.add("e")])
        await #expect(throws: DeltaError.missingCommit(version: 4)) { try await log.table.refresh(second) }
    }

    @Test func historyIsNewestFirst() async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("a"), #"{"commitInfo":{"timestamp":5,"operation":"WRITE"}}"#])
        log.clock.advance(by: .seconds(-60))
        try await log.commit(2, [#"{"commitInfo":{"timestamp":6,"operation":"OPTIMIZE","txnId":"t"}}"#])
        let records = try await log.table.history(limit: 2)
        #expect(records.map(\.version) == [2, 1])
        #expect(records.map(\.operation) == ["OPTIMIZE", "WRITE"])
        #expect(records[0].timestamp == records[1].timestamp + .milliseconds(1))
        #expect(try await log.table.history(limit: 10, from: 1).map(\.version) == [1, 0])
    }
}

extension Action {
    /// As it stands in a commit.
    var line: String { JSON.encode(json) }
}

/// A snapshot that is refreshed again and again.
@Suite struct RefreshTests {
    @Test func manyRefreshesKeepFewSegments() async throws {
        let log = LogFixture()
        try await log.create(partitionColumns: ["day"])
        var snapshot = try await log.table.snapshot()
        for version in 1...100 {
            let stats = #"{"numRecords":\#(version)}"#
            try await log.commit(
                Int64(version),
                [LogFixture.add("f\(version)", size: Int64(version), partition: ["day": version % 3 == 0 ? nil : "d\(version % 7)"], stats: stats)]
                    + (version > 10 ? [LogFixture.remove("f\(version - 10)")] : []))
            snapshot = try await log.table.refresh(snapshot)
            #expect(snapshot.files.rows.parts.count <= 65)
        }
        let reopened = try await log.table.snapshot()
        #expect(snapshot.numFiles == 10)
        #expect(Set(snapshot.files.map(\.add)) == Set(reopened.files.map(\.add)))
        #expect(snapshot.tombstonePaths == reopened.tombstonePaths)
        #expect(snapshot.files.numRecords == reopened.files.numRecords)
    }

    /// However many files the table has, and although its checkpoint would have them all.
    @Test(arguments: [3, 3000]) func aRefreshCostsTheNewCommits(files: Int) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, (0..<files).map { LogFixture.add("f\($0)", stats: #"{"numRecords":1}"#) })
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        let store = RecordingStore(log.store)
        let table = log.table(through: store)
        let first = try await table.snapshot()
        _ = store.takeRequests()
        #expect(try await table.refresh(first) === first)
        #expect(store.takeRequests() == ["list _delta_log/"])
        try await log.commit(2, [LogFixture.add("new", size: 7, stats: #"{"numRecords":5}"#)])
        try await log.commit(3, [LogFixture.remove("f1")])
        let second = try await table.refresh(first)
        #expect(store.takeRequests().sorted() == ["get \(LogFileName.commitPath(2))", "get \(LogFileName.commitPath(3))", "list _delta_log/"])
        #expect(second.numFiles == files)
        #expect(second.sizeInBytes == Int64(files - 1) * 100 + 7)
        #expect(second.files.numRecords == Int64(files - 1 + 5))
    }

    /// Numbers that go up and down with the files are those that counting gives.
    @Test func totalsAreKeptWithoutCounting() async throws {
        let log = LogFixture()
        let vector = "ab^-aqEH.-t@S}K{vb[*k^"
        try await log.create(protocol: SchemaFixture.protocolLine(["deletionVectors"]))
        try await log.commit(1, (0..<4).map { LogFixture.add("f\($0)", size: 100 + Int64($0), stats: #"{"numRecords":\#($0)}"#) })
        var snapshot = try await log.table.snapshot()
        let commits: [[String]] = [
            [LogFixture.remove("f3"), LogFixture.add("f3", size: 103, stats: #"{"numRecords":3}"#, vector: vector)],
            // Its size and statistics are said anew, with nothing removed.
            [LogFixture.add("f2", size: 50, stats: #"{"numRecords":9}"#)],
            [LogFixture.add("unknown", size: 1)],
            [LogFixture.remove("unknown"), LogFixture.remove("never there")],
            [LogFixture.remove("f3", vector: vector)],
            [LogFixture.add("large", size: .max), LogFixture.add("larger", size: .max)],
            [LogFixture.remove("large"), LogFixture.remove("larger")],
            (0..<3).map { LogFixture.remove("f\($0)") },
        ]
        for (place, lines) in commits.enumerated() {
            try await log.commit(Int64(2 + place), lines)
            snapshot = try await log.table.refresh(snapshot)
            let counted = FileTable(rows: snapshot.files.rows, partitionKeys: [])
            #expect(snapshot.files.totals == counted.totals, "after \(lines)")
            #expect(snapshot.files.totals == (try await log.table.snapshot().files.totals), "after \(lines)")
        }
        #expect(snapshot.sizeInBytes == 0)
        #expect(snapshot.files.numRecords == 0)
    }

    /// What the log has cleaned up since, a checkpoint says.
    @Test func aSnapshotOlderThanTheLogIsReadAnew() async throws {
        let log = LogFixture()
        try await log.create()
        let first = try await log.table.snapshot()
        for version in 1...4 { try await log.commit(Int64(version), [LogFixture.add("f\(version)")]) }
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot(version: 3)).write()
        for version in 0...2 { try await log.delete(LogFileName.commitPath(Int64(version))) }
        let second = try await log.table.refresh(first)
        #expect(second.version == 4)
        #expect(second.paths == ["f1", "f2", "f3", "f4"])
    }

    /// A transaction reads what came meanwhile and its own commit; the checksum's numbers come from there.
    @Test func aCommitReadsNoCheckpoint() async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, (0..<500).map { LogFixture.add("f\($0)") })
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        let store = RecordingStore(log.store)
        let table = log.table(through: store)
        let snapshot = try await table.snapshot()
        try await log.commit(2, [LogFixture.remove("f0")])
        _ = store.takeRequests()
        let result = try await Transaction(
            table: table, readSnapshot: snapshot, operation: OperationInfo("WRITE"), actions: [.add(LogFixture.file("mine"))]
        ).commit()
        #expect(result.version == 3)
        let requests = store.takeRequests()
        #expect(!requests.contains { $0.contains("checkpoint") }, "\(requests)")
        let json = try JSON.parse(try await log.text(LogFileName.checksumPath(3)))
        #expect(json["numFiles"] == 500)
        #expect(json["tableSizeBytes"] == .integer(499 * 100 + 10))
    }
}
