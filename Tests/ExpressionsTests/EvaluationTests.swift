import Base
import Columnar
import Testing

@testable import Expressions

/// 2026-11-21T10:30:00Z.
private let now = Timestamp(microseconds: 1_795_257_000_000_000)

private let fields = [
    Field("order_date", .date), Field("region", .string), Field("amount", .decimal(precision: 10, scale: 2)), Field("items", .integer),
    Field("weight", .double), Field("paid", .boolean), Field("created at", .timestamp), Field("missing", .long),
]

/// 2026-11-20, 'eu-west', 12.50, 7, 1.5, true, 2026-11-20 08:15:30.25, NULL.
private let row: [Scalar?] = [
    .date(20777), .string("eu-west"), .decimal(1250, scale: 2), .integer(7), .double(1.5), .bool(true), .timestamp(1_795_162_530_250_000), nil,
]

private func value(of source: String) throws -> Scalar? {
    try Expression.parse(source).bind(to: fields, now: now).evaluate { row[$0] }
}

private func message(of source: String) -> String {
    do {
        let result = try value(of: source)
        return "no error: \(String(describing: result))"
    } catch {
        return "\(error)"
    }
}

@Suite struct EvaluationTests {
    @Test(arguments: [
        // Comparison and implicit casts.
        ("items = 7", true), ("items <> 7", false), ("items != 8", true), ("items >= 7.0", true), ("amount = 12.5", true), ("amount > 12", true),
        ("weight < 2", true), ("region = 'eu-west'", true), ("region < 'eu-x'", true), ("order_date = '2026-11-20'", true),
        ("order_date >= DATE '2026-11-20'", true), ("order_date < current_date()", true), ("order_date < CURRENT_DATE", true),
        ("`created at` > order_date", true), ("`created at` = '2026-11-20T08:15:30.25Z'", true), ("ITEMS == 7", true), ("paid", true), ("NOT paid", false),
        // Intervals.
        ("order_date >= current_date() - INTERVAL 7 DAYS", true), ("order_date >= current_date() - INTERVAL '1' DAY", true),
        ("order_date > current_date() - INTERVAL 1 DAY", false), ("`created at` > current_timestamp() - INTERVAL 1 DAY 3 HOURS", true),
        ("DATE '2024-03-31' - INTERVAL 1 MONTH = DATE '2024-02-29'", true), ("DATE '2024-01-01' + INTERVAL 90 MINUTES = TIMESTAMP '2024-01-01 01:30'", true),
        // Sets, ranges, patterns.
        ("region IN ('us', 'eu-west')", true), ("items NOT IN (1, 2)", true), ("items IN (7, NULL)", true), ("items BETWEEN 7 AND 9", true),
        ("items NOT BETWEEN 7 AND 9", false), ("region LIKE 'eu-%'", true), ("region LIKE 'EU_west'", false), ("region ILIKE 'EU_west'", true),
        ("region NOT LIKE '%east'", true), ("'50%' LIKE '50\\%'", true), ("'500' LIKE '50\\%'", false),
        // Nulls that do not make NULL.
        ("missing IS NULL", true), ("missing IS NOT NULL", false), ("missing <=> NULL", true), ("missing <=> 1", false), ("missing = 1 OR paid", true),
        ("missing = 1 AND NOT paid", false), ("(missing = 1) IS TRUE", false), ("(missing = 1) IS NOT FALSE", true), ("missing IS DISTINCT FROM 1", true),
        ("coalesce(missing, items) = 7", true),
        // Arithmetic.
        ("items + 1 = 8", true), ("items / 2 = 3.5D", true), ("items % 4 = 3", true), ("-items = -7", true), ("-amount = -12.5", true),
        ("weight > -2.25", true), ("2 + 3 * 4 = 14", true),
        ("(2 + 3) * 4 = 20", true),
        ("amount * 2 = 25", true), ("amount - 0.5 = 12", true), ("order_date - DATE '2026-11-01' = 19", true), ("order_date + 1 = '2026-11-21'", true),
        // Functions, casts, CASE.
        ("year(order_date) = 2026 AND month(order_date) = 11 AND day(order_date) = 20", true), ("upper(region) = 'EU-WEST'", true),
        ("substring(region, 1, 2) = 'eu'", true), ("substring(region, -4, 4) = 'west'", true), ("date(`created at`) = order_date", true),
        ("CAST('12.345' AS DECIMAL(10,2)) = 12.35", true), ("CAST(1.9 AS INT) = 1", true), ("TRY_CAST('x' AS INT) IS NULL", true),
        ("CASE WHEN items > 5 THEN 'many' ELSE 'few' END = 'many'", true), ("CASE items WHEN 7 THEN 1 END = 1", true), ("hour(`created at`) = 8", true),
    ])
    func conditionHolds(source: String, expected: Bool) throws {
        #expect(try value(of: source) == .bool(expected), "\(source)")
    }

