import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Commits that say when they were made (protocol, "In-Commit Timestamps").
@Suite struct InCommitTimestampTests {
    private static let configuration = ["delta.enableInCommitTimestamps": "true"]

    private static func info(_ time: Int64?) -> String { #"{"commitInfo":{\#(time.map { #""inCommitTimestamp":\#($0),"# } ?? "")"operation":"X"}}"# }

    /// Version 0, made at `time`.
    private func log(at time: Int64?, _ more: [String: String] = [:]) async throws -> LogFixture {
        let log = LogFixture()
        let protocolLine =
            #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["inCommitTimestamp"]}}"#
        try await log.commit(
            0, [Self.info(time), protocolLine, LogFixture.metadata(configuration: Self.configuration.merging(more) { $1 })])
        return log
    }

    private func append(_ log: LogFixture, _ snapshot: Snapshot, _ name: String) async throws {
        _ = try await Transaction(
            table: log.table, readSnapshot: snapshot, operation: OperationInfo("WRITE"), actions: [.add(LogFixture.file(name))]
        ).commit()
    }

    private func first(_ log: LogFixture, _ version: Int64) async throws -> JSONValue {
        let line = try await log.text(LogFileName.commitPath(version)).split(separator: "\n").first
        return try #require(try JSON.parse(String(line ?? ""))["commitInfo"])
    }

    @Test func eachCommitIsLaterThanTheOneBeforeWhateverTheClockSays() async throws {
        let now = LogFixture().clock.now().milliseconds
        let log = try await log(at: now + 50_000)
        try await append(log, try await log.table.snapshot(), "a")
        #expect(try await first(log, 1)["inCommitTimestamp"] == .integer(now + 50_001))
        log.clock.advance(by: .seconds(100))
        try await append(log, try await log.table.snapshot(), "b")
        #expect(try await first(log, 2)["inCommitTimestamp"] == .integer(now + 100_000))
        #expect(try await log.table.snapshot().timestamp?.milliseconds == now + 100_000)
        #expect(try JSON.parse(try await log.text(LogFileName.checksumPath(2)))["inCommitTimestampOpt"] == .integer(now + 100_000))
    }

    @Test func afterALostRaceItIsLaterThanTheWinners() async throws {
        let log = try await log(at: 5)
        let snapshot = try await log.table.snapshot()
        let future = log.clock.now().milliseconds + 999_000
        try await log.commit(1, [Self.info(future), LogFixture.add("other")])
        try await append(log, snapshot, "mine")
        #expect(try await first(log, 2)["inCommitTimestamp"] == .integer(future + 1))
    }

    @Test func withoutTheOneBeforeNothingIsCommitted() async throws {
        let log = try await log(at: nil)
        let snapshot = try await log.table.snapshot()
        await #expect(throws: DeltaError.self) { try await append(log, snapshot, "a") }
        #expect(try await log.table.latestVersion() == 0)
    }

    @Test func historyAndTimeTravelGoByThem() async throws {
        // Enabled at version 2: the commits before go by their files' times, whatever they say.
        let log = LogFixture()
        let start = log.clock.now().milliseconds
        try await log.create()
        log.clock.advance(by: .seconds(10))
        try await log.commit(1, [Self.info(7), LogFixture.add("a")])
        log.clock.advance(by: .seconds(10))
        let configuration = Self.configuration.merging([
            "delta.inCommitTimestampEnablementVersion": "2", "delta.inCommitTimestampEnablementTimestamp": String(start + 15_000),
        ]) { $1 }
        try await log.commit(
            2,
            [
                Self.info(start + 15_000), #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["inCommitTimestamp"]}}"#,
                LogFixture.metadata(configuration: configuration),
            ])
        try await log.commit(3, [Self.info(start + 40_000), LogFixture.add("b")])
        let expected = [start + 40_000, start + 15_000, start + 10_000, start]
        #expect(try await log.table.history(limit: 10).map(\.timestamp.milliseconds) == expected)
        for (time, version) in [(0, 0), (9_999, 0), (10_000, 1), (14_999, 1), (15_000, 2), (39_999, 2), (40_000, 3), (99_000, 3)] as [(Int64, Int64)] {
            #expect(try await log.table.version(at: Timestamp(milliseconds: start + time)) == version, "\(time) ms")
        }
        await #expect(throws: DeltaError.self) { try await log.table.version(at: Timestamp(milliseconds: start - 1)) }
    }
}
