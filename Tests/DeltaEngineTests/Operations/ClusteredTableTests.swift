import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport
import Testing

@testable import DeltaEngine

/// Tables whose rows another engine keeps clustered (protocol, "Clustered Table").
@Suite struct ClusteredTableTests {
    private static let protocolLine =
        #"{"protocol":{"minReaderVersion":2,"minWriterVersion":7,"writerFeatures":["clustering","domainMetadata","columnMapping"]}}"#
    private static let schema =
        #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},"#
        + #"{"name":"s","type":{"type":"struct","fields":[{"name":"day","type":"date","nullable":true,"metadata":{}}]},"nullable":true,"metadata":{}}]}"#
    private static let domain = #"{"clusteringColumns":[["s","day"],["id"]]}"#

    private static func domainLine(_ configuration: String) -> String {
        JSON.encode(Action.domainMetadata(DomainMetadata(domain: "delta.clustering", configuration: configuration, removed: false)).json)
    }

    private func table(_ configuration: [String: String] = [:]) async throws -> SchemaFixture {
        let table = try await SchemaFixture(protocol: Self.protocolLine, schema: Self.schema, configuration: configuration)
        try await table.log.commit(1, [Self.domainLine(Self.domain)])
        return table
    }

    @Test func newFilesHaveStatisticsOnTheClusteringColumnsWhateverThePropertiesSay() async throws {
        let table = try await table(["delta.dataSkippingNumIndexedCols": "0", "delta.checkpoint.writeStatsAsStruct": "true"])
        try await table.append(#"{"id":3,"s":{"day":"2024-02-29"}}"#, #"{"id":5,"s":null}"#)
        let expected =
            #"{"numRecords":2,"minValues":{"id":3,"s":{"day":"2024-02-29"}},"maxValues":{"id":5,"s":{"day":"2024-02-29"}},"nullCount":{"id":0,"s":{"day":1}}}"#
        let snapshot = try await table.table.snapshot()
        let file = try #require(snapshot.files.first)
        #expect(file.stats?.text == expected)
        #expect(file.clusteringProvider == nil)
        // So has a checkpoint that holds them as columns.
        try await Checkpoint(table: table.table, snapshot: snapshot).write()
        let checkpoint = try await ParquetFile.open(table.log.store, ObjectPath(LogFileName.classicCheckpointPath(2)))
        #expect(checkpoint.metadata.schema.leaves.map(\.name).contains("add.stats_parsed.minValues.s.day"))
    }

    @Test func optimizeLeavesFilesOfUnknownColumnsAloneAndTheDomainStays() async throws {
        let table = try await table()
        for id in 0..<3 { try await table.append(#"{"id":\#(id)}"#) }
        let size = try await table.write(file: "clustered", [Field("id", .long)], [[.integer(9)]])
        var clustered = AddFile(path: DataPath(encoded: "clustered"), size: size, modificationTime: 1, dataChange: false, stats: #"{"numRecords":1}"#)
        clustered.clusteringProvider = "liquid"
        clustered.tags = ["ZCUBE_ID": "x"]
        try await table.log.commit(5, [JSON.encode(Action.add(clustered).json)])
        let result = try await OptimizeOperation(table: table.table).run()
        #expect(result.metrics.numFilesRemoved == 3)
        #expect(result.metrics.totalFilesSkipped == 1)
        let after = try await table.table.snapshot()
        #expect(after.files.map(\.clusteringProvider) == ["liquid", "liquid"])
        #expect(after.files.first { $0.path.decoded == "clustered" }?.add == clustered)
        #expect(after.domainMetadata["delta.clustering"]?.configuration == Self.domain)
        try await Checkpoint(table: table.table, snapshot: after).write()
        let reread = try await table.table.snapshot()
        #expect(reread.domainMetadata["delta.clustering"]?.configuration == Self.domain)
        #expect(reread.files.first { $0.path.decoded == "clustered" }?.add == clustered)
        #expect(try await table.rows(ReadOptions(columns: ["id"])).count == 4)
        #expect(try await OptimizeOperation(table: table.table).run().version == nil)
    }

    @Test func filesForOtherClusteringColumnsAreNotCommitted() async throws {
        let table = try await table()
        for id in 0..<2 { try await table.append(#"{"id":\#(id)}"#) }
        let log = table.log
        let hooked = HookedStore(wrapping: log.store) { try await log.commit(4, [Self.domainLine(#"{"clusteringColumns":[["id"]]}"#)]) }
        await #expect(throws: DeltaError.commitConflict(version: 4, winner: 4, conflict: .clusteringColumnsChanged)) {
            try await OptimizeOperation(table: log.table(through: hooked)).run()
        }
        #expect(try await OptimizeOperation(table: table.table).run().version == 5)
    }

    @Test(
        arguments: [
            (domain, ["s.day", "id"]), (#"{"clusteringColumns":["id","gone"]}"#, ["id", "gone"]), (#"{"clusteringColumns":[]}"#, []), ("{", []),
            (#"{"clusteringColumns":[["a.b"],[],[3]]}"#, ["`a.b`"]),
        ] as [(String, [String])])
    func columnsAreNamedAsTheSchemaNamesThem(configuration: String, names: [String]) async throws {
        let table = try await table()
        try await table.log.commit(2, [Self.domainLine(configuration)])
        #expect(try await table.table.snapshot().clusteringColumns.map(\.name) == names)
    }

    @Test func mappedColumnsAreFoundByTheirPhysicalNames() async throws {
        func column(_ name: String, _ physical: String, _ id: Int) -> String {
            #"{"name":"\#(name)","type":"long","nullable":true,"metadata":{"delta.columnMapping.id":\#(id),"delta.columnMapping.physicalName":"\#(physical)"}}"#
        }
        let schema = #"{"type":"struct","fields":[\#(column("a", "x", 1)),\#(column("x", "a", 2))]}"#
        let table = try await SchemaFixture(
            protocol: Self.protocolLine, schema: schema,
            configuration: ["delta.columnMapping.mode": "name", "delta.dataSkippingNumIndexedCols": "0"])
        try await table.log.commit(1, [Self.domainLine(#"{"clusteringColumns":[["x"]]}"#)])
        #expect(try await table.table.snapshot().clusteringColumns.map(\.name) == ["a"])
        try await table.append(#"{"a":1,"x":2}"#)
        #expect(try await table.table.snapshot().files.first?.stats?.text.contains(#""minValues":{"x":1}"#) == true)
    }
}
