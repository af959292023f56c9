import Columnar

/// A recursive-descent parser with Spark's precedences: OR, AND, NOT, comparison and predicates, sum, product, sign, primary.
struct Parser {
    /// Deeper nesting is refused: recursion must be bounded on text from outside.
    static let maximumDepth = 100

    private let source: String
    private let tokens: [Token]
    private var index = 0
    private var depth = 0

    /// Longer expressions are refused: nobody writes them by hand.
    static let maximumTokens = 4096

    static func parse(_ source: String) throws(ExpressionError) -> Syntax {
        let tokens = try Lexer.tokens(of: source)
        if tokens.count > maximumTokens {
            throw .syntax(source: "", position: 0, message: "the expression is longer than \(maximumTokens) words and signs")
        }
        var parser = Parser(source: source, tokens: tokens)
        let result = try parser.expression()
        if parser.token.kind != .end { throw parser.unexpected(wanted: "an operator or the end") }
        return result
    }

    private init(source: String, tokens: [Token]) {
        self.source = source
        self.tokens = tokens
    }

    // MARK: Tokens

    private var token: Token { tokens[min(index, tokens.count - 1)] }

    private var end: Int { index > 0 ? tokens[min(index, tokens.count) - 1].range.upperBound : 0 }

    private mutating func take(_ symbol: Token.Symbol) -> Bool {
        guard token.kind == .symbol(symbol) else { return false }
        index += 1
        return true
    }

    private func isKeyword(_ keyword: String, ahead: Int = 0) -> Bool {
        guard index + ahead < tokens.count, case let .word(word) = tokens[index + ahead].kind else { return false }
        return word.uppercased() == keyword
    }

    private mutating func take(keyword: String) -> Bool {
        guard isKeyword(keyword) else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ symbol: Token.Symbol) throws(ExpressionError) {
        if !take(symbol) { throw unexpected(wanted: "`\(symbol.rawValue)`") }
    }

    private mutating func expect(keyword: String) throws(ExpressionError) {
        if !take(keyword: keyword) { throw unexpected(wanted: keyword) }
    }

    private func unexpected(wanted: String) -> ExpressionError {
        .syntax(source: source, position: token.range.lowerBound, message: "expected \(wanted), found \(token.spelling)")
    }

    // MARK: Operators, from the weakest

    private mutating func expression() throws(ExpressionError) -> Syntax {
        depth += 1
        defer { depth -= 1 }
        if depth > Self.maximumDepth {
            throw .syntax(source: source, position: token.range.lowerBound, message: "the expression nests deeper than \(Self.maximumDepth) levels")
        }
        var operands = [try conjunction()]
        while take(keyword: "OR") { operands.append(try conjunction()) }
        return try junction(.or, operands)
    }

    private mutating func conjunction() throws(ExpressionError) -> Syntax {
        var operands = [try negation()]
        while take(keyword: "AND") { operands.append(try negation()) }
        return try junction(.and, operands)
    }

    private func junction(_ kind: Syntax.Junction, _ operands: [Syntax]) throws(ExpressionError) -> Syntax {
        guard operands.count > 1, let last = operands.last else { return operands[0] }
        return try bounded(Syntax(node: .junction(kind, operands), range: operands[0].range.lowerBound..<last.range.upperBound))
    }

    /// Refuses a tree that is too deep to be walked: a chain of operators (`1 + 1 + …`, `x IS NULL IS NULL …`) makes one without any nesting.
    private func bounded(_ syntax: Syntax) throws(ExpressionError) -> Syntax {
        guard syntax.depth <= Self.maximumDepth else {
            throw .syntax(source: source, position: syntax.range.upperBound, message: "the expression nests deeper than \(Self.maximumDepth) levels")
        }
        return syntax
    }

    private mutating func negation() throws(ExpressionError) -> Syntax {
        let start = token.range.lowerBound
        var negations = 0
        while take(keyword: "NOT") || take(.exclamation) { negations += 1 }
        var result = try predicate()
        if !negations.isMultiple(of: 2) { result = try bounded(Syntax(node: .unary(.not, result), range: start..<end)) }
        return result
    }

