import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// New rows against a table's CHECK constraints and invariants.
@Suite struct RowRulesTests {
    private static func schema(_ metadata: String = "{}", name: String = "n") -> String {
        #"{"type":"struct","fields":[{"name":"\#(name)","type":"long","nullable":true,"metadata":\#(metadata)},"#
            + #"{"name":"day","type":"date","nullable":true,"metadata":{}},{"name":"text","type":"string","nullable":true,"metadata":{}}]}"#
    }

    private static func invariant(_ expression: String) -> String {
        let inner = JSON.encode(["expression": ["expression": .string(expression)]])
        return JSON.encode(["delta.invariants": .string(inner)])
    }

    private static func protocolLine(_ writer: Int) -> String { #"{"protocol":{"minReaderVersion":1,"minWriterVersion":\#(writer)}}"# }

    @Test(arguments: [
        ("n >= 18 AND n <= 120", [#"{"n":18}"#, #"{"n":120}"#], #"{"n":17}"#, "n = 17"),
        ("n > 0", [#"{"n":1}"#], #"{"text":"x"}"#, "n = NULL"), ("n > 0 OR n IS NULL", [#"{"n":1}"#, #"{"text":"x"}"#], #"{"n":0}"#, "n = 0"),
        ("day >= '2024-01-01'", [#"{"day":"2024-01-01"}"#], #"{"day":"2023-12-31"}"#, "day = 2023-12-31"),
        ("`text` IN ('a', 'b') and length(TEXT) = 1", [#"{"text":"a"}"#], #"{"text":"c"}"#, "text = c"),
    ])
    func aRowOfWhichAConstraintIsNotTrueIsNotAdded(constraint: String, good: [String], bad: String, values: String) async throws {
        let table = try await SchemaFixture(
            protocol: Self.protocolLine(3), schema: Self.schema(), configuration: ["delta.constraints.rule": constraint], partitionColumns: ["day"])
        for row in good { try await table.append(row) }
        let before = try await table.log.store.list(prefix: "", startAfter: nil).all().count
        await #expect(
            throws: DeltaError.invalidData(source: "the CHECK constraint rule (\(constraint))", reason: "a row violates it: \(values)")
        ) { try await table.append(good[0], bad) }
        #expect(try await table.rows().count == good.count)
        // Nothing of it stays behind.
        #expect(try await table.log.store.list(prefix: "", startAfter: nil).all().count == before)
    }

    @Test func invariantsHoldTooAndAllRulesTogether() async throws {
        let table = try await SchemaFixture(
            protocol: Self.protocolLine(3), schema: Self.schema(Self.invariant("n > 3")), configuration: ["delta.constraints.even": "n % 2 = 0"])
        try await table.append(#"{"n":4}"#, #"{"n":6}"#)
        for bad in [#"{"n":2}"#, #"{"n":5}"#] { await #expect(throws: DeltaError.self) { try await table.append(bad) } }
        #expect(try await table.rows(ReadOptions(columns: ["n"])) == [[.integer(4)], [.integer(6)]])
        // A constraint below the writer version that has them is only a property.
        let older = try await SchemaFixture(
            protocol: Self.protocolLine(2), schema: Self.schema(), configuration: ["delta.constraints.even": "n % 2 = 0"])
        try await older.append(#"{"n":5}"#)
    }

    @Test func columnsAreCalledByTheirLogicalNames() async throws {
        let mapping = #"{"delta.columnMapping.id":1,"delta.columnMapping.physicalName":"c1"}"#
        let table = try await SchemaFixture(
            protocol: #"{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}"#, schema: Self.schema(mapping, name: "amount due"),
            configuration: ["delta.columnMapping.mode": "name", "delta.constraints.c": "`amount due` > 0"])
        try await table.append(#"{"amount due":1}"#)
        await #expect(throws: DeltaError.self) { try await table.append(#"{"amount due":0}"#) }
    }

    @Test(
        arguments: [
            ("checkConstraints", schema(), ["delta.constraints.c": "frobnicate(n) > 1"]), ("checkConstraints", schema(), ["delta.constraints.c": "n >"]),
            ("checkConstraints", schema(), ["delta.constraints.c": "gone > 1"]), ("checkConstraints", schema(), ["delta.constraints.c": "n + 1"]),
            ("invariants", schema(invariant("frobnicate(n)")), [:]), ("invariants", schema(#"{"delta.invariants":"x"}"#), [:]),
            (
                "invariants",
                #"{"type":"struct","fields":[{"name":"s","type":\#(schema(invariant("n > 0"))),"nullable":true,"metadata":{}}]}"#, [:]
            ),
        ] as [(String, String, [String: String])])
    func aRuleThatCannotBeCheckedRefusesByTheFeature(feature: String, schema: String, configuration: [String: String]) async throws {
        let table = try await SchemaFixture(protocol: Self.protocolLine(3), schema: schema, configuration: configuration)
        let error = await #expect(throws: DeltaError.self) { try await table.append("{}") }
        guard case .unsupportedFeature(feature, .append, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try await table.rows() == [])
    }
}
