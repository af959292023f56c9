import Columnar

/// An expression as written: names not yet looked up, types not yet known.
struct Syntax: Sendable {
    indirect enum Node: Sendable {
        case literal(Literal)
        /// A column by its parts: `a.b` is a struct's field or a table's column, which the binder tells apart.
        case column([String])
        case unary(UnaryOperator, Syntax)
        /// AND or OR of two or more: one level, however many there are.
        case junction(Junction, [Syntax])
        case binary(BinaryOperator, Syntax, Syntax)
        case inList(Syntax, [Syntax], negated: Bool)
        case between(Syntax, low: Syntax, high: Syntax, negated: Bool)
        case like(Syntax, pattern: Syntax, caseInsensitive: Bool, negated: Bool)
        /// `IS [NOT] NULL`, `TRUE`, `FALSE`.
        case test(Syntax, Test, negated: Bool)
        case cast(Syntax, DataType, orNull: Bool)
        /// With a subject, the conditions are values that it is compared to.
        case conditional(subject: Syntax?, [(condition: Syntax, result: Syntax)], otherwise: Syntax?)
        case call(String, [Syntax])
    }

    enum Literal: Sendable {
        case null
        case bool(Bool)
        case integer(String)
        case decimal(String)
        case double(String)
        case string(String)
        case date(String)
        case timestamp(String)
        case timestampNTZ(String)
        case interval(Interval)
    }

    enum UnaryOperator: Sendable { case not, minus, plus }

    enum Junction: Sendable { case and, or }

    enum BinaryOperator: String, Sendable {
        case equal = "="
        case nullSafeEqual = "<=>"
        case notEqual = "<>"
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case plus = "+"
        case minus = "-"
        case times = "*"
        case divided = "/"
        case modulo = "%"
    }

    enum Test: Sendable { case null, isTrue, isFalse }

    let node: Node
    let range: Range<Int>
    /// How many levels of operators there are; whoever walks the tree recurses that deep.
    let depth: Int

    init(node: Node, range: Range<Int>) {
        self.node = node
        self.range = range
        depth = node.operandDepth + 1
    }
}

extension Syntax.Node {
    fileprivate var operandDepth: Int {
        switch self {
        case .literal, .column: 0
        case let .unary(_, operand), let .test(operand, _, _), let .cast(operand, _, _): operand.depth
        case let .binary(_, left, right): max(left.depth, right.depth)
        case let .like(operand, pattern, _, _): max(operand.depth, pattern.depth)
        case let .between(operand, low, high, _): max(operand.depth, low.depth, high.depth)
        case let .inList(operand, items, _): items.reduce(operand.depth) { max($0, $1.depth) }
        case let .junction(_, operands), let .call(_, operands): operands.reduce(0) { max($0, $1.depth) }
        case let .conditional(subject, branches, otherwise):
            branches.reduce(max(subject?.depth ?? 0, otherwise?.depth ?? 0)) { max($0, $1.condition.depth, $1.result.depth) }
        }
    }
}

/// A calendar interval: months, days and microseconds are kept apart, since a month has no fixed number of days.
struct Interval: Hashable, Sendable {
    var months: Int64 = 0
    var days: Int64 = 0
    var microseconds: Int64 = 0

    /// Adds `amount` of a unit of Spark's (`DAY` or `DAYS` and so on); false for an unknown unit or an overflow.
    mutating func add(_ amount: Int64, unit: String) -> Bool {
        var unit = unit.uppercased()
        if unit.hasSuffix("S"), unit.utf8.count > 3 { unit.removeLast() }
        let scales: [String: (field: WritableKeyPath<Interval, Int64>, factor: Int64)] = [
            "YEAR": (\.months, 12), "QUARTER": (\.months, 3), "MONTH": (\.months, 1), "WEEK": (\.days, 7), "DAY": (\.days, 1),
            "HOUR": (\.microseconds, 3_600_000_000), "MINUTE": (\.microseconds, 60_000_000), "SECOND": (\.microseconds, 1_000_000),
            "MILLISECOND": (\.microseconds, 1000), "MICROSECOND": (\.microseconds, 1),
        ]
        guard let scale = scales[unit] else { return false }
        let (product, overflow) = amount.multipliedReportingOverflow(by: scale.factor)
        let (sum, overflowed) = self[keyPath: scale.field].addingReportingOverflow(product)
        if overflow || overflowed { return false }
        self[keyPath: scale.field] = sum
        return true
    }

    /// The interval backwards; nil where a part is Int64's least value.
    var negated: Interval? {
        guard months != .min, days != .min, microseconds != .min else { return nil }
        return Interval(months: -months, days: -days, microseconds: -microseconds)
    }
}