    private mutating func predicate() throws(ExpressionError) -> Syntax {
        var left = try sum()
        while true {
            if let comparison = takeComparison() {
                left = try binary(comparison, left, try sum())
            } else if take(keyword: "IS") {
                left = try bounded(test(left))
            } else {
                let negated = isKeyword("NOT") && ["IN", "BETWEEN", "LIKE", "ILIKE"].contains { isKeyword($0, ahead: 1) }
                if negated { index += 1 }
                guard let next = try membership(left, negated: negated) else { return left }
                left = try bounded(next)
            }
        }
    }

    private mutating func takeComparison() -> Syntax.BinaryOperator? {
        guard case let .symbol(symbol) = token.kind else { return nil }
        let comparison: Syntax.BinaryOperator
        switch symbol {
        case .equal, .doubleEqual: comparison = .equal
        case .nullSafeEqual: comparison = .nullSafeEqual
        case .notEqual, .lessGreater: comparison = .notEqual
        case .less: comparison = .less
        case .lessOrEqual: comparison = .lessOrEqual
        case .greater: comparison = .greater
        case .greaterOrEqual: comparison = .greaterOrEqual
        default: return nil
        }
        index += 1
        return comparison
    }

    private mutating func test(_ operand: Syntax) throws(ExpressionError) -> Syntax {
        let negated = take(keyword: "NOT")
        let start = operand.range.lowerBound
        if take(keyword: "NULL") { return Syntax(node: .test(operand, .null, negated: negated), range: start..<end) }
        if take(keyword: "TRUE") { return Syntax(node: .test(operand, .isTrue, negated: negated), range: start..<end) }
        if take(keyword: "FALSE") { return Syntax(node: .test(operand, .isFalse, negated: negated), range: start..<end) }
        guard take(keyword: "DISTINCT") else { throw unexpected(wanted: "NULL, TRUE, FALSE or DISTINCT FROM") }
        try expect(keyword: "FROM")
        let same = try binary(.nullSafeEqual, operand, try sum())
        return negated ? same : Syntax(node: .unary(.not, same), range: same.range)
    }

    /// What follows `[NOT]` behind an operand: IN, BETWEEN, LIKE, ILIKE; nil where none does.
    private mutating func membership(_ operand: Syntax, negated: Bool) throws(ExpressionError) -> Syntax? {
        let start = operand.range.lowerBound
        if take(keyword: "IN") {
            try expect(.open)
            var items = [try expression()]
            while take(.comma) { items.append(try expression()) }
            try expect(.close)
            return Syntax(node: .inList(operand, items, negated: negated), range: start..<end)
        }
        if take(keyword: "BETWEEN") {
            let low = try sum()
            try expect(keyword: "AND")
            let high = try sum()
            return Syntax(node: .between(operand, low: low, high: high, negated: negated), range: start..<end)
        }
        for (keyword, caseInsensitive) in [("LIKE", false), ("ILIKE", true)] where take(keyword: keyword) {
            let pattern = try sum()
            return Syntax(node: .like(operand, pattern: pattern, caseInsensitive: caseInsensitive, negated: negated), range: start..<end)
        }
        return nil
    }

    private mutating func sum() throws(ExpressionError) -> Syntax {
        var left = try product()
        while true {
            if take(.plus) {
                left = try binary(.plus, left, try product())
            } else if take(.minus) {
                left = try binary(.minus, left, try product())
            } else {
                return left
            }
        }
    }

    private mutating func product() throws(ExpressionError) -> Syntax {
        var left = try signed()
        while true {
            if take(.times) {
                left = try binary(.times, left, try signed())
            } else if take(.divided) {
                left = try binary(.divided, left, try signed())
            } else if take(.modulo) {
                left = try binary(.modulo, left, try signed())
            } else {
                return left
            }
        }
    }

    private mutating func signed() throws(ExpressionError) -> Syntax {
        let start = token.range.lowerBound
        if take(.minus) {
            depth += 1
            defer { depth -= 1 }
            if depth > Self.maximumDepth { throw unexpected(wanted: "fewer signs") }
            return try bounded(Syntax(node: .unary(.minus, signed()), range: start..<end))
        }
        if take(.plus) {
            depth += 1
            defer { depth -= 1 }
            if depth > Self.maximumDepth { throw unexpected(wanted: "fewer signs") }
            return try bounded(Syntax(node: .unary(.plus, signed()), range: start..<end))
        }
        return try primary()
    }

