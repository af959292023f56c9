import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct RestoreTests {
    private func restore(_ table: DeltaTable, to version: Int64, allowMissing: Bool = false, dryRun: Bool = false) async throws -> RestoreResult {
        try await RestoreOperation(
            table: table, options: RestoreOptions(target: .version(version), allowMissing: allowMissing, dryRun: dryRun)
        ).run()
    }

    /// Every version of a random history comes back, with the ids of its rows, in every mix of features that a file can have to do with.
    @Test(arguments: DeleteFixture.Features.all.enumerated().filter { environmentVariable("LEVEE_SOAK") == "1" || $0.offset % 7 == 0 }.map(\.element))
    func everyVersionComesBack(features: DeleteFixture.Features) async throws {
        let seed: UInt64 = 20_261_122
        let random = SeededRandomSource(seed: seed)
        let fixture = try await DeleteFixture(features)
        let table = fixture.table.table
        var rows: [Int64: [[Scalar?]]] = [:]
        var origins: [Int64: [Int64: [Int64]]] = [:]
        func record() async throws {
            let version = try await table.latestVersion()
            rows[version] = try await fixture.table.rows()
            if features.tracking { origins[version] = try await fixture.origins() }
        }
        try await record()
        for batch in 0..<2 {
            try await fixture.append(12, from: batch * 12, random)
            try await record()
        }
        for _ in 0..<2 {
            _ = try await DeleteOperation(table: table, options: DeleteOptions(condition: DeleteFixture.condition(random, ids: 24))).run()
            try await record()
        }
        _ = try await OptimizeOperation(table: table).run()
        try await record()
        for target in rows.keys.sorted(by: { $0 % 3 != $1 % 3 ? $0 % 3 < $1 % 3 : $0 < $1 }) {
            let place: Comment = "seed \(seed), \(features), version \(target)"
            let before = try await table.snapshot()
            let old = try await fixture.table.rows()
            let dry = try await restore(table, to: target, dryRun: true)
            #expect(try await table.latestVersion() == before.version, place)
            fixture.table.log.clock.advance(by: .seconds(1))
            let result = try await restore(table, to: target)
            #expect(dry.metrics == result.metrics, place)
            #expect(try await fixture.table.rows() == rows[target], place)
            if features.tracking { #expect(try await fixture.origins() == origins[target], place) }
            let after = try await table.snapshot()
            #expect(Int64(after.numFiles) == result.metrics.numOfFilesAfterRestore && after.sizeInBytes == result.metrics.tableSizeAfterRestore, place)
            #expect(after.files.numRecords == rows[target].map { Int64($0.count) }, place)
            guard let version = result.version, features.feed else { continue }
            // Rows that were and are the same may show as gone and come again.
            let feed = try await fixture.changes(of: version)
            func count(_ type: String) -> [String: Int] {
                var counts: [String: Int] = [:]
                for row in feed where row.first == .string(type) { counts["\(row.dropFirst())", default: 0] += 1 }
                return counts
            }
            var state: [String: Int] = [:]
            for row in old { state["\(row[...])", default: 0] += 1 }
            state.merge(count("insert")) { $0 + $1 }
            state.merge(count("delete")) { $0 - $1 }
            var expected: [String: Int] = [:]
            for row in rows[target] ?? [] { expected["\(row[...])", default: 0] += 1 }
            #expect(state.filter { $0.value != 0 } == expected, place)
        }
    }

    @Test func aTimeMeansTheNewestVersionByThen() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        let time = fixture.clock.now()
        fixture.clock.advance(by: .seconds(60))
        try await fixture.append(10..<20)
        let result = try await RestoreOperation(table: fixture.table, options: RestoreOptions(target: .timestamp(time + .seconds(1)))).run()
        #expect(result.restoredVersion == 1)
        #expect(try await fixture.ids() == (0..<10).map(Int64.init))
        let commit = try #require(try await fixture.table.history(limit: 1).first?.commitInfo)
        #expect(commit.operation == "RESTORE" && commit.operationParameters?["version"] == .null)
        #expect(commit.operationParameters?["timestamp"]?.stringValue == (time + .seconds(1)).rfc3339Milliseconds)
    }

    @Test func whereNothingDiffersNothingIsCommitted() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        #expect(try await restore(fixture.table, to: 1).version == nil)
        #expect(try await fixture.table.latestVersion() == 1)
        await #expect(throws: DeltaError.versionNotAvailable(version: 7, available: 0...1)) { try await restore(fixture.table, to: 7) }
    }

    // MARK: Files that are gone

    @Test func whatAVacuumTookIsListed() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        let gone = try await fixture.dataFiles()
        try await fixture.append(10..<20)
        _ = try await OptimizeOperation(table: fixture.table).run()
        _ = try await fixture.store.delete(try gone.map { try ObjectPath($0) })
        await #expect(throws: DeltaError.missingDataFiles(version: 2, paths: Array(gone), count: 1)) { try await restore(fixture.table, to: 2) }
        #expect(try await fixture.table.latestVersion() == 3)
        let result = try await restore(fixture.table, to: 2, allowMissing: true)
        #expect(result.metrics.numMissingFiles == 1 && result.metrics.numRestoredFiles == 1)
        #expect(try await fixture.ids() == (10..<20).map(Int64.init))
    }

    /// A file of the same name that is another one is as good as none.
    @Test func aFileOfAnotherSizeCountsAsGone() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        let path = try #require(try await fixture.dataFiles().first)
        _ = try await DeleteOperation(table: fixture.table).run()
        try await fixture.store.put(ObjectPath(path), Bytes("PAR1"), mode: .overwrite)
        await #expect(throws: DeltaError.missingDataFiles(version: 1, paths: [path], count: 1)) { try await restore(fixture.table, to: 1) }
    }

    @Test func aDeletionVectorThatIsGoneTakesItsFileAlong() async throws {
        let fixture = try await DataFixture(properties: ["delta.enableDeletionVectors": "true"])
        try await fixture.append(0..<10)
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "id < 3")).run()
        let file = try #require(try await fixture.table.snapshot().files.first)
        let vector = try #require(try file.deletionVector?.path)
        _ = try await DeleteOperation(table: fixture.table).run()
        _ = try await fixture.store.delete([try vector.object(in: fixture.store)])
        await #expect(throws: DeltaError.missingDataFiles(version: 2, paths: [file.path.decoded], count: 1)) { try await restore(fixture.table, to: 2) }
        // As it was before it had the vector it is whole.
        #expect(try await restore(fixture.table, to: 1).metrics.numRestoredFiles == 1)
        #expect(try await fixture.ids().count == 10)
    }

    /// Many files are looked for in a listing instead of one by one.
    @Test func manyFilesAreLookedForInAListing() async throws {
        let fixture = LogFixture()
        try await fixture.create()
        let names = (0..<1200).map { "p=\($0 % 7)/part-\($0).parquet" }
        try await fixture.commit(1, names.map { LogFixture.add($0, size: 4) })
        try await fixture.commit(2, names.map { LogFixture.remove($0) })
        for name in names where name != "p=3/part-3.parquet" { try await fixture.put(name, "data") }
        await #expect(throws: DeltaError.missingDataFiles(version: 1, paths: ["p=3/part-3.parquet"], count: 1)) {
            try await restore(fixture.table, to: 1)
        }
        try await fixture.put("p=3/part-3.parquet", "data")
        #expect(try await restore(fixture.table, to: 1).metrics.numRestoredFiles == 1200)
    }

    // MARK: Other writers, and who may

    @Test func aWriterMeanwhileIsTakenBackToo() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        try await fixture.append(10..<20)
        let hooked = HookedStore(wrapping: fixture.store) { try await fixture.append(20..<30) }
        let result = try await restore(fixture.table(through: hooked), to: 1)
        #expect(result.tries == 2 && result.metrics.numRemovedFiles == 2)
        #expect(try await fixture.ids() == (0..<10).map(Int64.init))
    }

    @Test func theConditionsOfACommitHold() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        try await fixture.append(10..<20)
        func run(_ conditions: CommitConditions) async throws -> RestoreResult {
            try await RestoreOperation(table: fixture.table, options: RestoreOptions(target: .version(1), conditions: conditions)).run()
        }
        await #expect(throws: DeltaError.versionMismatch(expected: 1, actual: 2)) { try await run(CommitConditions(expectedVersion: 1)) }
        let once = CommitConditions(idempotency: .init(appId: "fix", version: 1))
        #expect(try await run(once).version == 3)
        try await fixture.append(20..<30)
        #expect(try await run(once).alreadyApplied)
        #expect(try await fixture.ids().count == 20)
    }

    @Test func aTableForAppendsOnlyRefuses() async throws {
        let fixture = try await DataFixture(properties: ["delta.appendOnly": "true"])
        try await fixture.append(0..<10)
        await #expect { try await restore(fixture.table, to: 0) } throws: { error in
            if case DeltaError.unsupportedFeature(feature: "appendOnly", access: .restore, _) = error { true } else { false }
        }
    }
}
