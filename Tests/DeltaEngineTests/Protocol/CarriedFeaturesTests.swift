import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Tables that use a feature which asks something of new rows: what is there is read, moved and checkpointed without a change; rows that Levee could not make
/// right are refused by the feature's name.
@Suite struct CarriedFeaturesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let feature: String
        var metadata = "{}"
        var configuration: [String: String] = [:]
        var canOptimize = true

        var testDescription: String { feature }
    }

    static let cases: [Case] = [
        Case(feature: "invariants", metadata: #"{"delta.invariants":"{\"expression\":{\"expression\":\"soundex(p) = 'X000'\"}}"}"#),
        Case(feature: "checkConstraints", configuration: ["delta.constraints.sound": "soundex(p) = 'X000'"]),
        Case(feature: "generatedColumns", metadata: #"{"delta.generationExpression":"CAST(p AS BIGINT)"}"#),
        Case(feature: "allowColumnDefaults", metadata: #"{"CURRENT_DEFAULT":"42"}"#),
        Case(
            feature: "identityColumns",
            metadata: #"{"delta.identity.start":1,"delta.identity.step":1,"delta.identity.highWaterMark":4,"delta.identity.allowExplicitInsert":false}"#),
        Case(feature: "icebergCompatV1", configuration: ["delta.enableIcebergCompatV1": "true"], canOptimize: false),
        Case(feature: "icebergCompatV2", configuration: ["delta.enableIcebergCompatV2": "true"], canOptimize: false),
        Case(feature: "icebergCompatV3", configuration: ["delta.enableIcebergCompatV3": "true"], canOptimize: false),
    ]

    private func refusal(_ run: () async throws -> Void) async -> (feature: String, access: Access)? {
        do {
            try await run()
            return nil
        } catch DeltaError.unsupportedFeature(let feature, let access, let reason) {
            #expect(!reason.isEmpty)
            return (feature, access)
        } catch {
            Issue.record(error)
            return nil
        }
    }

    @Test(arguments: cases) func rowsAreReadAndMovedAndNewOnesRefused(_ test: Case) async throws {
        let schema =
            #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":\#(test.metadata)},"#
            + #"{"name":"p","type":"string","nullable":true,"metadata":{}}]}"#
        let table = try await SchemaFixture(
            protocol: #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly","\#(test.feature)"]}}"#, schema: schema,
            configuration: test.configuration)
        let fields = [Field("id", .long), Field("p", .string)]
        for id in [4, 5] as [Int64] { try await table.append(file: "f\(id)", fields, [[.integer(id), .string("x")]]) }
        let expected: [[Scalar?]] = [[.integer(4), .string("x")], [.integer(5), .string("x")]]
        #expect(try await table.rows() == expected)
        #expect(try await table.rows(ReadOptions(condition: "id > 4")) == [expected[1]])

        let append = await refusal { try await table.append(#"{"id":1,"p":"x"}"#) }
        #expect(append?.feature == test.feature)
        #expect(append?.access == .append)
        #expect(try await table.table.latestVersion() == 2)

        let optimize = await refusal { _ = try await OptimizeOperation(table: table.table).run() }
        #expect(optimize?.feature == (test.canOptimize ? nil : test.feature))
        #expect(try await table.table.snapshot().numFiles == (test.canOptimize ? 1 : 2))
        _ = try await CheckpointOperation(table: table.table).run()
        try await table.log.delete(LogFileName.commitPath(0))
        let after = try await table.table.snapshot()
        #expect(try await table.rows() == expected)
        #expect(after.metadata.schemaString == schema)
        #expect(after.metadata.configuration == test.configuration)
        #expect(after.tableFeatures == ["appendOnly", test.feature].sorted())
    }
}
