import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct RepairTests {
    private func repair(_ fixture: DataFixture, _ options: RepairOptions = RepairOptions()) async throws -> RepairResult {
        try await RepairOperation(table: fixture.table, options: options).run()
    }

    /// Three files of ten rows each; returns the path of the first.
    private func threeFiles(_ properties: [String: String] = [:]) async throws -> (DataFixture, first: String) {
        let fixture = try await DataFixture(properties: properties)
        try await fixture.append(0..<10)
        let first = try #require(try await fixture.dataFiles().first)
        for start in [10, 20] { try await fixture.append(start..<start + 10) }
        return (fixture, first)
    }

    @Test func aWholeTableNeedsNothing() async throws {
        let (fixture, _) = try await threeFiles()
        let result = try await repair(fixture)
        #expect(result.version == nil && result.metrics.numFilesChecked == 3 && result.metrics.numUnknownFiles == 0)
    }

    @Test(arguments: [nil, "PAR1"]) func filesThatAreGoneLeaveTheTable(content: String?) async throws {
        let (fixture, first) = try await threeFiles()
        let path = try ObjectPath(first)
        if let content { try await fixture.store.put(path, Bytes(content), mode: .overwrite) } else { _ = try await fixture.store.delete([path]) }
        let dry = try await repair(fixture, RepairOptions(dryRun: true))
        #expect(dry.version == nil && dry.missing == [first] && dry.metrics.numRemovedFiles == 1)
        #expect(try await fixture.table.latestVersion() == 3)
        let result = try await repair(fixture)
        #expect(result.version == 4 && result.metrics == dry.metrics)
        #expect(try await fixture.ids() == (10..<30).map(Int64.init))
        #expect(try await fixture.table.history(limit: 1).first?.operation == "FSCK")
        #expect(try await repair(fixture).version == nil)
    }

    /// Storage that was mounted wrongly looks as if all were gone.
    @Test func mostOfATableIsNotGivenUpUnasked() async throws {
        let (fixture, _) = try await threeFiles()
        let paths = try await fixture.dataFiles().sorted().prefix(2).map { try ObjectPath($0) }
        _ = try await fixture.store.delete(paths)
        await #expect(throws: DeltaError.self) { try await repair(fixture) }
        #expect(try await fixture.table.latestVersion() == 3)
        #expect(try await repair(fixture, RepairOptions(dryRun: true)).metrics.numMissingFiles == 2)
        #expect(try await repair(fixture, RepairOptions(allowManyMissing: true)).metrics.numRemovedFiles == 2)
        #expect(try await fixture.ids().count == 10)
    }

    @Test(arguments: RepairOptions.LostVectors.allCases) func aLostDeletionVectorIsDecidedOnByWhoAsks(choice: RepairOptions.LostVectors) async throws {
        let (fixture, first) = try await threeFiles(["delta.enableDeletionVectors": "true"])
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "id < 3")).run()
        let marked = try #require(try await fixture.table.snapshot().files.first { $0.deletionVector != nil })
        let vector = try #require(try marked.deletionVector?.path).object(in: fixture.store)
        _ = try await fixture.store.delete([vector])
        let result = try await repair(fixture, RepairOptions(lostVectors: choice))
        #expect(result.lostVectors == [first] && result.missing.isEmpty && result.metrics.numLostDeletionVectors == 1)
        switch choice {
        case .keep:
            #expect(result.version == nil)
            await #expect(throws: DeltaError.self) { try await fixture.ids() }
        case .removeFile: #expect(try await fixture.ids() == (10..<30).map(Int64.init))
        case .restoreRows: #expect(try await fixture.ids() == (0..<30).map(Int64.init))
        }
    }

    /// Told, and left to vacuum: a running writer's files look the same.
    @Test func whatNobodyKnowsIsCountedAndStays() async throws {
        let (fixture, _) = try await threeFiles()
        _ = try await OptimizeOperation(table: fixture.table).run()
        try await fixture.store.put(ObjectPath("orphan.parquet"), Bytes("data"), mode: .overwrite)
        try await fixture.store.put(ObjectPath("_hidden/file"), Bytes("data"), mode: .overwrite)
        let result = try await repair(fixture)
        #expect(result.unknown == ["orphan.parquet"] && result.metrics.numUnknownFiles == 1 && result.metrics.unknownFilesSize == 4)
        #expect(try await fixture.dataFiles().contains("orphan.parquet"))
    }

    @Test func anAppendMeanwhileStaysAndARewriteStartsItAnew() async throws {
        let (fixture, first) = try await threeFiles()
        _ = try await fixture.store.delete([ObjectPath(first)])
        let appending = HookedStore(wrapping: fixture.store) { try await fixture.append(30..<40) }
        let appended = try await RepairOperation(table: fixture.table(through: appending)).run()
        #expect(appended.tries == 1 && appended.version == 5)
        #expect(try await fixture.ids() == (10..<40).map(Int64.init))
    }
}
