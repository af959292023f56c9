import Base
import Columnar
import TestSupport
import Testing

@testable import Expressions

private let fields = [
    Field("a", .integer), Field("b", .long), Field("s", .string), Field("d", .decimal(precision: 10, scale: 2)), Field("f", .double), Field("t", .date),
    Field("p", .boolean),
]
private let now = Timestamp(microseconds: 1_795_257_000_000_000)

private func implied(_ source: String) throws -> ColumnCondition<Int> {
    try Expression.parse(source).bindCondition(to: fields, now: now).implied
}

@Suite struct ImpliedConditionTests {
    private static let never = ColumnCondition<Int>.never

    @Test(
        arguments: [
            ("a > 5", .comparison(column: 0, .greater, .integer(5))), ("5 > a", .comparison(column: 0, .less, .integer(5))),
            ("NOT a > 5", .comparison(column: 0, .lessOrEqual, .integer(5))), ("NOT (a = 5)", .comparison(column: 0, .notEqual, .integer(5))),
            // Casts that change no value are not in the way; others are.
            ("a = 5000000000", .comparison(column: 0, .equal, .integer(5_000_000_000))),
            ("d = 7", .comparison(column: 3, .equal, .decimal(700, scale: 2))), ("d >= 0.5", .comparison(column: 3, .greaterOrEqual, .decimal(50, scale: 2))),
            ("CAST(d AS INT) = 7", .unknown), ("a = 1.5", .unknown), ("a + 1 = 2", .unknown), ("a = b", .unknown), ("upper(s) = 'X'", .unknown),
            ("t = '2024-01-01'", .comparison(column: 5, .equal, .date(19723))), ("f < 1.5", .comparison(column: 4, .less, .double(1.5))),
            ("a = NULL", never), ("NOT (a = NULL)", never), ("1 = 1", .all([])), ("1 = 2", never), ("NULL", never),
            ("p", .comparison(column: 6, .equal, .bool(true))), ("NOT p", .comparison(column: 6, .equal, .bool(false))),
            ("p IS TRUE", .comparison(column: 6, .equal, .bool(true))), ("p IS NOT TRUE", .unknown),
            ("a IS NULL", .isNull(column: 0)), ("a IS NOT NULL", .isNotNull(column: 0)), ("a <=> NULL", .isNull(column: 0)),
            ("a <=> 3", .comparison(column: 0, .equal, .integer(3))),
            ("NOT (a <=> 3)", .any([.isNull(column: 0), .comparison(column: 0, .notEqual, .integer(3))])),
            ("a > 1 AND upper(s) = 'X'", .all([.comparison(column: 0, .greater, .integer(1)), .unknown])),
            ("NOT (a > 1 OR s = 'x')", .all([.comparison(column: 0, .lessOrEqual, .integer(1)), .comparison(column: 2, .notEqual, .string("x"))])),
            ("a BETWEEN 1 AND 3", .all([.comparison(column: 0, .greaterOrEqual, .integer(1)), .comparison(column: 0, .lessOrEqual, .integer(3))])),
            ("a NOT BETWEEN 1 AND 3", .any([.comparison(column: 0, .less, .integer(1)), .comparison(column: 0, .greater, .integer(3))])),
            ("a IN (4)", .oneOf(column: 0, [.integer(4)])), ("a IN (4, NULL)", .oneOf(column: 0, [.integer(4)])),
            ("a NOT IN (4)", .all([.comparison(column: 0, .notEqual, .integer(4))])), ("a NOT IN (4, NULL)", never), ("a IN (4, b)", .unknown),
            ("s LIKE 'ab%c'", .all([.comparison(column: 2, .greaterOrEqual, .string("ab")), .comparison(column: 2, .less, .string("ac"))])),
            ("s LIKE 'a\\\\_b%'", .all([.comparison(column: 2, .greaterOrEqual, .string("a_b")), .comparison(column: 2, .less, .string("a_c"))])),
            ("s LIKE '\u{10FFFF}%'", .comparison(column: 2, .greaterOrEqual, .string("\u{10FFFF}"))),
            ("s LIKE '\u{D7FF}%'", .all([.comparison(column: 2, .greaterOrEqual, .string("\u{D7FF}")), .comparison(column: 2, .less, .string("\u{E000}"))])),
            ("s LIKE '%a'", .isNotNull(column: 2)), ("s NOT LIKE 'a%'", .unknown), ("s ILIKE 'a%'", .unknown),
        ] as [(String, ColumnCondition<Int>)])
    func whatAConditionImplies(source: String, expected: ColumnCondition<Int>) throws {
        #expect(try implied(source) == expected)
    }

