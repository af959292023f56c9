import Base
import Columnar

/// Gives every part of an expression its type, finds its columns, adds the casts that Spark adds, and computes what has no column in it.
struct Binder {
    typealias Typed = (node: BoundExpression.Node, type: DataType)

    private let source: String
    private let fields: [Field]
    private let now: Timestamp
    /// Positions of the fields met so far.
    private(set) var columns: Set<Int> = []

    init(source: String, fields: [Field], now: Timestamp) {
        self.source = source
        self.fields = fields
        self.now = now
    }

    mutating func bind(_ syntax: Syntax) throws(ExpressionError) -> Typed {
        let typed = try bindNode(syntax)
        return (try folded(typed.node, syntax), typed.type)
    }

    private func failure(_ syntax: Syntax, _ message: String) -> ExpressionError {
        .binding(source: source, position: syntax.range.lowerBound, message: message)
    }

    /// A part whose operands are all constant becomes its value; an error in it is found now, with its place.
    private func folded(_ node: BoundExpression.Node, _ syntax: Syntax) throws(ExpressionError) -> BoundExpression.Node {
        guard !node.isConstant, node.operandsAreConstant else { return node }
        do {
            return .constant(try node.evaluate { _ in nil })
        } catch {
            throw failure(syntax, error.description)
        }
    }

    private mutating func bindNode(_ syntax: Syntax) throws(ExpressionError) -> Typed {
        switch syntax.node {
        case let .literal(literal): return try bind(literal, syntax)
        case let .column(parts): return try bindColumn(parts, syntax)
        case let .unary(kind, operand): return try bind(kind, operand, syntax)
        case let .junction(kind, operands):
            var bound: [BoundExpression.Node] = []
            for operand in operands { bound.append(try converted(try bind(operand), to: .boolean, operand)) }
            return (kind == .and ? .and(bound) : .or(bound), .boolean)
        case let .binary(kind, left, right): return try bind(kind, left, right, syntax)
        case let .inList(operand, items, negated): return negate(try bindList(operand, items), negated)
        case let .between(operand, low, high, negated):
            let (nodes, _) = try unified([operand, low, high])
            return negate((.between(nodes[0], low: nodes[1], high: nodes[2]), .boolean), negated)
        case let .like(operand, pattern, caseInsensitive, negated):
            let text = try converted(try bind(operand), to: .string, operand)
            let pattern = try converted(try bind(pattern), to: .string, pattern)
            return negate((.like(text, pattern: pattern, caseInsensitive: caseInsensitive), .boolean), negated)
        case let .test(operand, test, negated):
            let bound = try bind(operand)
            switch test {
            case .null: return negate((.isNull(bound.node), .boolean), negated)
            case .isTrue, .isFalse:
                let boolean = try converted(bound, to: .boolean, operand)
                return negate((.isBoolean(boolean, test == .isTrue), .boolean), negated)
            }
        case let .cast(operand, type, orNull):
            let bound = try bind(operand)
            guard Cast.isAllowed(from: bound.type, to: type) else { throw failure(syntax, "cannot cast \(bound.type) to \(type)") }
            return (.cast(bound.node, type, orNull: orNull), type)
        case let .conditional(subject, branches, otherwise): return try bindConditional(subject, branches, otherwise)
        case let .call(name, arguments): return try bindCall(name, arguments, syntax)
        }
    }

    // MARK: Leaves

    private func bind(_ literal: Syntax.Literal, _ syntax: Syntax) throws(ExpressionError) -> Typed {
        switch literal {
        case .null: return (.constant(nil), .null)
        case let .bool(value): return (.constant(.bool(value)), .boolean)
        case let .integer(digits):
            if let value = Int64(digits) { return (.constant(.integer(value)), Int32(exactly: value) == nil ? .long : .integer) }
            return try bindDecimal(digits, syntax)
        case let .decimal(digits): return try bindDecimal(digits, syntax)
        case let .double(digits):
            guard let value = Double(digits) else { throw failure(syntax, "`\(digits)` is no number") }
            return (.constant(.double(value)), .double)
        case let .string(text): return (.constant(.string(text)), .string)
        case let .date(text): return try bindText(text, as: .date, syntax)
        case let .timestamp(text): return try bindText(text, as: .timestamp, syntax)
        case let .timestampNTZ(text): return try bindText(text, as: .timestampNTZ, syntax)
        case .interval: throw failure(syntax, "an interval can only be added to, or subtracted from, a date or a timestamp")
        }
    }

