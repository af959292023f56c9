import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Ids for the rows of new files (protocol, "Row Tracking").
@Suite struct RowTrackingTests {
    private static let protocolLine =
        #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["rowTracking","domainMetadata"]}}"#

    private static func domain(_ mark: Int64) -> String {
        #"{"domainMetadata":{"domain":"delta.rowTracking","configuration":"{\"rowIdHighWaterMark\":\#(mark)}","removed":false}}"#
    }

    private func log(_ configuration: [String: String] = [:], mark: Int64? = nil) async throws -> LogFixture {
        let log = LogFixture()
        try await log.create(protocol: Self.protocolLine, configuration: configuration)
        if let mark { try await log.commit(1, [Self.domain(mark)]) }
        return log
    }

    private func file(_ name: String, rows: Int?) -> AddFile {
        var file = LogFixture.file(name)
        file.stats = rows.map { #"{"numRecords":\#($0)}"# }
        return file
    }

    private func commit(_ log: LogFixture, _ snapshot: Snapshot, _ actions: [Action]) async throws -> Int64? {
        try await Transaction(table: log.table, readSnapshot: snapshot, operation: OperationInfo("WRITE"), actions: actions).commit().version
    }

    private func ids(_ snapshot: Snapshot) -> [String: [Int64?]] {
        Dictionary(uniqueKeysWithValues: snapshot.files.map { ($0.path.encoded, [$0.baseRowId, $0.defaultRowCommitVersion]) })
    }

    @Test func newFilesGetTheNextIdsAndTheMarkGoesUp() async throws {
        let log = try await log()
        _ = try await commit(log, try await log.table.snapshot(), [.add(file("a", rows: 10)), .add(file("b", rows: 1))])
        _ = try await commit(log, try await log.table.snapshot(), [.add(file("c", rows: 5))])
        let snapshot = try await log.table.snapshot()
        #expect(ids(snapshot) == ["a": [0, 1], "b": [10, 1], "c": [11, 2]])
        #expect(snapshot.domainMetadata["delta.rowTracking"]?.configuration == #"{"rowIdHighWaterMark":15}"#)
        #expect(snapshot.commitInfo?.members["tags"]?["delta.rowTracking.preserved"] == "true")
        // A checkpoint keeps them.
        try await Checkpoint(table: log.table, snapshot: snapshot).write()
        try await log.delete(LogFileName.commitPath(0), LogFileName.commitPath(1))
        #expect(ids(try await log.table.snapshot()) == ids(snapshot))
    }

    @Test func afterALostRaceTheIdsAreBehindTheWinners() async throws {
        let log = try await log(mark: 99)
        let snapshot = try await log.table.snapshot()
        try await log.commit(2, [LogFixture.add("w"), Self.domain(149)])
        try await log.commit(3, [LogFixture.add("w2")])
        #expect(try await commit(log, snapshot, [.add(file("a", rows: 7))]) == 4)
        let after = try await log.table.snapshot()
        #expect(ids(after)["a"] == [150, 4])
        #expect(after.domainMetadata["delta.rowTracking"]?.configuration == #"{"rowIdHighWaterMark":156}"#)
    }

    @Test func aWinnerThatBringsOrTakesTheFeatureIsFollowed() async throws {
        let plain = #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["domainMetadata"]}}"#
        let log = LogFixture()
        try await log.create(protocol: plain)
        let before = try await log.table.snapshot()
        try await log.commit(1, [Self.protocolLine, Self.domain(9)])
        #expect(try await commit(log, before, [.add(file("a", rows: 7))]) == 2)
        let with = try await log.table.snapshot()
        #expect(ids(with) == ["a": [10, 2]])
        #expect(with.domainMetadata["delta.rowTracking"]?.configuration == #"{"rowIdHighWaterMark":16}"#)
        try await log.commit(3, [plain])
        #expect(try await commit(log, with, [.add(file("b", rows: 7))]) == 4)
        #expect(ids(try await log.table.snapshot())["b"] == [nil, nil])
    }

    @Test func aFileThatIsCommittedAgainKeepsItsIds() async throws {
        let log = try await log(mark: 99)
        var again = file("a", rows: 7)
        again.baseRowId = 30
        again.defaultRowCommitVersion = 1
        _ = try await commit(log, try await log.table.snapshot(), [.add(again)])
        let after = try await log.table.snapshot()
        #expect(ids(after) == ["a": [30, 1]])
        #expect(after.domainMetadata["delta.rowTracking"]?.configuration == #"{"rowIdHighWaterMark":99}"#)
    }

    @Test func aFileOfUnknownLengthIsRefused() async throws {
        let log = try await log()
        let snapshot = try await log.table.snapshot()
        await #expect(throws: DeltaError.self) { try await commit(log, snapshot, [.add(file("a", rows: nil))]) }
        let full = try await self.log(mark: .max - 2)
        let last = try await full.table.snapshot()
        await #expect(throws: DeltaError.self) { try await commit(full, last, [.add(file("a", rows: 10))]) }
    }

    @Test func whereItIsSuspendedNothingIsAssigned() async throws {
        let log = try await log(["delta.rowTrackingSuspended": "true"])
        _ = try await commit(log, try await log.table.snapshot(), [.add(file("a", rows: 10))])
        #expect(ids(try await log.table.snapshot()) == ["a": [nil, nil]])
    }
}
