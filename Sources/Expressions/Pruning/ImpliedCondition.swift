import Columnar

extension BoundExpression {
    /// What holds of single columns in every row for which the expression, a boolean one, is true. Columns are positions in the list of fields that it was
    /// bound to.
    ///
    /// It may hold of rows for which the expression is not true or cannot be computed.
    public var implied: ColumnCondition<Int> { node.implied(where: true) }
}

extension BoundExpression.Node {
    /// Longer lists are not asked about value by value.
    static let listedValues = 200

    /// What holds of single columns wherever this is true, or wherever it is false: a NULL is neither.
    func implied(where truth: Bool) -> ColumnCondition<Int> {
        switch self {
        case let .constant(value): value == .bool(truth) ? .always : .never
        case let .column(column): .comparison(column: column, .equal, .bool(truth))
        case let .not(operand): operand.implied(where: !truth)
        case let .and(operands): Self.junction(operands, isAll: truth, truth)
        case let .or(operands): Self.junction(operands, isAll: !truth, truth)
        case let .compare(comparison, left, right): Self.comparison(comparison, left, right, where: truth)
        case let .between(operand, low, high):
            truth
                ? .all([Self.comparison(.greaterOrEqual, operand, low, where: true), Self.comparison(.lessOrEqual, operand, high, where: true)])
                : .any([Self.comparison(.greaterOrEqual, operand, low, where: false), Self.comparison(.lessOrEqual, operand, high, where: false)])
        case let .nullSafeEqual(.column(column), .constant(value)), let .nullSafeEqual(.constant(value), .column(column)):
            switch (value, truth) {
            case (nil, true): .isNull(column: column)
            case (nil, false): .isNotNull(column: column)
            case let (value?, true): .comparison(column: column, .equal, value)
            case let (value?, false): .any([.isNull(column: column), .comparison(column: column, .notEqual, value)])
            }
        case let .inList(.column(column), values, others): Self.membership(column, values, others, truth)
        case let .like(.column(column), .constant(.string(pattern)), caseInsensitive: false) where truth: Self.prefix(column, Like.prefix(of: pattern))
        case let .isNull(.column(column)): truth ? .isNull(column: column) : .isNotNull(column: column)
        case let .isBoolean(operand, wanted) where truth: operand.implied(where: wanted)
        default: .unknown
        }
    }

    private static func junction(_ operands: [Self], isAll: Bool, _ truth: Bool) -> ColumnCondition<Int> {
        let parts = operands.map { $0.implied(where: truth) }
        return isAll ? .all(parts) : .any(parts)
    }

    static func comparison(_ comparison: Scalar.Comparison, _ left: Self, _ right: Self, where truth: Bool) -> ColumnCondition<Int> {
        let comparison = truth ? comparison : comparison.opposite
        return switch (left, right) {
        case (.constant(nil), _), (_, .constant(nil)): .never
        case let (.column(column), .constant(value?)): .comparison(column: column, comparison, value)
        case let (.constant(value?), .column(column)): .comparison(column: column, comparison.mirrored, value)
        default: .unknown
        }
    }

    private static func membership(_ column: Int, _ values: Set<Scalar>, _ others: [Self], _ truth: Bool) -> ColumnCondition<Int> {
        // What is left beside the values is NULL, or has to be computed.
        guard others.allSatisfy(\.isConstant), values.count <= listedValues else { return .unknown }
        if truth { return .oneOf(column: column, Array(values)) }
        return others.isEmpty ? .all(values.map { .comparison(column: column, .notEqual, $0) }) : .never
    }

    /// Text that begins like this lies between it and the text with its last character raised by one.
    private static func prefix(_ column: Int, _ prefix: String) -> ColumnCondition<Int> {
        var scalars = Array(prefix.unicodeScalars)
        let low = ColumnCondition<Int>.comparison(column: column, .greaterOrEqual, .string(prefix))
        while let last = scalars.popLast() {
            // Between U+D7FF and U+E000 there are no characters.
            guard let next = Unicode.Scalar(last.value == 0xD7FF ? 0xE000 : last.value + 1) else { continue }
            var end = String.UnicodeScalarView(scalars)
            end.append(next)
            return .all([low, .comparison(column: column, .less, .string(String(end)))])
        }
        return prefix.isEmpty ? .isNotNull(column: column) : low
    }
}

extension Scalar.Comparison {
    /// What holds of two values where this does not.
    fileprivate var opposite: Self {
        switch self {
        case .equal: .notEqual
        case .notEqual: .equal
        case .less: .greaterOrEqual
        case .lessOrEqual: .greater
        case .greater: .lessOrEqual
        case .greaterOrEqual: .less
        }
    }

    /// The same with the sides exchanged.
    var mirrored: Self {
        switch self {
        case .equal, .notEqual: self
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        }
    }
}
