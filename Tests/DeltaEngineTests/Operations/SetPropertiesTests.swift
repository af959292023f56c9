import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct SetPropertiesTests {
    private static func table(_ properties: [String: String] = [:], schema: Schema = Schema([Field("id", .long)])) async throws -> DeltaTable {
        let table = DeltaTable(store: InMemoryStore())
        _ = try await CreateOperation(table: table, options: CreateOptions(schema: schema, properties: properties)).run()
        return table
    }

    private static func change(_ table: DeltaTable, _ set: [String: String], unset: [String] = [], dryRun: Bool = false) async throws -> SetPropertiesResult {
        try await SetPropertiesOperation(table: table, options: SetPropertiesOptions(set: set, unset: unset, dryRun: dryRun)).run()
    }

    @Test func propertiesAreSetAndTakenAwayInOneCommit() async throws {
        let table = try await Self.table(["team": "old", "gone": "x", "kept": "y"])
        let dry = try await Self.change(table, ["team": "data"], unset: ["gone", "never"], dryRun: true)
        #expect(dry.version == nil && dry.changed == ["gone", "team"])
        #expect(try await table.latestVersion() == 0)
        let result = try await Self.change(table, ["team": "data", "kept": "y", "delta.logRetentionDuration": "interval 90 days"], unset: ["gone", "never"])
        #expect(result.version == 1 && result.changed == ["delta.logRetentionDuration", "gone", "team"] && result.addedFeatures.isEmpty)
        let snapshot = try await table.snapshot()
        #expect(snapshot.metadata.configuration == ["team": "data", "kept": "y", "delta.logRetentionDuration": "interval 90 days"])
        #expect(snapshot.commitInfo?.operation == "SET TBLPROPERTIES" && snapshot.metadata.logRetention == .seconds(90 * 86_400))
        #expect(try await Self.change(table, ["team": "data"], unset: ["gone"]).version == nil)
        #expect(try await Self.change(table, [:], unset: ["kept"]).version == 2)
        #expect(try await table.snapshot().commitInfo?.operation == "UNSET TBLPROPERTIES")
    }

    /// Legacy protocols go up by their versions, others get the feature and nothing else.
    @Test(
        arguments: [
            ([:], ["delta.appendOnly": "true"], 1, 2, []),
            ([:], ["delta.enableChangeDataFeed": "true"], 1, 4, ["changeDataFeed", "checkConstraints", "generatedColumns"]),
            ([:], ["delta.enableDeletionVectors": "true"], 3, 7, ["deletionVectors"]),
            (["delta.enableDeletionVectors": "true"], ["delta.enableChangeDataFeed": "true"], 3, 7, ["changeDataFeed"]),
            (["delta.enableDeletionVectors": "true"], ["delta.enableDeletionVectors": "false"], 3, 7, []),
            ([:], ["delta.enableChangeDataFeed": "false"], 1, 2, []),
            ([:], ["team": "data"], 1, 2, []),
        ] as [([String: String], [String: String], Int, Int, [String])])
    func theProtocolIsRaisedByWhatAValueNeeds(before: [String: String], set: [String: String], reader: Int, writer: Int, added: [String]) async throws {
        let table = try await Self.table(before)
        let result = try await Self.change(table, set)
        let snapshot = try await table.snapshot()
        #expect(snapshot.protocol.minReaderVersion == reader && snapshot.protocol.minWriterVersion == writer && result.addedFeatures == added)
        for name in FeatureRegistry.readerFeatures(snapshot.protocol) { #expect(FeatureRegistry.writerFeatures(snapshot.protocol).contains(name)) }
        #expect(try await Self.change(table, set).version == nil)
    }

    @Test(arguments: [
        (["delta.apendOnly": "true"], "no property that Levee knows"), (["delta.appendOnly": "yes"], "write true or false"),
        (["delta.checkpointInterval": "0"], "a number from 1"), (["delta.dataSkippingNumIndexedCols": "many"], "a number from -1"),
        (["delta.logRetentionDuration": "30 bananas"], "interval 7 days"), (["delta.targetFileSize": "huge"], "256mb"),
        (["delta.targetFileSize": "1b"], "from 1mb"), (["delta.isolationLevel": "Chaos"], "WriteSerializable"),
        (["delta.dataSkippingStatsColumns": "id,nothing"], "no column nothing"), (["delta.checkpointPolicy": "v2"], "v2Checkpoint"),
        (["delta.constraints.positive": "id > 0"], "a check of all rows"), (["delta.columnMapping.mode": "name"], "ids and physical names"),
        (["delta.enableRowTracking": "true"], "ids for all files"), (["delta.enableInCommitTimestamps": "true"], "go with the commit"),
        (["delta.minWriterVersion": "7"], "the protocol is raised"), (["delta.feature.deletionVectors": "supported"], "the protocol is raised"),
        (["delta.enableIcebergCompatV2": "true"], "Iceberg"), (["": "x"], "needs a name"),
    ])
    func whatCannotBeIsRefusedByName(set: [String: String], message: String) async throws {
        let table = try await Self.table()
        let error = await #expect(throws: DeltaError.self) { try await Self.change(table, set) }
        #expect(error?.description.contains(message) == true, "\(error.map(\.description) ?? "")")
        await #expect(throws: DeltaError.self) { try await Self.change(table, set, dryRun: true) }
        #expect(try await table.latestVersion() == 0)
    }

    @Test func whatATableHasAlreadyIsNotJudged() async throws {
        let table = try await Self.table(["delta.someday": "1", "delta.constraints.a": "id > 0"])
        #expect(try await Self.change(table, ["delta.someday": "1", "delta.constraints.a": "id > 0", "team": "data"]).changed == ["team"])
        await #expect(throws: DeltaError.self) { try await Self.change(table, [:], unset: ["delta.constraints.a"]) }
        for name in ["team", "not there yet"] {
            await #expect(throws: DeltaError.self) { try await Self.change(table, [name: "b"], unset: [name]) }
        }
    }

    @Test func aRunIsDoneOnceAndHeedsTheVersion() async throws {
        let table = try await Self.table()
        func run(_ conditions: CommitConditions) async throws -> SetPropertiesResult {
            try await SetPropertiesOperation(table: table, options: SetPropertiesOptions(set: ["team": "data"], conditions: conditions)).run()
        }
        await #expect(throws: DeltaError.versionMismatch(expected: 4, actual: 0)) { try await run(CommitConditions(expectedVersion: 4)) }
        let once = CommitConditions(operationUID: "u", idempotency: .init(appId: "a", version: 1))
        #expect(try await run(once).version == 1)
        _ = try await Self.change(table, ["team": "other"])
        #expect(try await run(once).alreadyApplied)
        #expect(try await table.snapshot().metadata.configuration["team"] == "other")
    }

    /// An append that was begun before stands; another change of the metadata is seen, and this one is made on top of it.
    @Test func concurrentChangesAreKept() async throws {
        let table = try await Self.table()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<6 {
                group.addTask {
                    _ = try await SetPropertiesOperation(table: table, options: SetPropertiesOptions(set: ["p\(number)": "x"], maximumTries: 50)).run()
                }
            }
            try await group.waitForAll()
        }
        #expect(try await table.snapshot().metadata.configuration.count == 6)
    }
}
