import Base
import Columnar
import Expressions
import Testing

@Suite struct HostileInputTests {
    private let fields = [Field("items", .integer)]

    /// Shapes that make a tree as deep as the text is long, or double their work with each level.
    @Test(arguments: [
        ("items = 1", " OR items = 1", ""), ("items = 1", " AND items = 1", ""), ("1", " + 1", ""), ("items", " = items", ""), ("items", " - items * 1", ""),
        ("items", " IS NULL", ""), ("items", " BETWEEN 1 AND 2", ""), ("items", " IN (1)", ""), ("items IN (1", ", items", ")"),
        ("coalesce(items", ", items", ")"),
        ("CASE", " WHEN items = 1 THEN 1", " END"),
    ])
    func longChainsEndSoon(first: String, next: String, last: String) {
        for count in [90, 99, 120, 500, 800] {
            let source = first + String(repeating: next, count: count) + last
            // Some are of wrong types or too deep; what counts is that there is an end to it.
            guard let bound = try? Expression.parse(source).bind(to: fields, now: Timestamp(microseconds: 0)) else { continue }
            _ = try? bound.evaluate { _ in .integer(2) }
        }
    }

    @Test(arguments: [
        ("(", "items = 1", " BETWEEN false AND true)"), ("CASE ", "items", " WHEN 1 THEN 1 WHEN 2 THEN 2 END"), ("coalesce(", "items", ", 1)"),
        ("NOT (", "items = 1", ")"), ("CAST(", "items", " AS INT)"),
    ])
    func nestingTakesLinearTime(open: String, inner: String, close: String) throws {
        for depth in [20, 45] {
            let source = String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)
            guard let bound = try? Expression.parse(source).bind(to: fields, now: Timestamp(microseconds: 0)) else { continue }
            _ = try? bound.evaluate { _ in .integer(2) }
        }
    }

    @Test func hundredsOfAlternativesAreFine() throws {
        let source = (0..<800).map { "items = \($0)" }.joined(separator: " OR ")
        let bound = try Expression.parse(source).bind(to: fields, now: Timestamp(microseconds: 0))
        #expect(try bound.evaluate { _ in .integer(799) } == .bool(true))
        #expect(try bound.evaluate { _ in .integer(800) } == .bool(false))
        #expect(try bound.evaluate { _ in nil } == nil)
    }

    @Test(arguments: [
        "\u{0}", "'\u{0}'", "`", "'", "\"", "\\", "/*", "--", ";", "items;drop", "1..2", "1e", "1e999999999999", "0x1F", "${x}", ":x", "?", "'a' 'b'",
        "CAST(1 AS DECIMAL(99,2))", "CAST(1 AS DECIMAL(5,9))", "\u{FEFF}1", "items = ９",
    ])
    func oddTextIsAnErrorOrAnExpression(source: String) {
        _ = try? Expression.parse(source).bind(to: fields, now: Timestamp(microseconds: 0)).evaluate { _ in nil }
    }

    @Test func everyTruncationIsAnErrorOrAnExpression() {
        let source =
            "CASE WHEN `items` NOT BETWEEN -1 AND 2.5e3 THEN CAST('x\\'y' AS DECIMAL(10,2)) ELSE -items + INTERVAL '1 day 2 hours' END IS NOT DISTINCT FROM DATE '2024-01-01'"
        for length in 0...source.utf8.count {
            _ = try? Expression.parse(String(decoding: Array(source.utf8.prefix(length)), as: UTF8.self)).bind(to: fields, now: Timestamp(microseconds: 0))
        }
    }
}
