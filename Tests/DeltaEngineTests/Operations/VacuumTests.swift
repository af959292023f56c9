import Base
import Columnar
import ObjectStore
import Parquet
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

    /// Protocol, "VACUUM Protocol Check": who does not know all that the table asks of its writers must not remove a file of it.
    @Test func aFeatureThatIsNotKnownKeepsEveryFile() async throws {
        let fixture = try await optimized()
        fixture.clock.advance(by: .seconds(8 * 86_400))
        let files = try await fixture.dataFiles()
        let log = LogFixture(fixture)
        let next = try await fixture.table.latestVersion() + 1
        let check = #""vacuumProtocolCheck""#
        try await log.commit(
            next, [#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[\#(check)],"writerFeatures":[\#(check),"tomorrow"]}}"#])
        for options in [VacuumOptions(), VacuumOptions(source: .log), VacuumOptions(dryRun: true)] {
            await #expect {
                _ = try await VacuumOperation(table: fixture.table, options: options).run()
            } throws: {
                if case let .unsupportedFeature(feature, access, _)? = $0 as? DeltaError { feature == "tomorrow" && access == .vacuum } else { false }
            }
        }
        #expect(try await fixture.dataFiles() == files)
        #expect(try await fixture.table.latestVersion() == next)
    }

    /// What a writer is about to commit nobody refers to yet: its age keeps it.
    @Test func filesOfARunningOperationStay() async throws {
        let fixture = try await optimized()
        fixture.clock.advance(by: .seconds(8 * 86_400))
        let vacuumed = Lock<VacuumMetrics?>(nil)
        let hooked = HookedStore(wrapping: fixture.store) {
            let metrics = try await VacuumOperation(table: fixture.table).run().metrics
            vacuumed.withLock { $0 = metrics }
        }
        try await fixture.append(50..<60, to: fixture.table(through: hooked, seed: 9))
        #expect(vacuumed.withLock { $0 }?.numDeletedFiles == 5 && vacuumed.withLock { $0 }?.numFilesTooYoung == 1)
        #expect(try await fixture.ids() == (0..<60).map(Int64.init))
        #expect(try await fixture.dataFiles() == fixture.liveFiles())
    }

    @Test func bothCommitsTellOfItAsSparkDoes() async throws {
        let fixture = try await optimized()
        fixture.clock.advance(by: .seconds(8 * 86_400))
        let size = try await VacuumOperation(table: fixture.table, options: VacuumOptions(dryRun: true)).run().metrics.sizeOfDataToDelete
        _ = try await VacuumOperation(table: fixture.table, options: VacuumOptions(retention: .seconds(7 * 86_400))).run()
        let commits = try await fixture.table.history(limit: 2).compactMap(\.commitInfo)
        #expect(commits.map { $0.operationMetrics?["numFilesToDelete"]?.stringValue } == [nil, "5"])
        #expect(commits[1].operationMetrics?["sizeOfDataToDelete"]?.stringValue == String(size) && size > 0)
        #expect(commits[0].operationMetrics?["numDeletedFiles"]?.stringValue == "5")
        #expect(commits[0].operationMetrics?["numVacuumedDirectories"]?.stringValue == "0" && commits[0].operationParameters?["status"] == "COMPLETED")
        #expect(commits[1].operationParameters?["retentionCheckEnabled"] == "true")
        #expect(commits[1].operationParameters?["specifiedRetentionMillis"] == "604800000")
        #expect(commits[1].operationParameters?["defaultRetentionMillis"] == "604800000")
    }

    @Test func aScanThatHoldsFewCandidatesFindsThemAllByAndBy() async throws {
        let fixture = try await optimized()
        let snapshot = try await fixture.table.snapshot()
        let now = fixture.clock.now()
        let rules = VacuumRules(
            names: VacuumNames(partitionColumns: []), live: try LivePaths(snapshot, files: fixture.table.files, now: now, retention: .zero), cutoff: now,
            capacity: 2)
        let scan = VacuumListing(store: fixture.store, rules: rules)
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

/// VACUUM by the log and by an inventory, beside the one that lists.
@Suite struct VacuumSourceTests {
    private static func options(_ source: VacuumOptions.Source, dryRun: Bool = false) -> VacuumOptions {
        VacuumOptions(source: source, dryRun: dryRun)
    }

    /// Appends, deletes with vectors and change files, an OPTIMIZE; then eight days pass.
    private func used() async throws -> DataFixture {
        let fixture = try await DataFixture(properties: ["delta.enableDeletionVectors": "true", "delta.enableChangeDataFeed": "true"])
        for start in 0..<4 { try await fixture.append(start * 10..<start * 10 + 10) }
        for condition in ["id % 3 = 0", "id % 5 = 1"] {
            fixture.clock.advance(by: .seconds(1))
            _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: condition)).run()
        }
        _ = try await OptimizeOperation(table: fixture.table).run()
        fixture.clock.advance(by: .seconds(8 * 86_400))
        return fixture
    }

    @Test func theLogTellsWhatAListingFindsButNotOrphans() async throws {
        let fixture = try await used()
        try await fixture.store.put(ObjectPath("orphan.parquet"), Bytes("data"), mode: .overwrite)
        fixture.clock.advance(by: .seconds(8 * 86_400))
        let full = try await VacuumOperation(table: fixture.table, options: Self.options(.listing, dryRun: true)).run()
        let lite = try await VacuumOperation(table: fixture.table, options: Self.options(.log, dryRun: true)).run()
        #expect(Set(full.sample) == Set(lite.sample + ["orphan.parquet"]) && lite.sample.count > 5)
        let ids = try await fixture.ids()
        #expect(try await VacuumOperation(table: fixture.table, options: Self.options(.log)).run().metrics.numDeletedFiles == Int64(lite.sample.count))
        #expect(try await fixture.dataFiles() == fixture.liveFiles().union(["orphan.parquet"]))
        #expect(try await fixture.ids() == ids)
        // Nothing has left since; the next one has nothing to read but the vacuum's own commits.
        fixture.clock.advance(by: .seconds(8 * 86_400))
        #expect(try await VacuumOperation(table: fixture.table, options: Self.options(.log)).run().metrics.numFilesToDelete == 0)
    }

    @Test func whatLeftWithinTheRetentionStays() async throws {
        let fixture = try await used()
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions()).run()
        let before = try await fixture.table.snapshot(version: try await fixture.table.latestVersion() - 1).paths
        _ = try await VacuumOperation(table: fixture.table, options: Self.options(.log)).run()
        #expect(try await fixture.dataFiles().isSuperset(of: before))
        fixture.clock.advance(by: .seconds(8 * 86_400))
        _ = try await VacuumOperation(table: fixture.table, options: Self.options(.log)).run()
        #expect(try await fixture.dataFiles().isDisjoint(with: before))
    }

    /// A scan that holds few candidates is done again behind the commits whose removals it held.
    @Test func aLongLogIsGoneThroughInParts() async throws {
        let fixture = try await used()
        let snapshot = try await fixture.table.snapshot()
        let now = fixture.clock.now()
        let rules = VacuumRules(
            names: VacuumNames(partitionColumns: []), live: try LivePaths(snapshot, files: fixture.table.files, now: now, retention: .zero), cutoff: now,
            capacity: 2)
        let all = try await VacuumOperation(table: fixture.table, options: Self.options(.listing, dryRun: true)).run()
        var found: Set<String> = []
        var rounds = 0
        while true {
            let findings = try await VacuumLogScan(table: fixture.table, rules: rules, last: snapshot.version).run { _ in }
            found.formUnion(findings.candidates.map(\.string))
            rounds += 1
            if rounds == 1 { #expect(findings.count == Int64(all.sample.count)) }
            if findings.isComplete { break }
            try await LastVacuum(version: try #require(findings.coveredVersion)).write(fixture.store)
        }
        #expect(found == Set(all.sample) && rounds > 1)
    }

    @Test func aLogThatHasBeenCleanedUpIsNotTrusted() async throws {
        let fixture = try await used()
        _ = try await CheckpointOperation(table: fixture.table).run()
        for version in [0, 1] as [Int64] { _ = try await fixture.store.delete([ObjectPath(LogFileName.commitPath(version))]) }
        await #expect(throws: DeltaError.self) { try await VacuumOperation(table: fixture.table, options: Self.options(.log)).run() }
        // A full one knows everything, and later ones go on behind it.
        _ = try await VacuumOperation(table: fixture.table, options: Self.options(.listing)).run()
        #expect(try await VacuumOperation(table: fixture.table, options: Self.options(.log)).run().metrics.numFilesToDelete == 0)
    }

    @Test func anInventoryStandsForTheListing() async throws {
        let fixture = try await used()
        let expected = try await VacuumOperation(table: fixture.table, options: Self.options(.listing, dryRun: true)).run()
        let schema = Schema([
            Field("bucket", .string), Field("path", .string), Field("length", .long), Field("isDir", .boolean), Field("modificationTime", .long),
        ])
        let builders = schema.fields.map { ColumnBuilder(type: $0.type) }
        var count = 0
        func row(_ path: String, _ length: Int64, isDir: Bool = false, modified: Int64) throws {
            count += 1
            for (builder, value) in zip(builders, [.string("b"), .string(path), .integer(length), .bool(isDir), .integer(modified)] as [Scalar]) {
                try builder.append(value)
            }
        }
        for object in try await fixture.store.list(prefix: "", startAfter: nil).all() {
            try row("memory:///\(object.path.string)", object.sizeInBytes, modified: object.modified.milliseconds)
        }
        try row("s3://other/table/x.parquet", 1, modified: 0)
        try row("memory:///p=1", 0, isDir: true, modified: 0)
        try row("memory:///young.parquet", 1, modified: fixture.clock.now().milliseconds)
        let inventory = InMemoryStore()
        let path = try ObjectPath("inventory.parquet")
        let writer = try ParquetWriter(writer: try await inventory.write(path), schema: schema)
        try await writer.write(try ColumnBatch(schema: schema, columns: builders.map { $0.finish() }, rowCount: count))
        _ = try await writer.finish()
        let found = try await VacuumOperation(
            table: fixture.table, options: Self.options(.inventory(store: inventory, path: path), dryRun: true)
        ).run()
        #expect(Set(found.sample) == Set(expected.sample))
        #expect(
            found.metrics.sizeOfDataToDelete == expected.metrics.sizeOfDataToDelete && found.metrics.numFilesTooYoung == expected.metrics.numFilesTooYoung + 1)
        let other = try ObjectPath("other.parquet")
        let bad = try ParquetWriter(writer: try await inventory.write(other), schema: Schema([Field("path", .string)]))
        _ = try await bad.finish()
        await #expect(throws: DeltaError.self) {
            try await VacuumOperation(table: fixture.table, options: Self.options(.inventory(store: inventory, path: other))).run()
        }
    }

    @Test func aRateBoundsHowFastFilesGo() async throws {
        let fixture = try await used()
        var options = Self.options(.listing)
        options.maximumDeletesPerSecond = 2
        let started = fixture.clock.now()
        let metrics = try await VacuumOperation(table: fixture.table, options: options).run().metrics
        #expect(metrics.numDeletedFiles == metrics.numFilesToDelete)
        // The first wave of four batches of two goes at once; the clock here moves only by being slept on.
        #expect(fixture.clock.now() - started >= .seconds((metrics.numDeletedFiles - 1) / 8 * 4))
    }
}
