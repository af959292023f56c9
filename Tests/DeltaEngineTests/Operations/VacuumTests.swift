import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct VacuumTests {
    private static let short = VacuumOptions(retention: .zero, allowShortRetention: true)

    private func optimized() async throws -> DataFixture {
        let fixture = try await DataFixture()
        for start in 0..<5 { try await fixture.append(start * 10..<start * 10 + 10) }
        _ = try await OptimizeOperation(table: fixture.table).run()
        fixture.clock.advance(by: .seconds(60))
        return fixture
    }

    @Test func whatLeftTheTableGoesAfterTheRetention() async throws {
        let fixture = try await optimized()
        #expect(try await VacuumOperation(table: fixture.table).run().metrics.numFilesToDelete == 0)
        fixture.clock.advance(by: .seconds(8 * 86_400))
        let result = try await VacuumOperation(table: fixture.table).run()
        #expect(result.metrics.numDeletedFiles == 5)
        #expect(try await fixture.dataFiles() == fixture.liveFiles())
        #expect(try await fixture.ids() == (0..<50).map(Int64.init))
        #expect(try await fixture.table.history(limit: 2).map(\.operation) == ["VACUUM END", "VACUUM START"])
    }

    @Test func aScanThatHoldsFewCandidatesFindsThemAllByAndBy() async throws {
        let fixture = try await optimized()
        let snapshot = try await fixture.table.snapshot()
        let now = fixture.clock.now()
        var scan = VacuumScan(
            store: fixture.store, names: VacuumNames(partitionColumns: []),
            live: try LivePaths(snapshot, store: fixture.store, now: now, retention: .zero), cutoff: now)
        scan.capacity = 2
        var found = Set<ObjectPath>()
        while true {
            let findings = try await scan.run { _ in }
            #expect(findings.candidates.count <= 2)
            found.formUnion(findings.candidates)
            _ = try await fixture.store.delete(findings.candidates)
            if findings.isComplete { break }
        }
        #expect(found.count == 5)
    }

    @Test func aFailureOnTheWayIsRecordedAndTheNextRunFinishes() async throws {
        let fixture = try await optimized()
        let error = ObjectStoreError.permissionDenied(path: "x", operation: "deleting")
        let failing = FaultInjectingStore(wrapping: fixture.store) { $0.operation == .delete ? .fails(error) : nil }
        await #expect(throws: (any Error).self) { try await VacuumOperation(table: fixture.table(through: failing), options: Self.short).run() }
        let end = try await fixture.table.history(limit: 1).first
        #expect(end?.operation == "VACUUM END")
        #expect(end?.commitInfo?.operationParameters?["status"] == "FAILED")
        #expect(try await VacuumOperation(table: fixture.table, options: Self.short).run().metrics.numDeletedFiles == 5)
        #expect(try await fixture.dataFiles() == fixture.liveFiles())
    }

    @Test func aRetentionBelowTheTablesIsRefused() async throws {
        let fixture = try await DataFixture(properties: ["delta.deletedFileRetentionDuration": "interval 2 days"])
        await #expect(throws: DeltaError.retentionTooShort(hours: 47, minimumHours: 48)) {
            try await VacuumOperation(table: fixture.table, options: VacuumOptions(retention: .seconds(47 * 3600))).run()
        }
        #expect(try await VacuumOperation(table: fixture.table).run().retention == .seconds(48 * 3600))
        await #expect(throws: DeltaError.self) {
            try await VacuumOperation(table: fixture.table, options: VacuumOptions(retention: .seconds(-1), allowShortRetention: true)).run()
        }
    }

    /// However the log spells a live file, it stays; what it spells so that nobody can tell which file it means stops the vacuum.
    @Test(arguments: [
        ("a b/part.parquet", "a%20b/part.parquet"), ("p=%2F/part.parquet", "p=%252F/part.parquet"), ("part.parquet", "memory:///part.parquet"),
        ("sub/part.parquet", "file:///elsewhere/sub/part.parquet"), ("x/.hidden-not.parquet", "x/%2Ehidden-not.parquet"),
    ])
    func liveFilesStay(stored: String, spelled: String) async throws {
        let fixture = LogFixture()
        try await fixture.create()
        try await fixture.put(stored, "data")
        try await fixture.put("orphan.parquet", "data")
        try await fixture.commit(1, [#"{"add":{"path":"\#(spelled)","partitionValues":{},"size":4,"modificationTime":0,"dataChange":true}}"#])
        fixture.clock.advance(by: .seconds(60))
        _ = try await VacuumOperation(table: fixture.table, options: Self.short).run()
        let left = try await fixture.store.list(prefix: "", startAfter: nil).all().map(\.path.string)
        #expect(left.contains(stored))
        #expect(!left.contains("orphan.parquet"))
    }

    @Test(arguments: ["./part.parquet", "a//part.parquet", "a/../part.parquet", "%2E/part.parquet"])
    func aPathThatCannotBeResolvedStopsTheVacuum(spelled: String) async throws {
        let fixture = LogFixture()
        try await fixture.create()
        try await fixture.put("part.parquet", "data")
        try await fixture.commit(1, [#"{"add":{"path":"\#(spelled)","partitionValues":{},"size":4,"modificationTime":0,"dataChange":true}}"#])
        fixture.clock.advance(by: .seconds(60))
        await #expect(throws: DeltaError.self) { try await VacuumOperation(table: fixture.table, options: Self.short).run() }
        #expect(try await fixture.store.list(prefix: "", startAfter: nil).all().contains { $0.path.string == "part.parquet" })
    }
}
