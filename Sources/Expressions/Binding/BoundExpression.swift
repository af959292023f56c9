import Base
import Columnar

/// An expression whose columns and types are known: ready to be evaluated row by row. Cheap to copy, safe to share.
public struct BoundExpression: Sendable {
    /// The type of its values.
    public let type: DataType
    /// The fields it reads, as positions in the list it was bound to, ascending.
    public let columns: [Int]

    let node: Node

    indirect enum Node: Sendable {
        case constant(Scalar?)
        case column(Int)
        case not(Node)
        case and([Node])
        case or([Node])
        case compare(Scalar.Comparison, Node, Node)
        case nullSafeEqual(Node, Node)
        /// A case of its own, so that the operand is evaluated once: twice at each level of a nested one is for ever.
        case between(Node, low: Node, high: Node)
        /// `values` holds the list's constants; `others` what must be evaluated, NULL included.
        case inList(Node, values: Set<Scalar>, others: [Node])
        case like(Node, pattern: Node, caseInsensitive: Bool)
        case isNull(Node)
        case isBoolean(Node, Bool)
        case cast(Node, DataType, orNull: Bool)
        case arithmetic(Arithmetic, Node, Node, DataType)
        case addInterval(Node, Interval)
        case conditional([(condition: Node, result: Node)], otherwise: Node)
        /// `CASE subject WHEN value THEN result`, the subject evaluated once.
        case choice(Node, [(value: Node, result: Node)], otherwise: Node)
        case call(Function, [Node])

        var isConstant: Bool { if case .constant = self { true } else { false } }
    }

    enum Arithmetic: String, Sendable { case plus = "+", minus = "-", times = "*", divided = "/", modulo = "%" }

    /// The value for one row; `column` gives the row's value of the field at a position of the list that the expression was bound to.
    ///
    /// Throws ``ExpressionError/evaluation(message:)`` for an overflow, a division by zero or a cast that a value does not survive.
    public func evaluate(_ column: (Int) -> Scalar?) throws(ExpressionError) -> Scalar? {
        try node.evaluate(column)
    }

    /// Whether a boolean expression is true for the row: NULL is not.
    public func matches(_ column: (Int) -> Scalar?) throws(ExpressionError) -> Bool {
        try node.evaluate(column) == .bool(true)
    }

    /// The rows of a batch for which a boolean expression is true, ascending. The batch's columns are the fields that the expression was bound to.
    public func matchingRows(of batch: ColumnBatch) throws(ExpressionError) -> [Int] {
        let truths = try Truths(node, batch).values
        return truths.indices.filter { truths[$0] == Truths.yes }
    }
}
