import Base
import Columnar
import Testing

@testable import Parquet

/// The format's rules for which bounds mean anything.
@Suite struct BoundsTests {
    private func reading(
        _ physicalType: PhysicalType, _ logicalType: LogicalType? = nil, length: Int = 0, order: ColumnOrder? = .typeDefined
    ) throws -> BoundsReading {
        let leaf = SchemaLeaf(
            index: 0, path: ["c"], physicalType: physicalType, typeLength: length, logicalType: logicalType, maximumDefinitionLevel: 1,
            maximumRepetitionLevel: 0)
        let (type, conversion) = try ValueConversion.of(leaf)
        return BoundsReading(leaf: leaf, type: type, conversion: conversion, order: order)
    }

    private func statistics(
        _ minimum: [UInt8], _ maximum: [UInt8], nulls: Int64? = 0, exact: Bool? = nil, deprecated: Bool = false, nans: Int64? = nil
    ) -> ColumnStatistics {
        ColumnStatistics(
            minimum: Bytes(minimum), maximum: Bytes(maximum), nullCount: nulls, distinctCount: nil, isMinimumExact: exact, isMaximumExact: exact,
            isDeprecated: deprecated, nanCount: nans)
    }

    private static func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let physicalType: PhysicalType
        var logicalType: LogicalType?
        var length = 0
        var order: ColumnOrder? = .typeDefined
        let low: [UInt8]
        let high: [UInt8]
        var isDeprecated = false
        let expected: [Scalar?]
    }

    static let cases: [Case] = [
        Case(description: "int", physicalType: .int32, low: bytes(Int32(-3)), high: bytes(Int32(7)), expected: [.integer(-3), .integer(7)]),
        Case(
            description: "int, deprecated", physicalType: .int32, order: nil, low: bytes(Int32(-3)), high: bytes(Int32(7)), isDeprecated: true,
            expected: [.integer(-3), .integer(7)]),
        Case(description: "int without an order", physicalType: .int32, order: nil, low: bytes(Int32(-3)), high: bytes(Int32(7)), expected: [nil, nil]),
        Case(description: "int of a strange order", physicalType: .int32, order: .unknown, low: bytes(Int32(1)), high: bytes(Int32(7)), expected: [nil, nil]),
        Case(
            description: "unsigned", physicalType: .int32, logicalType: .integer(bitWidth: 32, isSigned: false), low: bytes(UInt32(1)),
            high: bytes(UInt32.max), expected: [.integer(1), .integer(4_294_967_295)]),
        Case(
            description: "unsigned, deprecated: was compared as signed", physicalType: .int32, logicalType: .integer(bitWidth: 32, isSigned: false),
            low: bytes(UInt32.max), high: bytes(UInt32(1)), isDeprecated: true, expected: [nil, nil]),
        Case(
            description: "text", physicalType: .byteArray, logicalType: .string, low: [0x61], high: [0xff],
            expected: [.binary(Bytes([0x61])), .binary(Bytes([0xff]))]),
        Case(
            description: "text, deprecated: was compared as signed bytes", physicalType: .byteArray, logicalType: .string, low: [0xff], high: [0x61],
            isDeprecated: true, expected: [nil, nil]),
        Case(
            description: "decimal in bytes", physicalType: .fixedLengthByteArray, logicalType: .decimal(precision: 4, scale: 2), length: 2, low: [0xff, 0xfe],
            high: [1, 0], expected: [.decimal(-2, scale: 2), .decimal(256, scale: 2)]),
        Case(description: "NaN is no bound", physicalType: .double, low: bytes(Double.nan), high: bytes(2.0), expected: [nil, .double(2)]),
        Case(description: "bounds the wrong way round", physicalType: .double, low: bytes(3.0), high: bytes(2.0), expected: [nil, nil]),
        Case(description: "a bound too short", physicalType: .int64, low: [1, 2, 3], high: bytes(Int64(9)), expected: [nil, .integer(9)]),
        Case(
            description: "half floats", physicalType: .fixedLengthByteArray, logicalType: .float16, length: 2, order: .ieee754, low: [0, 0xbc],
            high: [0, 0x3c],
            expected: [.float(-1), .float(1)]),
        Case(
            description: "INT96 has no order", physicalType: .int96, low: [UInt8](repeating: 0, count: 12), high: [UInt8](repeating: 1, count: 12),
            expected: [nil, nil]),
        Case(
            description: "intervals have no order", physicalType: .fixedLengthByteArray, logicalType: .interval, length: 12, low: [0], high: [1],
            expected: [nil, nil]),
        Case(
            description: "an unknown type's order is unknown", physicalType: .byteArray, logicalType: .unknown(id: 99), low: [0], high: [1],
            expected: [nil, nil]),
        Case(
            description: "times in milliseconds", physicalType: .int64, logicalType: .timestamp(isAdjustedToUTC: true, unit: .milliseconds),
            low: bytes(Int64(-1)), high: bytes(Int64(2)), expected: [.timestamp(-1000), .timestamp(2000)]),
        Case(
            description: "times in nanoseconds", physicalType: .int64, logicalType: .timestamp(isAdjustedToUTC: false, unit: .nanoseconds),
            low: bytes(Int64(-1)), high: bytes(Int64(2999)), expected: [.timestampNTZ(-1), .timestampNTZ(2)]),
    ]

    @Test(arguments: cases)
    func meansWhatTheFormatSays(_ test: Case) throws {
        let reading = try reading(test.physicalType, test.logicalType, length: test.length, order: test.order)
        let facts = reading.facts(statistics(test.low, test.high, deprecated: test.isDeprecated), valueCount: 5)
        #expect([facts.minimum, facts.maximum] == test.expected)
    }

    /// A NaN is above all else, and no bound says that there is none unless the writer counted.
    @Test func bounds0fFloatsSayNothingOfNaN() throws {
        let reading = try reading(.double)
        let greater = RowCondition.comparison(column: ["c"], .greater, .double(5))
        let less = RowCondition.comparison(column: ["c"], .less, .double(1))
        for (nans, expected) in [(Int64?.none, true), (2, true), (0, false)] {
            let facts = reading.facts(statistics(Self.bytes(1.0), Self.bytes(5.0), nans: nans), valueCount: 9)
            #expect(facts.mayMatch(greater) == expected)
            #expect(!facts.mayMatch(less))
        }
    }

    @Test func onlyExactBoundsRuleOutInequality() throws {
        let reading = try reading(.byteArray, .string)
        let other = reading.normalized(.comparison(column: ["c"], .notEqual, .string("aa")))
        let text: [UInt8] = [0x61, 0x61]
        #expect(reading.facts(statistics(text, text, exact: nil), valueCount: 2).mayMatch(other))
        #expect(reading.facts(statistics(text, text, exact: false), valueCount: 2).mayMatch(other))
        #expect(!reading.facts(statistics(text, text, exact: true), valueCount: 2).mayMatch(other))
    }

    @Test func nullsAreCounted() throws {
        let reading = try reading(.int32)
        let value = RowCondition.comparison(column: ["c"], .equal, .integer(1))
        for (nulls, isNull, isNotNull, equals) in [
            (Int64?(0), false, true, true), (4, true, true, true), (9, true, false, false), (nil, true, true, true), (10, true, true, true),
        ] {
            let facts = reading.facts(statistics(Self.bytes(Int32(0)), Self.bytes(Int32(2)), nulls: nulls), valueCount: 9)
            #expect(facts.mayMatch(.isNull(column: ["c"])) == isNull)
            #expect(facts.mayMatch(.isNotNull(column: ["c"])) == isNotNull)
            #expect(facts.mayMatch(value) == equals)
        }
    }
}