    private func binary(_ kind: Syntax.BinaryOperator, _ left: Syntax, _ right: Syntax) throws(ExpressionError) -> Syntax {
        try bounded(Syntax(node: .binary(kind, left, right), range: left.range.lowerBound..<right.range.upperBound))
    }

    // MARK: Primaries

    private mutating func primary() throws(ExpressionError) -> Syntax {
        let start = token.range.lowerBound
        let kind = token.kind
        func literal(_ value: Syntax.Literal) -> Syntax {
            index += 1
            return Syntax(node: .literal(value), range: start..<end)
        }
        switch kind {
        case let .integer(text): return literal(.integer(text))
        case let .decimal(text): return literal(.decimal(text))
        case let .double(text): return literal(.double(text))
        case let .string(text): return literal(.string(text))
        case .quotedName: return try column(start)
        case .symbol(.open):
            index += 1
            let inner = try expression()
            try expect(.close)
            return Syntax(node: inner.node, range: start..<end)
        case let .word(word): return try wordPrimary(word, start)
        case .symbol, .end: throw unexpected(wanted: "a value, a column or `(`")
        }
    }

    /// Words that end or join operands; a column of such a name needs back-ticks.
    private static let reserved: Set<String> = [
        "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ILIKE", "IS", "THEN", "WHEN", "ELSE", "END", "FROM", "AS", "DISTINCT",
    ]

    private mutating func wordPrimary(_ word: String, _ start: Int) throws(ExpressionError) -> Syntax {
        let upper = word.uppercased()
        var next: Token.Kind = .end
        if index + 1 < tokens.count { next = tokens[index + 1].kind }
        switch (upper, next) {
        case ("NULL", _): return constant(.null, start)
        case ("TRUE", _): return constant(.bool(true), start)
        case ("FALSE", _): return constant(.bool(false), start)
        case let ("DATE", .string(text)): return typed(.date(text), start)
        case let ("TIMESTAMP", .string(text)): return typed(.timestamp(text), start)
        case let ("TIMESTAMP_NTZ", .string(text)): return typed(.timestampNTZ(text), start)
        case ("INTERVAL", .integer), ("INTERVAL", .string), ("INTERVAL", .symbol(.minus)): return try interval(start)
        case ("CAST", .symbol(.open)), ("TRY_CAST", .symbol(.open)): return try cast(start, orNull: upper == "TRY_CAST")
        case ("CASE", _): return try conditional(start)
        case ("CURRENT_DATE", _) where next != .symbol(.open), ("CURRENT_TIMESTAMP", _) where next != .symbol(.open):
            index += 1
            return Syntax(node: .call(upper, []), range: start..<end)
        case (_, .symbol(.open)) where !Self.reserved.contains(upper): return try call(upper, start)
        default:
            if Self.reserved.contains(upper) { throw unexpected(wanted: "a value, a column or `(`") }
            return try column(start)
        }
    }

    private mutating func constant(_ value: Syntax.Literal, _ start: Int) -> Syntax {
        index += 1
        return Syntax(node: .literal(value), range: start..<end)
    }

    /// `DATE '…'` and its like: two tokens.
    private mutating func typed(_ value: Syntax.Literal, _ start: Int) -> Syntax {
        index += 2
        return Syntax(node: .literal(value), range: start..<end)
    }

    private mutating func column(_ start: Int) throws(ExpressionError) -> Syntax {
        var parts: [String] = []
        repeat {
            switch token.kind {
            case let .word(name), let .quotedName(name): parts.append(name)
            default: throw unexpected(wanted: "a name")
            }
            index += 1
        } while take(.dot)
        return Syntax(node: .column(parts), range: start..<end)
    }

    private mutating func call(_ name: String, _ start: Int) throws(ExpressionError) -> Syntax {
        index += 2
        var arguments: [Syntax] = []
        if !take(.close) {
            repeat { arguments.append(try expression()) } while take(.comma)
            try expect(.close)
        }
        return try bounded(Syntax(node: .call(name, arguments), range: start..<end))
    }