    private func bindText(_ text: String, as type: DataType, _ syntax: Syntax) throws(ExpressionError) -> Typed {
        guard let value = Cast.parse(text, as: type) else { throw failure(syntax, "'\(text)' is no \(type)") }
        return (.constant(value), type)
    }

    private func bindDecimal(_ digits: String, _ syntax: Syntax) throws(ExpressionError) -> Typed {
        guard let (unscaled, scale) = Cast.parseDecimal(digits), scale <= DataType.maximumDecimalPrecision else {
            throw failure(syntax, "`\(digits)` has more than \(DataType.maximumDecimalPrecision) digits")
        }
        let precision = max(String(unscaled.magnitude).utf8.count, scale, 1)
        guard precision <= DataType.maximumDecimalPrecision else {
            throw failure(syntax, "`\(digits)` has more than \(DataType.maximumDecimalPrecision) digits")
        }
        return (.constant(.decimal(unscaled, scale: scale)), .decimal(precision: precision, scale: scale))
    }

    private mutating func bindColumn(_ parts: [String], _ syntax: Syntax) throws(ExpressionError) -> Typed {
        // `table.column` and `column` mean the same here: there is one table. A struct's field is not reached into.
        let name = parts.joined(separator: ".")
        let exact = fields.firstIndex { $0.name == name }
        guard let index = exact ?? fields.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) else {
            let known = fields.isEmpty ? "none can be used here" : "there are " + fields.map { "`\($0.name)`" }.joined(separator: ", ")
            throw failure(syntax, "there is no column `\(name)`; \(known)")
        }
        if fields[index].type.isNested { throw failure(syntax, "the column `\(name)` is of type \(fields[index].type), which cannot be compared") }
        columns.insert(index)
        return (.column(index), fields[index].type)
    }

    // MARK: Operators

    private func negate(_ typed: Typed, _ negated: Bool) -> Typed {
        negated ? (.not(typed.node), .boolean) : typed
    }

    private mutating func bind(_ kind: Syntax.UnaryOperator, _ operand: Syntax, _ syntax: Syntax) throws(ExpressionError) -> Typed {
        switch kind {
        case .not: return (.not(try converted(try bind(operand), to: .boolean, operand)), .boolean)
        case .plus, .minus:
            let bound = try bind(operand)
            guard bound.type.isNumeric || bound.type == .null else { throw failure(syntax, "a sign needs a number, not \(bound.type)") }
            if kind == .plus || bound.type == .null { return bound }
            return (.arithmetic(.minus, .constant(Cast.convert(.integer(0), to: bound.type)), bound.node, bound.type), bound.type)
        }
    }

    private mutating func bind(_ kind: Syntax.BinaryOperator, _ left: Syntax, _ right: Syntax, _ syntax: Syntax) throws(ExpressionError) -> Typed {
        switch kind {
        case .equal: return try compare(.equal, left, right)
        case .notEqual: return try compare(.notEqual, left, right)
        case .less: return try compare(.less, left, right)
        case .lessOrEqual: return try compare(.lessOrEqual, left, right)
        case .greater: return try compare(.greater, left, right)
        case .greaterOrEqual: return try compare(.greaterOrEqual, left, right)
        case .nullSafeEqual:
            let (nodes, _) = try unified([left, right])
            return (.nullSafeEqual(nodes[0], nodes[1]), .boolean)
        case .plus: return try calculate(.plus, left, right, syntax)
        case .minus: return try calculate(.minus, left, right, syntax)
        case .times: return try calculate(.times, left, right, syntax)
        case .divided: return try calculate(.divided, left, right, syntax)
        case .modulo: return try calculate(.modulo, left, right, syntax)
        }
    }

    private mutating func compare(_ comparison: Scalar.Comparison, _ left: Syntax, _ right: Syntax) throws(ExpressionError) -> Typed {
        let (nodes, _) = try unified([left, right])
        return (.compare(comparison, nodes[0], nodes[1]), .boolean)
    }

    /// All parts in the type in which they can be compared. Each is bound once.
    private mutating func unified(_ parts: [Syntax]) throws(ExpressionError) -> (nodes: [BoundExpression.Node], type: DataType) {
        var bound: [(typed: Typed, syntax: Syntax)] = []
        var type = DataType.null
        for part in parts {
            let typed = try bind(part)
            guard let common = type.common(with: typed.type) else {
                throw failure(part, "\(type) and \(typed.type) cannot be compared; cast one of them")
            }
            type = common
            bound.append((typed, part))
        }
        var nodes: [BoundExpression.Node] = []
        for part in bound { nodes.append(try converted(part.typed, to: type, part.syntax)) }
        return (nodes, type)
    }

    private func converted(_ typed: Typed, to type: DataType, _ syntax: Syntax) throws(ExpressionError) -> BoundExpression.Node {
        if typed.type == type || typed.type == .null || typed.type.hasSameValues(in: type) { return typed.node }
        guard Cast.isImplicit(from: typed.type, to: type) else { throw failure(syntax, "expected \(type), found \(typed.type)") }
        return try folded(.cast(typed.node, type, orNull: false), syntax)
    }

    private mutating func bindList(_ operand: Syntax, _ items: [Syntax]) throws(ExpressionError) -> Typed {
        let (nodes, _) = try unified([operand] + items)
        var values: Set<Scalar> = []
        var others: [BoundExpression.Node] = []
        for node in nodes.dropFirst() {
            if case let .constant(value?) = node { values.insert(value) } else { others.append(node) }
        }
        return (.inList(nodes[0], values: values, others: others), .boolean)
    }

    private mutating func calculate(_ kind: BoundExpression.Arithmetic, _ left: Syntax, _ right: Syntax, _ syntax: Syntax) throws(ExpressionError) -> Typed {
        if kind == .plus || kind == .minus {
            if case let .literal(.interval(interval)) = right.node { return try shift(left, by: interval, backwards: kind == .minus, syntax) }
            if kind == .plus, case let .literal(.interval(interval)) = left.node { return try shift(right, by: interval, backwards: false, syntax) }
        }
        let leftTyped = try bind(left)
        let rightTyped = try bind(right)
        if let dates = try dateArithmetic(kind, leftTyped, rightTyped) { return dates }
        guard leftTyped.type.isNumericOrNull, rightTyped.type.isNumericOrNull, let common = leftTyped.type.common(with: rightTyped.type) else {
            throw failure(syntax, "`\(kind.rawValue)` does not go with \(leftTyped.type) and \(rightTyped.type)")
        }
        if common == .null { return (.constant(nil), .null) }
        if case .decimal = common {
            if kind == .divided || kind == .modulo {
                throw failure(syntax, "`\(kind.rawValue)` of decimals is not supported; cast one side to DOUBLE")
            }
            let type = Cast.decimalResult(kind, leftTyped.type, rightTyped.type)
            return (.arithmetic(kind, try asDecimal(leftTyped, left), try asDecimal(rightTyped, right), type), type)
        }
        // Spark divides whole numbers as doubles.
        let type = kind == .divided ? DataType.double : common
        return (.arithmetic(kind, try converted(leftTyped, to: type, left), try converted(rightTyped, to: type, right), type), type)
    }

    private func asDecimal(_ typed: Typed, _ syntax: Syntax) throws(ExpressionError) -> BoundExpression.Node {
        guard let type = typed.type.asDecimal else { return typed.node }
        return try converted(typed, to: type, syntax)
    }

    private mutating func shift(_ operand: Syntax, by interval: Interval, backwards: Bool, _ syntax: Syntax) throws(ExpressionError) -> Typed {
        let typed = try bind(operand)
        guard let signed = backwards ? interval.negated : interval else { throw failure(syntax, "the interval is too large") }
        switch typed.type {
        case .date:
            // A date stays a date unless the interval has a time of day in it, as in Spark.
            if signed.microseconds == 0 { return (.addInterval(typed.node, signed), .date) }
            return (.addInterval(.cast(typed.node, .timestamp, orNull: false), signed), .timestamp)
        case .timestamp, .timestampNTZ, .null: return (.addInterval(typed.node, signed), typed.type)
        default: throw failure(syntax, "an interval can only be added to, or subtracted from, a date or a timestamp, not \(typed.type)")
        }
    }

    /// `date ± days`, and the days between two dates.
    private func dateArithmetic(_ kind: BoundExpression.Arithmetic, _ left: Typed, _ right: Typed) throws(ExpressionError) -> Typed? {
        guard kind == .plus || kind == .minus else { return nil }
        switch (left.type, right.type) {
        case (.date, .byte), (.date, .short), (.date, .integer): return (.call(kind == .plus ? .dateAdd : .dateSubtract, [left.node, right.node]), .date)
        case (.date, .date) where kind == .minus: return (.call(.dateDifference, [left.node, right.node]), .integer)
        default: return nil
        }
    }

    // MARK: CASE and functions

    private mutating func bindConditional(
        _ subject: Syntax?, _ branches: [(condition: Syntax, result: Syntax)], _ otherwise: Syntax?
    ) throws(ExpressionError) -> Typed {
        var conditions: [BoundExpression.Node] = []
        if let subject {
            conditions = try unified([subject] + branches.map(\.condition)).nodes
        } else {
            for branch in branches { conditions.append(try converted(try bind(branch.condition), to: .boolean, branch.condition)) }
        }
        var results: [(typed: Typed, syntax: Syntax)] = []
        for branch in branches { results.append((try bind(branch.result), branch.result)) }
        if let otherwise { results.append((try bind(otherwise), otherwise)) }
        let type = try commonType(results)
        var nodes: [BoundExpression.Node] = []
        for result in results { nodes.append(try converted(result.typed, to: type, result.syntax)) }
        let fallback = otherwise == nil ? nil : nodes.popLast()
        if subject != nil {
            let choices = zip(conditions.dropFirst(), nodes).map { (value: $0, result: $1) }
            return (.choice(conditions[0], choices, otherwise: fallback ?? .constant(nil)), type)
        }
        return (.conditional(zip(conditions, nodes).map { (condition: $0, result: $1) }, otherwise: fallback ?? .constant(nil)), type)
    }

    private func commonType(_ parts: [(typed: Typed, syntax: Syntax)]) throws(ExpressionError) -> DataType {
        var type = DataType.null
        for part in parts {
            guard let common = type.common(with: part.typed.type) else {
                throw failure(part.syntax, "\(type) and \(part.typed.type) cannot be results of one expression; cast one of them")
            }
            type = common
        }
        return type
    }

    private mutating func bindCall(_ name: String, _ arguments: [Syntax], _ syntax: Syntax) throws(ExpressionError) -> Typed {
        switch (name, arguments.count) {
        case ("CURRENT_DATE", 0), ("CURDATE", 0):
            let day = Int32(clamping: now.microseconds.flooredQuotient(86_400_000_000))
            return (.constant(.date(day)), .date)
        case ("CURRENT_TIMESTAMP", 0), ("NOW", 0): return (.constant(.timestamp(now.microseconds)), .timestamp)
        case ("COALESCE", 1...), ("IFNULL", 2), ("NVL", 2):
            var bound: [(typed: Typed, syntax: Syntax)] = []
            for argument in arguments { bound.append((try bind(argument), argument)) }
            let type = try commonType(bound)
            var nodes: [BoundExpression.Node] = []
            for part in bound { nodes.append(try converted(part.typed, to: type, part.syntax)) }
            return (.call(.coalesce, nodes), type)
        default: break
        }
        guard let function = Function.all[name] else {
            let suggestion = Function.nearest(to: name).map { "; did you mean \($0.lowercased())?" } ?? ""
            throw failure(syntax, "there is no function \(name.lowercased())\(suggestion)")
        }
        guard arguments.count == function.parameters.count else {
            throw failure(syntax, "\(name.lowercased()) takes \(function.parameters.count) arguments, not \(arguments.count)")
        }
        var nodes: [BoundExpression.Node] = []
        for (argument, type) in zip(arguments, function.parameters) { nodes.append(try converted(try bind(argument), to: type, argument)) }
        return (.call(function, nodes), function.result)
    }
}

extension BoundExpression.Node {
    /// Whether nothing below depends on a row. Only direct operands are looked at: they have been folded already.
    fileprivate var operandsAreConstant: Bool {
        switch self {
        case .constant: true
        case .column: false
        case let .not(operand), let .isNull(operand), let .isBoolean(operand, _), let .cast(operand, _, _), let .addInterval(operand, _): operand.isConstant
        case let .and(operands), let .or(operands), let .call(_, operands): operands.allSatisfy(\.isConstant)
        case let .compare(_, left, right), let .nullSafeEqual(left, right), let .arithmetic(_, left, right, _), let .like(left, right, _):
            left.isConstant && right.isConstant
        case let .between(operand, low, high): operand.isConstant && low.isConstant && high.isConstant
        case let .inList(operand, _, others): operand.isConstant && others.allSatisfy(\.isConstant)
        case let .choice(subject, branches, otherwise):
            subject.isConstant && otherwise.isConstant && branches.allSatisfy { $0.value.isConstant && $0.result.isConstant }
        case let .conditional(branches, otherwise): otherwise.isConstant && branches.allSatisfy { $0.condition.isConstant && $0.result.isConstant }
        }
    }
}
