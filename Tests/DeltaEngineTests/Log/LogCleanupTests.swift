import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct LogCleanupTests {
    private static let day = Duration.seconds(86_400)

    /// Versions 0 to 20, a day apart, a file each, the last made now; checkpoints where asked for.
    private func log(_ configuration: [String: String] = [:], checkpoints: [Int64] = [3, 8, 12], features: [String] = ["v2Checkpoint"]) async throws
        -> LogFixture
    {
        let log = LogFixture()
        try await log.create(
            protocol: SchemaFixture.protocolLine(features),
            configuration: ["delta.logRetentionDuration": "interval 10 days", "delta.deletedFileRetentionDuration": "interval 1000 days"]
                .merging(configuration) { $1 })
        for version in 1...20 as ClosedRange<Int64> {
            log.clock.advance(by: Self.day)
            try await log.commit(version, [LogFixture.add("f\(version)", size: version)])
            try await log.put(LogFileName.checksumPath(version), "{}")
            if checkpoints.contains(version) { try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write() }
        }
        return log
    }

    private func names(_ log: LogFixture) async throws -> [String] {
        try await log.store.list(prefix: "_delta_log/", startAfter: nil).all().map { String($0.path.string.dropFirst("_delta_log/".count)) }
    }

    @discardableResult
    private func clean(_ log: LogFixture) async throws -> Int { try await LogCleanup(table: log.table, snapshot: try await log.table.snapshot()).run() }

    private func expectReadable(_ log: LogFixture, from first: Int64) async throws {
        for version in 0...20 as ClosedRange<Int64> {
            if version < first {
                await #expect(throws: DeltaError.self, "version \(version)") { try await log.table.snapshot(version: version) }
            } else {
                #expect(try await log.table.snapshot(version: version).sizeInBytes == version * (version + 1) / 2, "version \(version)")
            }
        }
    }

    @Test(arguments: ["classic", "v2"]) func whatTheRetentionKeepsStaysReadable(policy: String) async throws {
        let log = try await log(["delta.checkpointPolicy": policy])
        let path = "_delta_log/" + "00000000000000000004.00000000000000000006.compacted.json"
        try await log.put(path, [4, 5, 6].map { LogFixture.add("f\($0)", size: $0) }.joined(separator: "\n"))
        // Ten days before version 20 is version 10; the checkpoint before that is of version 8.
        #expect(try await clean(log) > 0)
        try await expectReadable(log, from: 8)
        let left = try await names(log)
        #expect(!left.contains { $0.first == "0" && (Int64($0.prefix(20)) ?? 99) < 8 }, "\(left)")
        #expect(left.contains("00000000000000000008.json"))
        // The sidecar of version 3 is nobody's now; those of 8 and 12 are needed.
        #expect(left.count { $0.hasPrefix("_sidecars/") } == (policy == "v2" ? 2 : 0))
        // There is nothing to do a second time.
        #expect(try await clean(log) == 0)
    }

    @Test func withoutACheckpointBehindTheRetentionEverythingStays() async throws {
        for checkpoints in [[], [12], [11, 19]] as [[Int64]] {
            let log = try await log(checkpoints: checkpoints)
            #expect(try await clean(log) == 0)
            try await expectReadable(log, from: 0)
        }
    }

    @Test func aCheckpointThatCannotBeReadStandsForNothing() async throws {
        let log = try await log()
        let path = "_delta_log/00000000000000000008.checkpoint.parquet"
        try await log.put(path, "PAR1 and no more")
        try await clean(log)
        // By the checkpoint of version 3.
        try await expectReadable(log, from: 3)
    }

    @Test(arguments: [
        ["delta.enableExpiredLogCleanup": "false"], ["delta.logRetentionDuration": "interval 1 year"], ["delta.logRetentionDuration": "interval 21 days"],
        ["delta.requireCheckpointProtectionBeforeVersion": "6"], ["delta.requireCheckpointProtectionBeforeVersion": "soon"],
    ])
    func whatThePropertiesKeepStays(configuration: [String: String]) async throws {
        let log = LogFixture()
        let merged = ["delta.logRetentionDuration": "interval 10 days"].merging(configuration) { $1 }
        try await log.create(
            protocol: #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["checkpointProtection"]}}"#, configuration: merged)
        for version in 1...20 as ClosedRange<Int64> {
            log.clock.advance(by: Self.day)
            try await log.commit(version, [LogFixture.add("f\(version)", size: version)])
            if version == 5 { try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write() }
        }
        #expect(try await clean(log) == 0)
        try await expectReadable(log, from: 0)
    }

    /// What is protected may go, all at once (protocol feature `checkpointProtection`).
    @Test(arguments: ["0", "5"]) func protectedVersionsGoTogether(before: String) async throws {
        let log = try await log(
            ["delta.requireCheckpointProtectionBeforeVersion": before], checkpoints: [5], features: ["v2Checkpoint", "checkpointProtection"])
        #expect(try await clean(log) > 0)
        try await expectReadable(log, from: 5)
    }

    @Test func aSidecarThatMayBelongToACheckpointInTheMakingStays() async throws {
        let log = try await log(["delta.checkpointPolicy": "v2"])
        try await log.put("_delta_log/_sidecars/young.parquet", "x")
        try await clean(log)
        #expect(try await names(log).contains("_sidecars/young.parquet"))
    }

    @Test func aCommitAtTheIntervalCleansUp() async throws {
        let log = try await log(["delta.checkpointInterval": "21"])
        let snapshot = try await log.table.snapshot()
        _ = try await Transaction(
            table: log.table, readSnapshot: snapshot, operation: OperationInfo("WRITE"), actions: [.add(LogFixture.file("n"))]
        ).commit()
        #expect(try await log.table.latestVersion() == 21)
        #expect(try await !names(log).contains("00000000000000000002.json"))
        #expect(try await log.table.snapshot(version: 8).numFiles == 8)
    }

    /// A run that dies after any number of deletions leaves a log in which the retained versions can be read.
    @Test func aRunThatDiesLeavesTheRetainedVersionsReadable() async throws {
        let log = try await log()
        let failing = FaultInjectingStore(wrapping: log.store) {
            $0.operation == .delete ? .answerLost(.failed(path: $0.path, operation: "delete", message: "gone", retryable: true)) : nil
        }
        let table = log.table(through: failing)
        await #expect(throws: (any Error).self) { try await LogCleanup(table: table, snapshot: try await table.snapshot()).run() }
        try await expectReadable(log, from: 8)
    }
}
