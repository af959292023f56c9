/// What holds of single columns of the rows that somebody wants: what files, row groups and pages are left out by, which know bounds of columns and no more.
///
/// Where it cannot hold no row is wanted; where it may, rows must still be tested. `Column` is how a column is called. Values compare as
/// ``Scalar/compare(_:_:)`` has them, so NaN is above all else; a comparison holds for no null.
public indirect enum ColumnCondition<Column: Sendable & Hashable>: Sendable, Hashable {
    case comparison(column: Column, Scalar.Comparison, Scalar)
    case oneOf(column: Column, [Scalar])
    case isNull(column: Column)
    case isNotNull(column: Column)
    /// Holds where there are no parts.
    case all([ColumnCondition])
    /// Holds nowhere where there are no parts.
    case any([ColumnCondition])
    /// Nothing that a column alone could tell: any row may be wanted.
    case unknown

    public static var always: ColumnCondition { .all([]) }
    public static var never: ColumnCondition { .any([]) }

    /// Whether it is known to hold of no row, whatever the columns are.
    public var isNever: Bool {
        switch self {
        case let .all(parts): parts.contains(where: \.isNever)
        case let .any(parts): parts.allSatisfy(\.isNever)
        default: false
        }
    }
}
