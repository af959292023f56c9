import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// A file of a cube that is rewritten by itself stays one of the cube.
@Suite struct CubeKeptTests {
    private static let schema = Schema([Field("id", .long), Field("text", .string)])

    /// Two files of one cube: ids 0 to 19 and 20 to 39, or about so.
    private func table(clusterBy: [String], vectors: Bool) async throws -> SchemaFixture {
        let log = LogFixture()
        let properties = vectors ? ["delta.enableDeletionVectors": "true"] : [:]
        _ = try await CreateOperation(table: log.table, options: CreateOptions(schema: Self.schema, clusterBy: clusterBy, properties: properties)).run()
        let fixture = SchemaFixture(log: log)
        let input = InMemoryStore()
        let path = try ObjectPath("rows.json")
        let lines = (0..<4000).map { #"{"id":\#($0 * 7919 % 4000),"text":"text \#($0 * 31 % 997)"}"# }
        try await input.put(path, Bytes(lines.joined(separator: "\n")), mode: .overwrite)
        _ = try await WriteOperation(table: fixture.table, input: WriteInput(store: input, path: path, format: .jsonLines)).run()
        let size = try await fixture.table.snapshot().sizeInBytes
        let options = OptimizeOptions(zOrderBy: clusterBy.isEmpty ? ["id"] : [], targetFileSize: size / 3)
        _ = try await OptimizeOperation(table: fixture.table, options: options).run()
        return fixture
    }

    private func cubes(_ table: SchemaFixture) async throws -> Set<String?> {
        Set(
            try await table.table.snapshot().files.map { file in
                file.tags.map { "\($0.sorted { $0.key < $1.key }) \(file.clusteringProvider ?? "none")" }
            })
    }

    private func clusterAgain(_ table: SchemaFixture, _ clusterBy: [String]) async throws -> OptimizeResult {
        try await OptimizeOperation(table: table.table, options: OptimizeOptions(zOrderBy: clusterBy.isEmpty ? ["id"] : [])).run()
    }

    @Test(arguments: [[], ["id"]]) func aDeleteThatRewritesKeepsIt(clusterBy: [String]) async throws {
        let table = try await table(clusterBy: clusterBy, vectors: false)
        let before = try await table.table.snapshot()
        let cubes = try await cubes(table)
        #expect(before.numFiles > 1 && cubes.count == 1 && !cubes.contains(nil))
        _ = try await DeleteOperation(table: table.table, options: DeleteOptions(condition: "id % 10 < 3")).run()
        let after = try await table.table.snapshot()
        #expect(after.numFiles == before.numFiles && Set(after.files.map(\.path)).isDisjoint(with: before.files.map(\.path)))
        #expect(try await self.cubes(table) == cubes)
        // Nothing is new.
        #expect(try await clusterAgain(table, clusterBy).version == nil)
        #expect(try await table.rows().count == 2800)
    }

    @Test(arguments: [[], ["id"]]) func aPurgeKeepsIt(clusterBy: [String]) async throws {
        let table = try await table(clusterBy: clusterBy, vectors: true)
        let cubes = try await cubes(table)
        _ = try await DeleteOperation(table: table.table, options: DeleteOptions(condition: "id % 10 < 3")).run()
        let marked = try await table.table.snapshot()
        #expect(marked.files.hasDeletionVectors)
        let result = try await OptimizeOperation(table: table.table, options: OptimizeOptions(selection: .deletionVectors)).run()
        #expect(result.metrics.numFilesAdded == Int64(marked.numFiles) && marked.numFiles > 1)
        #expect(try await self.cubes(table) == cubes)
        #expect(try await clusterAgain(table, clusterBy).version == nil)
        #expect(try await table.rows().count == 2800)
    }

    /// Files of several become one of none: where its values lie nobody knows.
    @Test func filesThatAreMixedLeaveIt() async throws {
        let table = try await table(clusterBy: [], vectors: false)
        _ = try await OptimizeOperation(table: table.table).run()
        #expect(try await cubes(table) == [nil])
    }

    /// What another implementation means by its tags it alone knows.
    @Test func anothersTagsAreNotCarried() async throws {
        let table = try await table(clusterBy: ["id"], vectors: false)
        let version = try await table.table.latestVersion()
        let commit = try await table.log.text(LogFileName.commitPath(version))
        try await table.log.put(LogFileName.commitPath(version), commit.replacing(#""clusteringProvider":"liquid""#, with: #""clusteringProvider":"other""#))
        _ = try await DeleteOperation(table: table.table, options: DeleteOptions(condition: "id % 10 < 3")).run()
        #expect(try await cubes(table) == [nil])
    }
}
