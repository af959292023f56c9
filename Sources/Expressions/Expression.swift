import Base
import Columnar

/// An expression in Spark's SQL dialect, read but not yet bound to columns.
///
/// Literals of the flat types, columns (back-ticks where a name is no plain word), arithmetic, comparison, `AND`/`OR`/`NOT` with three values,
/// `IN`, `BETWEEN`, `LIKE`, `IS [NOT] NULL`, `CASE`, `CAST`, intervals, and the functions that ``Function/all`` lists. Times are in UTC.
public struct Expression: Sendable {
    /// The text that it was read from.
    public let source: String
    let syntax: Syntax

    /// Throws ``ExpressionError/syntax(source:position:message:)``, whose description points at the place with a caret.
    public static func parse(_ source: String) throws(ExpressionError) -> Expression {
        Expression(source: source, syntax: try Parser.parse(source))
    }

    /// Looks up the columns among `fields` (as Spark does, whatever the case of the letters) and types every part.
    ///
    /// `now` is what `current_date()` and `current_timestamp()` say: one moment for the whole operation. Parts without columns are computed here.
    /// Throws ``ExpressionError/binding(source:position:message:)`` naming the column, the function or both types.
    public func bind(to fields: [Field], now: Timestamp) throws(ExpressionError) -> BoundExpression {
        var binder = Binder(source: source, fields: fields, now: now)
        let (node, type) = try binder.bind(syntax)
        return BoundExpression(type: type, columns: binder.columns.sorted(), node: node)
    }

    /// As ``bind(to:now:)``, for a condition: the expression must be boolean.
    public func bindCondition(to fields: [Field], now: Timestamp) throws(ExpressionError) -> BoundExpression {
        let bound = try bind(to: fields, now: now)
        guard bound.type == .boolean || bound.type == .null else {
            throw .binding(source: source, position: 0, message: "a condition must be boolean, this is of type \(bound.type)")
        }
        return bound
    }
}