    @Test(arguments: [
        "missing = 1", "missing > items", "NOT (missing = 1)", "missing = 1 AND paid", "missing = 1 OR NOT paid", "items IN (1, NULL)",
        "items NOT IN (1, NULL)",
        "missing BETWEEN 1 AND 2", "NULL = NULL", "missing + 1", "order_date + INTERVAL 1 DAY > NULL", "CASE WHEN missing = 1 THEN 2 END",
    ])
    func nullWhereSQLSaysUnknown(source: String) throws {
        #expect(try value(of: source) == nil, "\(source)")
    }

    @Test(arguments: [
        ("items +", "expected a value, a column or `(`, found the end\n  items +\n         ^"),
        ("itens = 1", "there is no column `itens`"),
        ("items = 'seven'", "'seven' cannot be cast to integer"),
        ("paid > order_date", "boolean and date cannot be compared"),
        ("lowr(region) = 'a'", "there is no function lowr; did you mean lower?"),
        ("items BETWEEN 1", "expected AND, found the end"),
        ("region = 'open", "no closing quote"),
        ("items ? 1", "`?` has no meaning here"),
        ("DATE '2023-02-29' = order_date", "'2023-02-29' is no date"),
        ("items = 1 items", "expected an operator or the end, found `items`"),
        ("1 / 0 = 1", "division by zero"),
        ("9223372036854775807 + 1 > 0", "does not fit the type long"),
        ("INTERVAL 1 FORTNIGHT", "a unit"),
        ("year(order_date, 1) = 1", "takes 1 arguments, not 2"),
    ])
    func errorSaysWhatAndWhere(source: String, expected: String) {
        let message = message(of: source)
        #expect(message.contains(expected), "\(message)")
    }

    @Test func overflowOfAColumnIsAnErrorNotATrap() {
        #expect(message(of: "items * 2147483647 > 0").contains("does not fit the type integer"))
    }

    @Test func caretStandsBelowTheCharacterNotTheByte() {
        #expect(message(of: "'größe' = ?").hasSuffix("\n            ^"))
    }

    @Test func nestingIsBounded() {
        #expect(message(of: String(repeating: "(", count: 1500) + "1" + String(repeating: ")", count: 1500)).contains("nests deeper"))
        #expect(message(of: String(repeating: "- ", count: 1500) + "1").contains("fewer signs"))
        #expect(message(of: Array(repeating: "items = 1", count: 50_000).joined(separator: " OR ")).contains("longer than"))
    }

    @Test func conditionMustBeBoolean() throws {
        let expression = try Expression.parse("items + 1")
        #expect(throws: ExpressionError.self) { try expression.bindCondition(to: fields, now: now) }
    }

    @Test func columnsAreThoseThatAreRead() throws {
        #expect(try Expression.parse("items > 1 AND region = 'x' OR items < 0").bind(to: fields, now: now).columns == [1, 3])
    }

    @Test func batchRowsAreThoseThatMatch() throws {
        let builder = ColumnBuilder(type: .integer)
        for value in [1, 5, nil, 9] as [Int64?] { try builder.append(value.map { Scalar.integer($0) }) }
        let batch = try ColumnBatch(schema: Schema([Field("n", .integer)]), columns: [builder.finish()], rowCount: 4)
        #expect(try Expression.parse("n > 3").bindCondition(to: [Field("n", .integer)], now: now).matchingRows(of: batch) == [1, 3])
    }

    /// Random token soup must end in a value or an error, never a trap. The seed is in the failure's message.
    @Test func randomTextNeverTraps() {
        let pieces = [
            "items", "region", "1", "2.5", "'a'", "(", ")", "+", "-", "*", "/", "%", "AND", "OR", "NOT", "IN", ",", "=", "<", "IS", "NULL", "CASE", "WHEN",
            "THEN",
            "END", "CAST", "AS", "INT", "DATE", "'2024-01-01'", "INTERVAL", "DAY", "LIKE", "BETWEEN", "9223372036854775807", "1e400", "`", ".", "\u{1F600}",
        ]
        let seed: UInt64 = 0x1e5e_e001
        var generator = SplitMix(state: seed)
        for _ in 0..<5000 {
            let source = (0..<(1 + Int(generator.next() % 12))).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }.joined(separator: " ")
            let outcome = message(of: source)
            #expect(!outcome.isEmpty, "seed \(seed): \(source)")
        }
    }
}

private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
