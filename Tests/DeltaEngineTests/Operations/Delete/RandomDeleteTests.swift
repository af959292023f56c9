import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Random deletes of random rows, against a naive evaluation row by row, in every mix of the features that they have to do with.
@Suite struct RandomDeleteTests {
    /// All with LEVEE_SOAK=1, else a part in which each is on and off, and in all pairs.
    private static let mixes =
        environmentVariable("LEVEE_SOAK") == "1"
        ? DeleteFixture.Features.all : DeleteFixture.Features.all.enumerated().filter { $0.offset % 5 == 0 }.map(\.element)

    @Test(arguments: mixes) func whatStaysIsWhatTheConditionIsNotTrueOf(features: DeleteFixture.Features) async throws {
        let seed: UInt64 = 20_261_121
        let random = SeededRandomSource(seed: seed)
        let fixture = try await DeleteFixture(features)
        let table = fixture.table.table
        for batch in 0..<3 { try await fixture.append(15, from: batch * 15, random) }
        var rows = try await fixture.table.rows()
        var origins = features.tracking ? try await fixture.origins() : [:]
        var deletions = 0
        for round in 0..<5 {
            if round == 3 {
                // Files with and without vectors become one: it has none, and all that they leave.
                let merged = try await OptimizeOperation(table: table).run()
                if !features.partitioned, merged.version != nil { #expect(try await !table.snapshot().files.hasDeletionVectors) }
            }
            let condition = round == 4 && random.integer(below: 4) == 0 ? nil : DeleteFixture.condition(random, ids: 45)
            let place: Comment = "seed \(seed), \(features), round \(round): \(condition ?? "all")"
            let before = try await table.snapshot()
            fixture.table.log.clock.advance(by: .seconds(1))
            let (kept, deleted) = try fixture.split(rows, by: condition)
            let dry = try await DeleteOperation(table: table, options: DeleteOptions(condition: condition, dryRun: true)).run()
            #expect(dry.metrics.numDeletedRows == Int64(deleted.count), place)
            #expect(try await table.latestVersion() == before.version, place)

            let result = try await DeleteOperation(table: table, options: DeleteOptions(condition: condition)).run()
            #expect(result.metrics.numDeletedRows == Int64(deleted.count), place)
            #expect(result.version == (deleted.isEmpty ? nil : before.version + 1), place)
            #expect(try await fixture.table.rows() == kept, place)
            rows = kept
            guard let version = result.version else { continue }
            deletions += 1
            let after = try await table.snapshot()
            // Opened anew from its checksum and its commits, the totals are those that were kept up.
            #expect(after.files.numRecords == Int64(kept.count), place)
            #expect(Int64(after.files.count) == Int64(before.numFiles) + result.metrics.numAddedFiles - result.metrics.numRemovedFiles, place)
            #expect(features.vectors ? result.metrics.numAddedFiles == 0 : result.metrics.numDeletionVectorsAdded == 0, place)
            if features.feed {
                #expect(try await fixture.changes(of: version) == deleted.map { [.string("delete")] + $0 }.sorted { "\($0)" < "\($1)" }, place)
            }
            if features.tracking {
                let left = try await fixture.origins()
                #expect(left == origins.filter { left[$0.key] != nil } && left.count == kept.count, place)
                #expect(after.commitInfo?.members["tags"]?["delta.rowTracking.preserved"] == "true", place)
                origins = left
            }
        }
        #expect(deletions > 1, "seed \(seed), \(features)")
    }
}
