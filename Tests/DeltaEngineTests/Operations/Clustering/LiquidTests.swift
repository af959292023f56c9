import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Tables that are clustered by columns of their own (protocol, "Clustered Table").
@Suite struct LiquidTests {
    private static let schema = Schema([
        Field("id", .long), Field("s", .structure([Field("x", .integer)])), Field("f", .boolean), Field("t", .string),
    ])

    private func create(_ columns: [String], partitionBy: [String] = [], properties: [String: String] = [:]) async throws -> SchemaFixture {
        let log = LogFixture()
        let options = CreateOptions(schema: Self.schema, partitionColumns: partitionBy, clusterBy: columns, properties: properties)
        _ = try await CreateOperation(table: log.table, options: options).run()
        return SchemaFixture(log: log)
    }

    @Test func optimizeClustersByTheTablesColumns() async throws {
        let table = try await create(["s.x", "id"])
        let created = try await table.table.snapshot()
        #expect(created.clusteringColumns.map(\.name) == ["s.x", "id"])
        #expect(created.protocol.writerFeatures == ["appendOnly", "clustering", "domainMetadata", "invariants"])
        #expect(created.domainMetadata["delta.clustering"]?.configuration == #"{"clusteringColumns":[["s","x"],["id"]],"domainName":"delta.clustering"}"#)
        for start in 0..<3 { try await table.append(#"{"id":\#(9 - start),"s":{"x":\#(start)}}"#, #"{"id":\#(start),"t":"x"}"#) }
        let rows = try await table.rows()
        let result = try await OptimizeOperation(table: table.table).run()
        #expect(result.metrics.numFilesRemoved == 3)
        #expect(result.metrics.clusteringStats?.mergedFiles.numFiles == 3)
        #expect(result.metrics.clusteringStats?.numOutputZCubes == 1)
        #expect(try await table.rows() == rows)
        let after = try await table.table.snapshot()
        let file = try #require(after.files.first)
        #expect(file.clusteringProvider == "liquid")
        #expect(file.tags?["ZCUBE_ZORDER_BY"] == #"["s.x","id"]"#)
        #expect(file.tags?["ZCUBE_ZORDER_CURVE"] == "hilbert")
        #expect(after.commitInfo?.operationParameters?["clusterBy"] == #"["s.x","id"]"#)
        #expect(after.commitInfo?.operationParameters?["zOrderBy"] == "[]")
        #expect(try await OptimizeOperation(table: table.table).run().version == nil)
        // Deleting rewrites or marks files as everywhere; the domain stays.
        #expect(after.domainMetadata["delta.clustering"] == created.domainMetadata["delta.clustering"])
    }

    @Test func anotherOrderIsRefused() async throws {
        let table = try await create(["id"])
        for id in 0..<2 { try await table.append(#"{"id":\#(id)}"#) }
        let error = await #expect(throws: DeltaError.self) {
            try await OptimizeOperation(table: table.table, options: OptimizeOptions(zOrderBy: ["id"])).run()
        }
        #expect("\(error.map { "\($0)" } ?? "")".contains("clustered by id"))
    }

    @Test func filesOfOtherColumnsAreClusteredAnewOnlyWhenAllAre() async throws {
        let table = try await create(["id"])
        for id in 0..<2 { try await table.append(#"{"id":\#(id),"t":"x"}"#) }
        _ = try await OptimizeOperation(table: table.table).run()
        let domain = DomainMetadata(domain: "delta.clustering", configuration: #"{"clusteringColumns":[["t"]]}"#, removed: false)
        try await table.log.commit(4, [JSON.encode(Action.domainMetadata(domain).json)])
        #expect(try await OptimizeOperation(table: table.table).run().version == nil)
        try await table.append(#"{"id":7,"t":"y"}"#)
        let result = try await OptimizeOperation(table: table.table).run()
        #expect(result.metrics.numFilesRemoved == 1)
        let full = try await OptimizeOperation(table: table.table, options: OptimizeOptions(isFull: true)).run()
        #expect(full.metrics.numFilesRemoved == 2)
        #expect(try await table.table.snapshot().files.map { $0.tags?["ZCUBE_ZORDER_BY"] } == [#"["t"]"#])
        #expect(try await table.rows().count == 3)
    }

    /// Such a table is another's whose columns nobody has any more: files are put together as they come.
    @Test func aTableClusteredByNothingIsCompacted() async throws {
        let table = try await create(["id"])
        for id in 0..<2 { try await table.append(#"{"id":\#(id)}"#) }
        let domain = DomainMetadata(domain: "delta.clustering", configuration: #"{"clusteringColumns":[]}"#, removed: false)
        try await table.log.commit(3, [JSON.encode(Action.domainMetadata(domain).json)])
        _ = try await OptimizeOperation(table: table.table).run()
        #expect(try await table.table.snapshot().files.map(\.clusteringProvider) == [nil])
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let columns: [String]
        var partitionBy: [String] = []
        var properties: [String: String] = [:]
        let message: String
        var testDescription: String { message }
    }

    @Test(
        arguments: [
            Refused(columns: ["nope"], message: "no column nope"), Refused(columns: ["f"], message: "no statistics"),
            Refused(columns: ["s"], message: "name one of its fields"), Refused(columns: ["id", "id"], message: "named twice"),
            Refused(columns: ["id"], partitionBy: ["t"], message: "either partitioned or clustered"),
            Refused(columns: ["t"], properties: ["delta.dataSkippingNumIndexedCols": "1"], message: "delta.dataSkippingStatsColumns"),
            Refused(columns: ["id", "s.x", "t", "f", "id"], message: "at most 4"),
        ])
    func columnsThatATableCannotHave(example: Refused) async throws {
        let error = await #expect(throws: DeltaError.self) {
            _ = try await create(example.columns, partitionBy: example.partitionBy, properties: example.properties)
        }
        #expect("\(error.map { "\($0)" } ?? "")".contains(example.message), "\(String(describing: error))")
    }

    @Test func aSchemaWithoutAClusteringColumnIsRefused() async throws {
        let table = try await create(["t"])
        let snapshot = try await table.table.snapshot()
        var transaction = Transaction(table: table.table, readSnapshot: snapshot, operation: OperationInfo("CHANGE"))
        transaction.actions = [.metadata(TableMetadata(id: snapshot.metadata.id, schema: Schema([Field("id", .long)])))]
        let committed = transaction
        let error = await #expect(throws: DeltaError.self) { _ = try await committed.commit() }
        #expect("\(error.map { "\($0)" } ?? "")".contains("clustered by t"))
    }
}
