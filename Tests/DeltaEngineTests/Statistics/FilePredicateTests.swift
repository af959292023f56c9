import Base
import Columnar
import Expressions
import TestSupport
import Testing

@testable import DeltaEngine

/// Which files can have no row for a condition, by what the log says of them.
@Suite struct FilePredicateTests {
    private static let schema = Schema([
        Field("id", .long), Field("price", .double), Field("ratio", .float), Field("name", .string), Field("at", .timestamp), Field("local", .timestampNTZ),
        Field("day", .date), Field("amount", .decimal(precision: 20, scale: 2)), Field("flag", .boolean), Field("raw", .binary), Field("part", .string),
        Field("hour", .timestamp),
    ])

    private static func metadata() -> TableMetadata {
        var metadata = TableMetadata(id: "x", schema: schema)
        metadata.partitionColumns = ["part", "hour"]
        return metadata
    }

    private static func mayMatch(_ condition: String, stats: String?, partition: [(String, String?)] = []) throws -> Bool {
        var file = LogFixture.file("f")
        file.stats = stats
        file.partitionValues = PartitionValues(partition.map { (column: $0.0, value: $0.1) })
        return try FilePredicate(condition, metadata: metadata(), now: Timestamp(milliseconds: 0)).mayMatch(file)
    }

