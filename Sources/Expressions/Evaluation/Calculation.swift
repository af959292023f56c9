import Columnar

/// Arithmetic on values that the binder has brought to one type. Overflow and division by zero are errors, as in Spark's ANSI mode.
enum Calculation {
    static func result(_ kind: BoundExpression.Arithmetic, _ left: Scalar, _ right: Scalar, _ type: DataType) throws(ExpressionError) -> Scalar {
        switch (left, right) {
        case let (.integer(l), .integer(r)): return try integers(kind, l, r, type)
        case let (.float(l), .float(r)): return .float(Float(try doubles(kind, Double(l), Double(r))))
        case let (.double(l), .double(r)): return .double(try doubles(kind, l, r))
        case let (.decimal(l, leftScale), .decimal(r, rightScale)): return try decimals(kind, (l, leftScale), (r, rightScale), type)
        default: throw .evaluation(message: "`\(kind.rawValue)` does not go with \(left) and \(right)")
        }
    }

    private static func integers(_ kind: BoundExpression.Arithmetic, _ left: Int64, _ right: Int64, _ type: DataType) throws(ExpressionError) -> Scalar {
        let (result, overflow): (Int64, Bool)
        switch kind {
        case .plus: (result, overflow) = left.addingReportingOverflow(right)
        case .minus: (result, overflow) = left.subtractingReportingOverflow(right)
        case .times: (result, overflow) = left.multipliedReportingOverflow(by: right)
        case .divided, .modulo:
            if right == 0 { throw .evaluation(message: "\(left) \(kind.rawValue) 0: division by zero") }
            // The least integer modulo -1 is 0, though the quotient overflows.
            (result, overflow) = kind == .modulo ? (right == -1 ? 0 : left % right, false) : left.dividedReportingOverflow(by: right)
        }
        guard !overflow, let value = Cast.convert(.integer(result), to: type) else {
            throw .evaluation(message: "\(left) \(kind.rawValue) \(right) does not fit the type \(type)")
        }
        return value
    }

    private static func doubles(_ kind: BoundExpression.Arithmetic, _ left: Double, _ right: Double) throws(ExpressionError) -> Double {
        switch kind {
        case .plus: return left + right
        case .minus: return left - right
        case .times: return left * right
        case .divided, .modulo:
            if right == 0 { throw .evaluation(message: "\(left) \(kind.rawValue) 0: division by zero") }
            return kind == .divided ? left / right : left.truncatingRemainder(dividingBy: right)
        }
    }

    private static func decimals(
        _ kind: BoundExpression.Arithmetic, _ left: (unscaled: Int128, scale: Int), _ right: (unscaled: Int128, scale: Int), _ type: DataType
    ) throws(ExpressionError) -> Scalar {
        let failure = ExpressionError.evaluation(message: "the result of a decimal `\(kind.rawValue)` does not fit the type \(type)")
        let (exact, overflow): (Int128, Bool)
        let scale: Int
        switch kind {
        case .times:
            (exact, overflow) = left.unscaled.multipliedReportingOverflow(by: right.unscaled)
            scale = left.scale + right.scale
        default:
            scale = max(left.scale, right.scale)
            guard let l = Cast.rescaled(left.unscaled, from: left.scale, to: scale), let r = Cast.rescaled(right.unscaled, from: right.scale, to: scale)
            else { throw failure }
            (exact, overflow) = kind == .plus ? l.addingReportingOverflow(r) : l.subtractingReportingOverflow(r)
        }
        guard !overflow, let value = Cast.convert(.decimal(exact, scale: scale), to: type) else { throw failure }
        return value
    }
}
