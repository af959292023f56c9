import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// What a transaction has read by a condition, against what others add meanwhile: a file that can have no row of it, by its partition or its statistics,
/// is no conflict.
///
/// The table has the file `low` with ids 0 to 9 and `high` with ids 10 to 19; the transaction is a DELETE of `low`'s rows where `condition` holds.
@Suite struct StatisticsConflictTests {
    struct Race: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var condition = "id < 10"
        let winner: [String]
        /// What becomes of the transaction at WriteSerializable, and at Serializable.
        let conflict: DeltaError.Conflict?
        let serializable: DeltaError.Conflict?

        init(
            _ description: String, where condition: String = "id < 10", _ winner: [String], _ conflict: DeltaError.Conflict?,
            _ serializable: DeltaError.Conflict?
        ) {
            testDescription = description
            self.condition = condition
            self.winner = winner
            self.conflict = conflict
            self.serializable = serializable
        }
    }

    private static let blind = #"{"commitInfo":{"isBlindAppend":true}}"#

    private static func ids(_ low: Int64, _ high: Int64, nulls: Int = 0) -> String {
        #"{"numRecords":10,"minValues":{"id":\#(low)},"maxValues":{"id":\#(high)},"nullCount":{"id":\#(nulls)}}"#
    }

    private static let added = DeltaError.Conflict.addedFile(path: "new")
    private static func new(_ stats: String?, dataChange: Bool = true, partition: [String: String?] = ["day": "2024-01-01"]) -> String {
        LogFixture.add("new", partition: partition, stats: stats, dataChange: dataChange)
    }

    static let races: [Race] = [
        // Appends.
        Race("append of what it did not read", [new(ids(10, 30))], nil, nil), Race("append of what it read", [new(ids(9, 30))], added, added),
        Race("blind append of what it read", [blind, new(ids(9, 30))], nil, added), Race("blind append of other rows", [blind, new(ids(10, 30))], nil, nil),
        Race("append without statistics", [new(nil)], added, added), Race("append with statistics of nothing", [new("{}")], added, added),
        Race("append of a file without rows", [new(#"{"numRecords":0}"#)], nil, nil), Race("append of nulls alone", [new(ids(0, 0, nulls: 10))], nil, nil),
        Race("append of two files, one of them read", [LogFixture.add("other", stats: ids(40, 50)), new(ids(0, 1))], added, added),
        // Partitions.
        Race("append to another partition", where: "day = DATE'2024-01-02'", [new(ids(0, 1))], nil, nil),
        Race("append to the partition", where: "day = DATE'2024-01-01'", [new(ids(0, 1))], added, added),
        Race("append to the partition, of other rows", where: "day = DATE'2024-01-01' AND id > 50", [new(ids(0, 1))], nil, nil),
        Race("append to the null partition", where: "day = DATE'2024-01-01'", [new(ids(0, 1), partition: ["day": nil])], nil, nil),
        Race("append to the null partition, read", where: "day IS NULL", [new(ids(0, 1), partition: ["day": nil])], added, added),
        // Nulls.
        Race("append without a null, nulls read", where: "id IS NULL", [new(ids(0, 9))], nil, nil),
        Race("append with a null, nulls read", where: "id IS NULL", [new(ids(0, 9, nulls: 1))], added, added),
        // Rewrites: the new file is seen as any other; the one taken away only where it had been read.
        Race("update of other rows", [LogFixture.remove("high"), new(ids(10, 19))], nil, nil),
        Race("update of other rows into those it read", [LogFixture.remove("high"), new(ids(5, 19))], added, added),
        Race("update of the rows it read", [LogFixture.remove("low"), new(ids(50, 60))], .removedTwice(path: "low"), .removedTwice(path: "low")),
        Race("delete of other rows", [LogFixture.remove("high")], nil, nil),
        Race(
            "delete by deletion vector elsewhere",
            [LogFixture.remove("high"), LogFixture.add("high", partition: ["day": "2024-01-01"], stats: ids(10, 19), vector: "ab^-aqEH.-t@S}K{vb[*k^")], nil,
            nil),
        Race(
            "delete by deletion vector of what it read",
            [LogFixture.remove("low"), LogFixture.add("low", partition: ["day": "2024-01-01"], stats: ids(0, 9), vector: "ab^-aqEH.-t@S}K{vb[*k^")],
            .removedTwice(path: "low"), .removedTwice(path: "low")),
        Race("optimize elsewhere", [LogFixture.remove("high", dataChange: false), new(ids(0, 30), dataChange: false)], nil, nil),
        Race(
            "optimize of its file", [LogFixture.remove("low", dataChange: false), new(ids(0, 30), dataChange: false)], .removedTwice(path: "low"),
            .removedTwice(path: "low")),
        // What it has read, but does not take away.
        Race(
            "delete of a file that it only read", where: "id < 15", [LogFixture.remove("high")], .removedReadFile(path: "high"),
            .removedReadFile(path: "high")),
        // Metadata is everybody's business, whatever was read.
        Race(
            "other properties", where: "id < 0", [LogFixture.metadata(partitionColumns: ["day"], configuration: ["a": "b"])], .metadataChanged, .metadataChanged
        ),
    ]

    @Test(arguments: races, [IsolationLevel.writeSerializable, .serializable]) func aConditionMeetsWhatItMayMatch(race: Race, isolation: IsolationLevel)
        async throws
    {
        let log = LogFixture()
        try await log.create(partitionColumns: ["day"])
        try await log.commit(
            1,
            [("low", Self.ids(0, 9)), ("high", Self.ids(10, 19))].map { LogFixture.add($0.0, partition: ["day": "2024-01-01"], stats: $0.1) })
        let snapshot = try await log.table.snapshot()
        let predicate = try FilePredicate(race.condition, metadata: snapshot.metadata, now: log.clock.now())
        try await log.commit(2, race.winner)
        var transaction = Transaction(
            table: log.table, readSnapshot: snapshot, operation: OperationInfo("DELETE"), reads: .rows(where: predicate, of: snapshot),
            actions: [.remove(RemoveFile(path: "low", deletionTimestamp: 1, dataChange: true))])
        transaction.isolationLevel = isolation
        if let conflict = isolation == .serializable ? race.serializable : race.conflict {
            let attempt = transaction
            await #expect(throws: DeltaError.commitConflict(version: 2, winner: 2, conflict: conflict)) { try await attempt.commit() }
        } else {
            #expect(try await transaction.commit().version == 3)
        }
    }

    @Test func whatIsReadAreTheFilesThatMayMatch() async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("low", stats: Self.ids(0, 9)), LogFixture.add("high", stats: Self.ids(10, 19)), LogFixture.add("unknown")])
        let snapshot = try await log.table.snapshot()
        let reads = ReadSet.rows(where: try FilePredicate("id > 12", metadata: snapshot.metadata, now: log.clock.now()), of: snapshot)
        #expect(!reads.hasRead("low") && reads.hasRead("high") && reads.hasRead("unknown"))
    }
}