    private mutating func cast(_ start: Int, orNull: Bool) throws(ExpressionError) -> Syntax {
        index += 2
        let operand = try expression()
        try expect(keyword: "AS")
        let type = try typeName()
        try expect(.close)
        return try bounded(Syntax(node: .cast(operand, type, orNull: orNull), range: start..<end))
    }

    private mutating func conditional(_ start: Int) throws(ExpressionError) -> Syntax {
        index += 1
        let subject = isKeyword("WHEN") ? nil : try expression()
        var branches: [(condition: Syntax, result: Syntax)] = []
        while take(keyword: "WHEN") {
            let condition = try expression()
            try expect(keyword: "THEN")
            branches.append((condition: condition, result: try expression()))
        }
        if branches.isEmpty { throw unexpected(wanted: "WHEN") }
        let otherwise = take(keyword: "ELSE") ? try expression() : nil
        try expect(keyword: "END")
        return try bounded(Syntax(node: .conditional(subject: subject, branches, otherwise: otherwise), range: start..<end))
    }

    /// `INTERVAL 7 DAYS`, `INTERVAL '7' DAY`, `INTERVAL '1 day 2 hours'`, and several pairs in a row.
    private mutating func interval(_ start: Int) throws(ExpressionError) -> Syntax {
        index += 1
        var interval = Interval()
        if case let .string(text) = token.kind, case let words = text.split(separator: " "), words.count > 1 {
            let wrong = unexpected(wanted: "an interval such as '7 days'")
            guard words.count.isMultiple(of: 2) else { throw wrong }
            for pair in stride(from: 0, to: words.count, by: 2) {
                guard let amount = Int64(words[pair]), interval.add(amount, unit: String(words[pair + 1])) else { throw wrong }
            }
            index += 1
            return Syntax(node: .literal(.interval(interval)), range: start..<end)
        }
        repeat {
            let negative = take(.minus)
            let digits: String
            switch token.kind {
            case let .integer(text), let .string(text): digits = text
            default: throw unexpected(wanted: "a whole number")
            }
            guard let magnitude = Int64(digits) else { throw unexpected(wanted: "a whole number") }
            index += 1
            guard case let .word(unit) = token.kind, interval.add(negative ? 0 - magnitude : magnitude, unit: unit) else {
                throw unexpected(wanted: "a unit: YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES or SECONDS")
            }
            index += 1
        } while isIntervalPart
        return Syntax(node: .literal(.interval(interval)), range: start..<end)
    }

    /// Whether another `amount unit` pair follows.
    private var isIntervalPart: Bool {
        guard index + 1 < tokens.count, case .integer = token.kind, case let .word(unit) = tokens[index + 1].kind else { return false }
        var probe = Interval()
        return probe.add(0, unit: unit)
    }

    private mutating func typeName() throws(ExpressionError) -> DataType {
        guard case let .word(word) = token.kind else { throw unexpected(wanted: "a type") }
        let flat: [String: DataType] = [
            "BOOLEAN": .boolean, "BYTE": .byte, "TINYINT": .byte, "SHORT": .short, "SMALLINT": .short, "INT": .integer, "INTEGER": .integer,
            "LONG": .long, "BIGINT": .long, "FLOAT": .float, "REAL": .float, "DOUBLE": .double, "STRING": .string, "BINARY": .binary,
            "DATE": .date, "TIMESTAMP": .timestamp, "TIMESTAMP_NTZ": .timestampNTZ,
        ]
        let name = word.uppercased()
        if let type = flat[name] {
            index += 1
            return type
        }
        guard ["DECIMAL", "DEC", "NUMERIC"].contains(name) else { throw unexpected(wanted: "a type such as INT, STRING or DATE") }
        index += 1
        guard take(.open) else { return .decimal(precision: 10, scale: 0) }
        let precision = try typeParameter(DataType.maximumDecimalPrecision, from: 1)
        let scale = take(.comma) ? try typeParameter(precision, from: 0) : 0
        try expect(.close)
        return .decimal(precision: precision, scale: scale)
    }

    private mutating func typeParameter(_ limit: Int, from least: Int) throws(ExpressionError) -> Int {
        guard case let .integer(text) = token.kind, let value = Int(text), (least...max(least, limit)).contains(value) else {
            throw unexpected(wanted: "a number from \(least) to \(limit)")
        }
        index += 1
        return value
    }
}
