import Columnar

extension BoundExpression {
    /// What holds of single columns in every row for which the expression, a boolean one, is not true: false or NULL.
    ///
    /// Where it can hold of no row, the expression is true of all of them. It may hold of rows of which the expression is true.
    public var impliedWhereNotTrue: ColumnCondition<Int> { node.implied(whereNot: true) }
}

extension BoundExpression.Node {
    /// What holds of single columns wherever this is NULL or the other truth value.
    fileprivate func implied(whereNot truth: Bool) -> ColumnCondition<Int> {
        switch self {
        case let .constant(value): return value == .bool(truth) ? .never : .always
        case let .column(column): return .any([.isNull(column: column), .comparison(column: column, .equal, .bool(!truth))])
        case let .not(operand): return operand.implied(whereNot: !truth)
        case let .and(operands): return Self.junction(operands, isAll: !truth, truth)
        case let .or(operands): return Self.junction(operands, isAll: truth, truth)
        case let .compare(comparison, left, right): return Self.comparison(comparison, left, right, truth)
        case let .between(operand, low, high):
            let parts = [Self.comparison(.greaterOrEqual, operand, low, truth), Self.comparison(.lessOrEqual, operand, high, truth)]
            return truth ? .any(parts) : .all(parts)
        // These are never NULL.
        case .nullSafeEqual, .isNull: return implied(where: !truth)
        case let .isBoolean(operand, wanted): return truth ? operand.implied(whereNot: wanted) : operand.implied(where: wanted)
        case let .inList(.column(column), values, others):
            // A NULL in the list: what is not among the values is neither in nor out of it.
            if !truth, !others.isEmpty { return .always }
            guard others.allSatisfy(\.isConstant), values.count <= Self.listedValues else { return .unknown }
            let list = Array(values)
            return .any([.isNull(column: column), truth ? .all(list.map { .comparison(column: column, .notEqual, $0) }) : .oneOf(column: column, list)])
        default: return .unknown
        }
    }

    private static func junction(_ operands: [Self], isAll: Bool, _ truth: Bool) -> ColumnCondition<Int> {
        let parts = operands.map { $0.implied(whereNot: truth) }
        return isAll ? .all(parts) : .any(parts)
    }

    private static func comparison(_ comparison: Scalar.Comparison, _ left: Self, _ right: Self, _ truth: Bool) -> ColumnCondition<Int> {
        let holds = Self.comparison(comparison, left, right, where: !truth)
        return switch (left, right) {
        case (.constant(nil), _), (_, .constant(nil)): .always
        case let (.column(column), .constant), let (.constant, .column(column)): .any([.isNull(column: column), holds])
        default: .unknown
        }
    }
}