    /// Where a random condition is true of a random row, what it implies holds; where it is not, what it implies then. A batch says what its rows say.
    @Test func whatIsImpliedHoldsOfEveryRowThatMatches() throws {
        let seed: UInt64 = 20_261_121
        let random = SeededRandomSource(seed: seed)
        var matched = 0
        var ruledOut = 0
        var proven = 0
        for round in 0..<3000 {
            let source = Self.condition(random, depth: 3)
            let bound = try Expression.parse(source).bindCondition(to: fields, now: now)
            let rows = (0..<10).map { _ in Self.row(random) }
            var matching: [Int] = []
            for (place, row) in rows.enumerated() {
                let holds = Self.holds(bound.implied, row)
                let mayFail = Self.holds(bound.impliedWhereNotTrue, row)
                if try bound.matches({ row[$0] }) {
                    matched += 1
                    matching.append(place)
                    #expect(holds, "seed \(seed), round \(round): \(source) of \(row)")
                    if !mayFail { proven += 1 }
                } else {
                    if !holds { ruledOut += 1 }
                    #expect(mayFail, "seed \(seed), round \(round): \(source) of \(row)")
                }
            }
            let dictionaries = random.integer(below: 2) == 0
            #expect(
                try bound.matchingRows(of: Self.batch(rows, dictionaries: dictionaries)) == matching,
                "seed \(seed), round \(round): \(source) of a batch, dictionaries \(dictionaries)")
        }
        // All of it happens often, or nothing is tested.
        #expect(matched > 3000 && ruledOut > 3000 && proven > 2000, "seed \(seed): \(matched) matched, \(ruledOut) ruled out, \(proven) proven")
    }

    private static func holds(_ condition: ColumnCondition<Int>, _ row: [Scalar?]) -> Bool {
        switch condition {
        case .unknown: true
        case let .all(parts): parts.allSatisfy { holds($0, row) }
        case let .any(parts): parts.contains { holds($0, row) }
        case let .isNull(column): row[column] == nil
        case let .isNotNull(column): row[column] != nil
        case let .oneOf(column, values): row[column].map(values.contains) ?? false
        case let .comparison(column, comparison, value): row[column].flatMap { Scalar.compare($0, value) }.map(comparison.holds) ?? false
        }
    }

    private static func batch(_ rows: [[Scalar?]], dictionaries: Bool) throws -> ColumnBatch {
        var columns: [Column] = []
        for (place, field) in fields.enumerated() {
            let builder = ColumnBuilder(type: field.type)
            for row in rows { try builder.append(row[place]) }
            let column = builder.finish()
            guard dictionaries, field.type != .boolean else {
                columns.append(column)
                continue
            }
            // Every value a dictionary entry of its own, nulls pointing at the first.
            let entries = ColumnBuilder(type: field.type)
            var codes: [Int32] = []
            for row in rows {
                codes.append(row[place] == nil ? 0 : Int32(entries.count))
                if let value = row[place] { try entries.append(value) }
            }
            let dictionary = entries.finish()
            let bytes = codes.withUnsafeBytes { Bytes(copying: $0) }
            columns.append(
                dictionary.count == 0
                    ? column
                    : try Column(type: field.type, count: rows.count, validity: column.validity, values: .dictionary(codes: bytes, dictionary: dictionary)))
        }
        return try ColumnBatch(schema: Schema(fields), columns: columns, rowCount: rows.count)
    }

    private static func row(_ random: any RandomSource) -> [Scalar?] {
        let values: [Scalar] = [
            .integer(Int64(random.integer(below: 5))), .integer(Int64(random.integer(below: 5))), .string(["", "a", "ab", "b"][random.integer(below: 4)]),
            .decimal(Int128(random.integer(below: 5)) * 50, scale: 2), .double([0, -0.0, 1, 2.5, .nan][random.integer(below: 5)]),
            .date(Int32(19723 + random.integer(below: 3))), .bool(random.integer(below: 2) == 0),
        ]
        return values.map { random.integer(below: 5) == 0 ? nil : $0 }
    }

    private static func condition(_ random: any RandomSource, depth: Int) -> String {
        func pick(_ choices: [String]) -> String { choices[random.integer(below: choices.count)] }
        if depth > 0, random.integer(below: 3) > 0 {
            let left = condition(random, depth: depth - 1)
            if random.integer(below: 4) == 0 { return "NOT (\(left))" }
            return "(\(left)) \(pick(["AND", "OR"])) (\(condition(random, depth: depth - 1)))"
        }
        let (column, literals) = [
            ("a", ["0", "1", "3", "NULL", "b"]), ("b", ["1", "2", "4", "a + 1"]), ("s", ["''", "'a'", "'ab'", "NULL"]), ("d", ["0", "0.5", "1", "1.50"]),
            ("f", ["0", "1.0D", "2.5", "CAST('NaN' AS DOUBLE)"]), ("t", ["'2024-01-01'", "DATE '2024-01-02'"]), ("p", ["TRUE", "FALSE", "NULL"]),
        ][random.integer(below: 7)]
        switch random.integer(below: 8) {
        case 0: return "\(column) IS \(pick(["", "NOT "]))NULL"
        case 1: return "\(column) \(pick(["", "NOT "]))IN (\(pick(literals)), \(pick(literals)))"
        case 2: return "\(column) \(pick(["", "NOT "]))BETWEEN \(pick(literals)) AND \(pick(literals))"
        case 3: return "s \(pick(["LIKE", "NOT LIKE", "ILIKE"])) \(pick(["'a%'", "'%b'", "'a_'", "'ab'", "''"]))"
        case 4: return "p \(pick(["", "IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE"]))"
        case 5: return "\(pick(literals)) \(pick(["=", "<", ">=", "<=>"])) \(column)"
        default: return "\(column) \(pick(["=", "<>", "<", "<=", ">", ">=", "<=>"])) \(pick(literals))"
        }
    }
}
