import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// What of a table's state goes back and what stays at what has been reached.
@Suite struct RestorePlanTests {
    private static func schema(_ highWaterMark: Int64, step: Int64 = 1, more: String = "") -> String {
        #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{"delta.identity.start":1,"delta.identity.step":\#(step),"#
            + #""delta.identity.highWaterMark":\#(highWaterMark),"delta.identity.allowExplicitInsert":false}}\#(more)]}"#
    }

    private static let column = #",{"name":"new","type":"string","nullable":true,"metadata":{}}"#

    private static func features(_ names: [String]) -> String {
        #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":[\#(names.map { "\"\($0)\"" }.joined(separator: ","))]}}"#
    }

    private func restored(_ first: [String], _ second: [String]) async throws -> Snapshot {
        let fixture = LogFixture()
        try await fixture.commit(0, first)
        try await fixture.commit(1, second)
        _ = try await RestoreOperation(table: fixture.table, options: RestoreOptions(target: .version(0))).run()
        return try await fixture.table.snapshot()
    }

    @Test(arguments: [(1, 10, 50, 50), (1, 50, 10, 50), (-1, -10, -50, -50), (-1, -50, -10, -50)] as [(Int64, Int64, Int64, Int64)])
    func identityValuesAreNotGivenTwice(step: Int64, then: Int64, now: Int64, mark: Int64) async throws {
        let features = Self.features(["identityColumns"])
        let snapshot = try await restored(
            [features, LogFixture.metadata(schema: Self.schema(then, step: step))],
            [LogFixture.metadata(schema: Self.schema(now, step: step, more: Self.column))])
        #expect(snapshot.schema.fields.map(\.name) == ["id"])
        #expect(snapshot.schema.fields[0].metadata["delta.identity.highWaterMark"]?.intValue == mark)
    }

    @Test func propertiesGoBackButThoseOfTheLogItself() async throws {
        let features = Self.features(["inCommitTimestamp", "rowTracking", "domainMetadata"])
        let stamps = ["delta.enableInCommitTimestamps": "true", "delta.inCommitTimestampEnablementVersion": "1"]
        let rows = ["delta.enableRowTracking": "true", "delta.rowTracking.materializedRowIdColumnName": "_row"]
        let fixture = LogFixture()
        try await fixture.commit(0, [features, LogFixture.metadata(configuration: ["delta.checkpointInterval": "5", "delta.isolationLevel": "Serializable"])])
        try await fixture.commit(
            1,
            [
                #"{"commitInfo":{"inCommitTimestamp":1000}}"#,
                LogFixture.metadata(configuration: stamps.merging(rows) { $1 }.merging(["delta.checkpointInterval": "50"]) { $1 }),
            ])
        _ = try await RestoreOperation(table: fixture.table, options: RestoreOptions(target: .version(0))).run()
        let snapshot = try await fixture.table.snapshot()
        let expected = stamps.merging(rows) { $1 }.merging(["delta.checkpointInterval": "5", "delta.isolationLevel": "Serializable"]) { $1 }
        #expect(snapshot.metadata.configuration == expected)
        #expect(snapshot.commitInfo?.inCommitTimestamp != nil)
    }

    @Test func columnIdsAreNotGivenTwice() async throws {
        let mapped = { (id: String) in ["delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": id] }
        let legacy = #"{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}"#
        let snapshot = try await restored(
            [legacy, LogFixture.metadata(configuration: mapped("2"))], [LogFixture.metadata(configuration: mapped("9"))])
        #expect(snapshot.metadata.configuration == mapped("9"))
    }

    /// The protocol only grows: what came stays, what was dropped meanwhile comes again.
    @Test func theProtocolHasWhatEitherAsksFor() async throws {
        let deleted = Self.features(["appendOnly", "domainMetadata"])
        let snapshot = try await restored(
            [#"{"protocol":{"minReaderVersion":1,"minWriterVersion":4}}"#, LogFixture.metadata()], [deleted, LogFixture.metadata()])
        #expect(snapshot.protocol.minReaderVersion == 1 && snapshot.protocol.minWriterVersion == 7)
        #expect(
            Set(snapshot.protocol.writerFeatures ?? [])
                == ["appendOnly", "domainMetadata", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns"])
        let legacy = ProtocolAction(minReaderVersion: 1, minWriterVersion: 2)
        #expect(legacy.union(ProtocolAction(minReaderVersion: 2, minWriterVersion: 5)) == ProtocolAction(minReaderVersion: 2, minWriterVersion: 5))
        #expect(ProtocolAction(minReaderVersion: 2, minWriterVersion: 5).union(legacy) == ProtocolAction(minReaderVersion: 2, minWriterVersion: 5))
    }

    @Test func rowIdsOfATimeBeforeTheFeatureWasDroppedDoNotComeBack() async throws {
        let fixture = LogFixture()
        try await fixture.commit(
            0,
            [
                Self.features(["rowTracking", "domainMetadata"]), LogFixture.metadata(configuration: ["delta.enableRowTracking": "true"]),
                #"{"add":{"path":"a","partitionValues":{},"size":4,"modificationTime":0,"dataChange":true,"baseRowId":7,"defaultRowCommitVersion":0}}"#,
            ])
        try await fixture.put("a", "data")
        try await fixture.commit(1, [Self.features(["domainMetadata"]), LogFixture.metadata(), LogFixture.remove("a")])
        _ = try await RestoreOperation(table: fixture.table, options: RestoreOptions(target: .version(0))).run()
        let snapshot = try await fixture.table.snapshot()
        #expect(snapshot.protocol.writerFeatures == ["domainMetadata"])
        #expect(snapshot.metadata.configuration.isEmpty)
        #expect(snapshot.paths == ["a"] && snapshot.files[0].baseRowId == nil)
    }

    @Test(
        arguments: [
            (#"{"clusteringColumns":[["id"]]}"#, #"{"clusteringColumns":[["day"]]}"#), (#"{"clusteringColumns":[["id"]]}"#, nil),
            (nil, #"{"clusteringColumns":[["day"]]}"#),
        ] as [(String?, String?)])
    func theClusteringColumnsGoBack(then: String?, now: String?) async throws {
        func line(_ configuration: String?) -> [String] {
            configuration.map {
                [JSON.encode(Action.domainMetadata(DomainMetadata(domain: Clustering.domain, configuration: $0, removed: false)).json)]
            } ?? []
        }
        let other = #"{"domainMetadata":{"domain":"app","configuration":"{\"n\":2}","removed":false}}"#
        let removal = then != nil && now == nil ? [#"{"domainMetadata":{"domain":"delta.clustering","configuration":"","removed":true}}"#] : []
        let snapshot = try await restored(
            [Self.features(["clustering", "domainMetadata"]), LogFixture.metadata()] + line(then), line(now) + removal + [other])
        #expect(snapshot.domainMetadata[Clustering.domain]?.configuration == then)
        #expect(snapshot.domainMetadata["app"]?.configuration == #"{"n":2}"#)
    }
}
