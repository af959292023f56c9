import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// REORG … PURGE: files with deletion vectors are rewritten without the rows that these take away.
@Suite struct ReorgTests {
    private static let purge = OptimizeOptions(selection: .deletionVectors)

    @Test(
        arguments: DeleteFixture.Features.all.filter(\.vectors).enumerated().filter { environmentVariable("LEVEE_SOAK") == "1" || $0.offset % 4 == 1 }.map(
            \.element))
    func rowsStayAndVectorsGo(features: DeleteFixture.Features) async throws {
        let seed: UInt64 = 20_261_123
        let random = SeededRandomSource(seed: seed)
        let fixture = try await DeleteFixture(features)
        let table = fixture.table.table
        for batch in 0..<3 { try await fixture.append(12, from: batch * 12, random) }
        _ = try await DeleteOperation(table: table, options: DeleteOptions(condition: "id % 3 = 1 AND id < 24")).run()
        let rows = try await fixture.table.rows()
        let origins = features.tracking ? try await fixture.origins() : [:]
        let before = try await table.snapshot()
        let marked = Set(before.files.filter { $0.deletionVector != nil }.map(\.path))
        let untouched = Set(before.files.map(\.path)).subtracting(marked)
        fixture.table.log.clock.advance(by: .seconds(1))
        let result = try await OptimizeOperation(table: table, options: Self.purge).run()
        let place: Comment = "seed \(seed), \(features)"
        #expect(result.metrics.numFilesRemoved == Int64(marked.count), place)
        let after = try await table.snapshot()
        #expect(!after.files.hasDeletionVectors, place)
        #expect(untouched.isSubset(of: Set(after.files.map(\.path))), place)
        #expect(try await fixture.table.rows() == rows, place)
        if features.tracking { #expect(try await fixture.origins() == origins, place) }
        if features.feed, let version = result.version { #expect(try await fixture.changes(of: version).isEmpty, place) }
        #expect(try await table.history(limit: 1).first?.operation == "REORG", place)
        #expect(try await OptimizeOperation(table: table, options: Self.purge).run().version == nil, place)
    }

    @Test func aFileWithNothingLeftGoesAndALargeOneIsRewrittenAlone() async throws {
        let fixture = try await DataFixture(properties: ["delta.enableDeletionVectors": "true"])
        for start in [0, 10, 20] { try await fixture.append(start..<start + 10) }
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "id = 3 OR id = 13 OR id = 23")).run()
        var options = Self.purge
        options.targetFileSize = 1
        let result = try await OptimizeOperation(table: fixture.table, options: options).run()
        #expect(result.metrics.numFilesRemoved == 3 && result.metrics.numFilesAdded == 3)
        #expect(try await fixture.ids().count == 27)
    }
}