    /// Statistics of one column in a file of ten rows.
    private static func bounds(_ column: String, _ low: String?, _ high: String?, nulls: Int? = 0) -> String {
        func side(_ name: String, _ value: String?) -> String { value.map { #","\#(name)":{"\#(column)":\#($0)}"# } ?? "" }
        return #"{"numRecords":10"# + side("minValues", low) + side("maxValues", high) + side("nullCount", nulls.map { "\($0)" }) + "}"
    }

    static let ofBounds: [(String, String, Bool)] = {
        let id = bounds("id", "5", "9")
        let same = bounds("id", "5", "5")
        let price = bounds("price", "1.5", "2.5")
        let zero = bounds("price", "-0.0", "0.0")
        return [
            ("id = 5", id, true), ("id = 9", id, true), ("id = 4", id, false), ("id = 10", id, false), ("id < 5", id, false), ("id <= 5", id, true),
            ("id > 9", id, false), ("id >= 9", id, true), ("10 < id", id, false), ("id != 5", id, true), ("id != 5", same, false), ("NOT id = 5", same, false),
            ("id IN (1, 2, 11)", id, false), ("id IN (1, 7)", id, true), ("id BETWEEN 10 AND 20", id, false), ("id BETWEEN 9 AND 20", id, true),
            ("id = 4 OR id = 10", id, false), ("id = 4 OR id = 6", id, true), ("id > 4 AND id < 5", id, false), ("id = NULL", id, false),
            ("id + 1 = 100", id, true), ("id IS NULL", id, false), ("id IS NOT NULL", id, true), ("id <=> NULL", id, false), ("id <=> 4", id, false),
            // Doubles: a NaN is above all numbers and may be in a file whose bounds do not show it.
            ("price = 1.0D", price, false), ("price = 2.0D", price, true), ("price < 1.5D", price, false), ("price > 3.0D", price, true),
            ("price >= 3.0D", price, true), ("price != 1.5D", bounds("price", "1.5", "1.5"), true), ("price = CAST('NaN' AS DOUBLE)", price, true),
            ("price > 3.0D", bounds("price", "1.5", "2.5", nulls: 10), false), ("price = 0.0D", zero, true), ("price < 0.0D", zero, false),
            ("price < -1.0D", bounds("price", "\"NaN\"", "\"NaN\""), true), ("price = 5.0D", bounds("price", "\"-Infinity\"", "\"Infinity\""), true),
            ("ratio = CAST('0.1' AS FLOAT)", bounds("ratio", "0.1", "0.1"), true),
            ("ratio < CAST('0.1' AS FLOAT)", bounds("ratio", "0.10000000149011612", "0.2"), false),
            // Moments are cut to milliseconds, the maximum too by Spark.
            ("at = TIMESTAMP'2024-01-01T00:00:00.123999Z'", bounds("at", #""2024-01-01T00:00:00.000Z""#, #""2024-01-01T00:00:00.123Z""#), true),
            ("at > TIMESTAMP'2024-01-01T00:00:00.123998Z'", bounds("at", #""2024-01-01T00:00:00.000Z""#, #""2024-01-01T00:00:00.123Z""#), true),
            ("at >= TIMESTAMP'2024-01-01T00:00:00.124Z'", bounds("at", #""2024-01-01T00:00:00.000Z""#, #""2024-01-01T00:00:00.123Z""#), false),
            ("at < TIMESTAMP'2024-01-01T00:00:00Z'", bounds("at", #""2024-01-01T00:00:00.000Z""#, #""2024-01-01T00:00:00.123Z""#), false),
            ("day = DATE'2024-01-02'", bounds("day", #""2024-01-01""#, #""2024-01-02""#), true),
            ("day > DATE'2024-01-02'", bounds("day", #""2024-01-01""#, #""2024-01-02""#), false), ("flag", bounds("flag", "false", "false"), false),
            ("NOT flag", bounds("flag", "false", "true"), true), ("raw = CAST('a' AS BINARY)", bounds("raw", "\"b\"", "\"c\""), true),
            // A decimal that went through a double on its way.
            ("amount > 123456789012345678.90", bounds("amount", "1", "123456789012345680"), true),
            ("amount = 123456789012345678.93", bounds("amount", "1", "123456789012345670"), true), ("amount > 300.00", bounds("amount", "1", "2.50"), false),
            ("amount > 900000000000000000.00", bounds("amount", "1", "123456789012345670"), false),
        ]
    }()

    @Test(arguments: ofBounds) func boundsLeaveOutWhatTheyCan(condition: String, stats: String, expected: Bool) throws {
        #expect(try Self.mayMatch(condition, stats: stats) == expected)
    }

    /// 32 characters or more may have been cut, the maximum with or without a character that makes up for it.
    @Test func textThatMayHaveBeenCut() throws {
        let prefix = String(repeating: "m", count: 32)
        for high in [prefix, prefix + "\u{7F}", prefix + "\u{FFFD}", prefix + "\u{10FFFF}", prefix + "mm"] {
            let stats = Self.bounds("name", "\"\(prefix)\"", "\"\(high)\"")
            #expect(try Self.mayMatch("name = '\(prefix)zebra'", stats: stats))
            #expect(try Self.mayMatch("name > '\(prefix)\u{1F600}'", stats: stats))
            #expect(try Self.mayMatch("name = '\(prefix)'", stats: stats))
            #expect(try !Self.mayMatch("name = 'n'", stats: stats))
            #expect(try !Self.mayMatch("name < 'm'", stats: stats))
            #expect(try Self.mayMatch("name != '\(prefix)'", stats: stats) || high == prefix)
        }
        let whole = Self.bounds("name", "\"a\"", "\"m\"")
        #expect(try !Self.mayMatch("name = 'ma'", stats: whole))
        #expect(try !Self.mayMatch("name LIKE 'n%'", stats: whole))
        #expect(try Self.mayMatch("name LIKE 'b%'", stats: whole))
        // By bytes, not by how characters look.
        #expect(try Self.mayMatch("name = 'e\u{301}'", stats: Self.bounds("name", "\"e\"", "\"z\"")))
        #expect(try !Self.mayMatch("name = '\u{E9}'", stats: Self.bounds("name", "\"e\"", "\"z\"")))
    }

    static let ofNulls: [(String, Int?, Bool)] = [
        ("id IS NULL", nil, true), ("id IS NULL", 0, false), ("id IS NULL", 1, true), ("id IS NOT NULL", 10, false), ("id IS NOT NULL", 9, true),
        ("id IS NOT NULL", nil, true), ("id = 1", 10, false), ("id != 1", 10, false), ("id = 1", 9, true), ("id <=> 1", 10, false),
        ("NOT (id <=> 1)", 10, true), ("id = 1 OR id IS NULL", 10, true),
    ]

    @Test(arguments: ofNulls) func nullCountsAreAnswers(condition: String, nulls: Int?, expected: Bool) throws {
        #expect(try Self.mayMatch(condition, stats: Self.bounds("id", nil, nil, nulls: nulls)) == expected)
    }

    /// What cannot be read as the column's type says nothing; a file without rows has none that match.
    static let odd: [(String?, Bool)] = [
        (nil, true), ("", true), ("{", true), ("[]", true), ("{}", true), (#"{"numRecords":0}"#, false), (#"{"numRecords":-1}"#, true),
        (#"{"numRecords":10,"minValues":{"ID":7}}"#, true), (#"{"numRecords":10,"minValues":{"id":"7"},"maxValues":{"id":"8"}}"#, true),
        (#"{"numRecords":10,"minValues":[7],"maxValues":7}"#, true), (#"{"numRecords":10,"minValues":{"id":7.5}}"#, true),
        (#"{"numRecords":10,"minValues":{"id":null},"maxValues":{"id":4}}"#, false), (#"{"numRecords":10,"minValues":{"id":6}}"#, false),
        (#"{"numRecords":10,"minValues":{"id":99999999999999999999}}"#, true), (#"{"numRecords":10,"nullCount":{"id":-1}}"#, true),
        (#"{"numRecords":10,"minValues":{"id":4,"id":6}}"#, false),
    ]

    @Test(arguments: odd) func oddStatisticsSayNothing(stats: String?, expected: Bool) throws {
        #expect(try Self.mayMatch("id = 5", stats: stats) == expected)
    }

    static let ofPartitions: [(String, [(String, String?)], Bool)] = [
        ("part = 'a'", [("part", "a")], true), ("part = 'a'", [("part", "b")], false), ("part = 'a'", [("part", nil)], false),
        ("part = 'a'", [("part", "")], false), ("part IS NULL", [("part", "")], true), ("part IS NULL", [("part", "a")], false), ("part = 'a'", [], true),
        ("part = 'a' AND id = 1", [("part", "b")], false), ("part != 'a'", [("part", "a")], false),
        ("hour = TIMESTAMP'2024-01-01T00:00:00Z'", [("hour", "2024-01-01T00:00:00Z")], true),
        ("hour = TIMESTAMP'2024-01-01T01:00:00Z'", [("hour", "2024-01-01T00:00:00Z")], false),
        // In the zone of who wrote it.
        ("hour = TIMESTAMP'2024-01-01T01:00:00Z'", [("hour", "2024-01-01 00:00:00")], true), ("hour = TIMESTAMP'2024-01-01T01:00:00Z'", [("hour", "x")], true),
    ]

    @Test(arguments: ofPartitions) func partitionValuesAreExact(condition: String, values: [(String, String?)], expected: Bool) throws {
        #expect(try Self.mayMatch(condition, stats: nil, partition: values) == expected)
    }

    /// Under column mapping the log has the columns' physical names.
    @Test func mappedColumnsAreLookedUpByTheirPhysicalNames() throws {
        var metadata = TableMetadata(
            id: "x",
            schema: Schema([
                Field("id", .long, metadata: ["delta.columnMapping.physicalName": "col-1", "delta.columnMapping.id": 1]),
                Field("part", .string, metadata: ["delta.columnMapping.physicalName": "col-2", "delta.columnMapping.id": 2]),
            ]))
        metadata.partitionColumns = ["part"]
        metadata.configuration = ["delta.columnMapping.mode": "name"]
        var file = LogFixture.file("f")
        file.stats = #"{"numRecords":1,"minValues":{"col-1":7,"id":1},"maxValues":{"col-1":7,"id":1}}"#
        file.partitionValues = PartitionValues([(column: "col-2", value: "a")])
        func mayMatch(_ condition: String) throws -> Bool {
            try FilePredicate(condition, metadata: metadata, now: Timestamp(milliseconds: 0)).mayMatch(file)
        }
        #expect(try mayMatch("id = 7 AND part = 'a'"))
        #expect(try !mayMatch("id = 1"))
        #expect(try !mayMatch("part = 'b'"))
    }

    @Test func aConditionOnNoColumnOfTheTableIsRefused() {
        #expect(throws: DeltaError.self) { try FilePredicate("nope = 1", metadata: Self.metadata(), now: Timestamp(milliseconds: 0)) }
        #expect(throws: DeltaError.self) { try FilePredicate("id +", metadata: Self.metadata(), now: Timestamp(milliseconds: 0)) }
    }

    /// Random rows: a file that is left out has no row that matches, one that is said to match as a whole has no other, whatever Levee's own statistics of
    /// it say.
    @Test(arguments: 0..<6) func whatIsSaidOfAFileIsTrueOfItsRows(seed: Int) throws {
        let random = SeededRandomSource(seed: UInt64(seed))
        let fields = [Field("id", .long), Field("price", .double), Field("name", .string), Field("at", .timestamp)]
        let metadata = TableMetadata(id: "x", schema: Schema(fields))
        let letters = ["a", "b", "\u{E9}", "\u{FFFD}", "\u{1F600}", "\u{7F}"]
        func text() -> String { (0..<[1, 2, 31, 32, 33, 40][random.integer(below: 6)]).map { _ in letters[random.integer(below: 6)] }.joined() }
        func value(_ column: Int) -> Scalar? {
            if random.integer(below: 6) == 0 { return nil }
            switch column {
            case 0: return .integer(Int64(random.integer(below: 20)))
            case 1: return .double([.nan, -0.0, 0, 1.5, -2.5, .infinity, -.infinity][random.integer(below: 7)])
            case 2: return .string(text())
            default: return .timestamp(Int64(random.integer(below: 5000)))
            }
        }
        func literal(_ value: Scalar) -> String {
            switch value {
            case let .integer(value): "\(value)L"
            case let .double(value): "CAST('\(value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : "\(value)")' AS DOUBLE)"
            case let .string(text): "'\(text)'"
            case let .timestamp(micros): "TIMESTAMP'\(DateTimeText.timestamp(micros, fraction: .microseconds))Z'"
            default: "NULL"
            }
        }
        var leftOut = 0
        var taken = 0
        for round in 0..<150 {
            let rows = (0..<(1 + random.integer(below: 4))).map { _ in (0..<4).map(value) }
            var leaves: [[String]: LeafStatistics] = [:]
            for (column, field) in fields.enumerated() {
                let values = rows.compactMap { $0[column] }
                let numbers = values.filter { if case let .double(value) = $0 { !value.isNaN } else { true } }
                leaves[[field.name]] = LeafStatistics(
                    minimum: numbers.min { Scalar.compare($0, $1) == .ascending }, maximum: numbers.max { Scalar.compare($0, $1) == .ascending },
                    nullCount: Int64(rows.count - values.count), hasNaN: numbers.count < values.count)
            }
            var file = LogFixture.file("f")
            file.stats = FileStatistics(rowCount: Int64(rows.count), leaves: leaves).json(
                fields: fields, columns: StatisticsColumns(dataFields: fields, configuration: [:]))
            for _ in 0..<8 {
                let column = random.integer(below: 4)
                let operand = value(column).map(literal) ?? "NULL"
                let name = fields[column].name
                let condition = [
                    "\(name) = \(operand)", "\(name) < \(operand)", "\(name) <= \(operand)", "\(name) > \(operand)", "\(name) >= \(operand)",
                    "\(name) != \(operand)", "\(name) <=> \(operand)", "NOT (\(name) <=> \(operand))", "\(name) IS NULL", "\(name) IS NOT NULL",
                ][random.integer(below: 10)]
                let bound = try Expression.parse(condition).bindCondition(to: fields, now: Timestamp(milliseconds: 0))
                let predicate = FilePredicate(bound, metadata: metadata)
                if predicate.matchesAll(file) {
                    taken += 1
                    for row in rows { #expect(try bound.matches { row[$0] }, "seed \(seed), round \(round): \(condition) of \(row), \(file.stats ?? "")") }
                }
                guard !predicate.mayMatch(file) else { continue }
                leftOut += 1
                for row in rows { #expect(try !bound.matches { row[$0] }, "seed \(seed), round \(round): \(condition) of \(row), \(file.stats ?? "")") }
            }
        }
        #expect(leftOut > 100 && taken > 50, "seed \(seed): \(leftOut) left out, \(taken) taken")
    }
}
