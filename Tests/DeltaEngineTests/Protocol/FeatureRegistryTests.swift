import Base
import DeltaEngine
import Testing

@Suite struct FeatureRegistryTests {
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let `protocol`: String
        var configuration: [String: String] = [:]
        var schema = LogFixture.schemaString
        /// The feature that refuses, by access; an access that is not named is allowed.
        let refused: [Access: String]
    }

    private static func features(_ reader: [String], _ writer: [String]) -> String {
        func list(_ names: [String]) -> String { "[" + names.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
        return #"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":"# + list(reader) + #","writerFeatures":"# + list(reader + writer)
            + "}}"
    }

    private static func legacy(_ reader: Int, _ writer: Int) -> String {
        #"{"protocol":{"minReaderVersion":\#(reader),"minWriterVersion":\#(writer)}}"#
    }

    private static func column(_ metadata: String) -> String {
        #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":\#(metadata)}]}"#
    }

    private static let writes: [Access] = [.append, .rewrite, .delete, .maintain, .restore, .clone, .vacuum, .metadataChange, .properties, .checkpoint]

    private static func all(_ accesses: [Access], _ name: String) -> [Access: String] {
        Dictionary(uniqueKeysWithValues: accesses.map { ($0, name) })
    }

    private static let invariant = column(#"{"delta.invariants":"{\"expression\":{\"expression\":\"id > 3\"}}"}"#)

    private static let variant =
        #"{"type":"struct","fields":[{"name":"v","type":{"type":"array","elementType":"variant","containsNull":true},"nullable":true,"metadata":{}}]}"#

    static let cases: [Case] = [
        Case(description: "plain", protocol: legacy(1, 2), refused: [:]),
        Case(description: "writer 1", protocol: legacy(1, 1), configuration: ["delta.appendOnly": "true"], refused: [:]),
        Case(
            description: "appendOnly in use", protocol: legacy(1, 2), configuration: ["delta.appendOnly": "TRUE"],
            refused: all([.rewrite, .delete, .restore], "appendOnly")),
        Case(description: "invariant", protocol: legacy(1, 2), schema: invariant, refused: [.rewrite: "invariants"]),
        Case(description: "invariant, feature not listed", protocol: features([], ["appendOnly"]), schema: invariant, refused: [:]),
        Case(
            description: "nested invariant", protocol: legacy(1, 2),
            schema:
                #"{"type":"struct","fields":[{"name":"s","type":{"type":"array","containsNull":true,"elementType":\#(invariant)},"nullable":true,"metadata":{}}]}"#,
            refused: [.rewrite: "invariants"]),
        Case(
            description: "constraint", protocol: legacy(1, 3), configuration: ["delta.constraints.a": "id > 0"],
            refused: [.rewrite: "checkConstraints"]),
        Case(description: "constraint below writer 3", protocol: legacy(1, 2), configuration: ["delta.constraints.a": "id > 0"], refused: [:]),
        Case(
            description: "change feed", protocol: legacy(1, 4), configuration: ["delta.enableChangeDataFeed": "true"],
            refused: [.rewrite: "changeDataFeed"]),
        Case(
            description: "generated column", protocol: legacy(1, 4), schema: column(#"{"delta.generationExpression":"1"}"#),
            refused: all([.append, .rewrite], "generatedColumns")),
        Case(
            description: "identity column", protocol: legacy(1, 6), schema: column(#"{"delta.identity.start":1}"#),
            refused: all([.append, .rewrite], "identityColumns")),
        Case(description: "mapping not in use", protocol: legacy(2, 5), refused: [:]),
        Case(
            description: "mapping by name", protocol: legacy(2, 5), configuration: ["delta.columnMapping.mode": "name"],
            refused: [.metadataChange: "columnMapping", .manifest: "columnMapping"]),
        Case(description: "mapping none", protocol: legacy(2, 5), configuration: ["delta.columnMapping.mode": "none"], refused: [:]),
        Case(
            description: "harmless features", protocol: features(["timestampNtz", "vacuumProtocolCheck"], ["domainMetadata", "checkpointProtection"]),
            refused: [:]),
        Case(
            description: "in-commit timestamps", protocol: features([], ["inCommitTimestamp"]), configuration: ["delta.enableInCommitTimestamps": "true"],
            refused: [.metadataChange: "inCommitTimestamp"]),
        Case(description: "in-commit timestamps off", protocol: features([], ["inCommitTimestamp"]), refused: [:]),
        Case(
            description: "row tracking", protocol: features([], ["rowTracking", "domainMetadata"]),
            configuration: ["delta.enableRowTracking": "true"], refused: all([.rewrite, .metadataChange], "rowTracking")),
        Case(description: "row tracking listed, not on", protocol: features([], ["rowTracking", "domainMetadata"]), refused: [:]),
        Case(
            description: "clustering", protocol: features([], ["clustering", "domainMetadata"]), refused: [:]),
        Case(description: "unknown writer feature", protocol: features([], ["frobnicate"]), refused: all(writes, "frobnicate")),
        Case(
            description: "widened", protocol: features(["typeWidening"], []), schema: column(#"{"delta.typeChanges":[]}"#),
            refused: [.metadataChange: "typeWidening"]),
        Case(
            description: "widened in a way that the protocol has not", protocol: features(["typeWidening"], []),
            schema: column(#"{"delta.typeChanges":[{"fromType":"short","toType":"long"},{"fromType":"string","toType":"long"}]}"#),
            refused: all([.read, .rewrite, .delete, .maintain, .metadataChange], "typeWidening")),
        Case(
            description: "default", protocol: features([], ["allowColumnDefaults"]), schema: column(#"{"CURRENT_DEFAULT":"1"}"#),
            refused: [.append: "allowColumnDefaults"]),
        Case(
            description: "default without the feature", protocol: features([], ["appendOnly"]), schema: column(#"{"CURRENT_DEFAULT":"1"}"#), refused: [:]),
        Case(description: "iceberg off", protocol: features([], ["icebergCompatV1"]), refused: [:]),
        Case(
            description: "iceberg v1", protocol: features([], ["icebergCompatV1"]), configuration: ["delta.enableIcebergCompatV1": "true"],
            refused: all([.append, .rewrite, .delete, .maintain, .restore, .clone, .metadataChange, .properties], "icebergCompatV1")),
        Case(
            description: "iceberg v3", protocol: features([], ["icebergCompatV3"]), configuration: ["delta.enableIcebergCompatV3": "true"],
            refused: all([.append, .rewrite, .delete, .maintain, .restore, .clone, .metadataChange, .properties], "icebergCompatV3")),
        Case(
            description: "variant", protocol: features(["variantType"], []), schema: variant,
            refused: all([.append, .rewrite, .metadataChange], "variantType")),
        Case(description: "variant allowed, none there", protocol: features(["variantType", "variantShredding"], []), refused: [:]),
        Case(
            description: "iceberg", protocol: features([], ["icebergCompatV2"]), configuration: ["delta.enableIcebergCompatV2": "true"],
            refused: all([.append, .rewrite, .delete, .maintain, .restore, .clone, .metadataChange, .properties], "icebergCompatV2")),
    ]

    @Test(arguments: cases)
    func refusesByName(_ test: Case) async throws {
        let log = LogFixture()
        try await log.create(protocol: test.protocol, schema: test.schema, configuration: test.configuration)
        let snapshot = try await log.table.snapshot()
        for access in Access.allCases {
            var refused: String?
            do {
                try snapshot.require(access)
            } catch let DeltaError.unsupportedFeature(feature, denied, reason) {
                refused = feature
                #expect(denied == access)
                #expect(!reason.isEmpty)
            }
            #expect(refused == test.refused[access], "\(access)")
        }
    }

    @Test(arguments: [
        (features(["catalogManaged"], []), "catalogManaged"),
        (features(["tomorrow"], []), "tomorrow"),
    ])
    func aTableThatCannotBeReadDoesNotOpen(line: String, feature: String) async throws {
        let log = LogFixture()
        // A type of tomorrow: the feature must be named, not the type.
        try await log.create(protocol: line, schema: #"{"type":"struct","fields":[{"name":"v","type":"hologram","nullable":true,"metadata":{}}]}"#)
        do {
            _ = try await log.table.snapshot()
            Issue.record("it opened")
        } catch let error as DeltaError {
            guard case .unsupportedFeature(feature, .read, _) = error else { throw error }
            #expect(error.kind == .refused)
        }
    }

    @Test(arguments: [(4, 7), (0, 2), (99, 99)])
    func unknownReaderVersionsAreRefused(reader: Int, writer: Int) async throws {
        let log = LogFixture()
        try await log.create(protocol: Self.legacy(reader, writer))
        await #expect(throws: DeltaError.unsupportedProtocol(reader: reader, writer: writer)) { try await log.table.snapshot() }
    }

    @Test func unknownWriterVersionsLetRead() async throws {
        let log = LogFixture()
        try await log.create(protocol: Self.legacy(1, 8))
        let snapshot = try await log.table.snapshot()
        try snapshot.require(.read)
        #expect(throws: DeltaError.unsupportedProtocol(reader: 1, writer: 8)) { try snapshot.require(.append) }
    }

    @Test func everyFeatureHasOneRecord() {
        let names = [
            "appendOnly", "invariants", "checkConstraints", "generatedColumns", "allowColumnDefaults", "changeDataFeed", "columnMapping", "identityColumns",
            "deletionVectors", "rowTracking", "timestampNtz", "domainMetadata", "v2Checkpoint", "catalogManaged", "icebergCompatV1", "icebergCompatV2",
            "clustering",
            "vacuumProtocolCheck", "inCommitTimestamp", "typeWidening", "variantType",
        ]
        for name in names { #expect(FeatureRegistry.feature(name)?.name == name) }
    }
}
