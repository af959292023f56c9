import Base
import Columnar

/// What holds of the rows that a reader wants. A column is the path of its leaf, from the top-level column down; literals are of the column's type as the
/// reader has it.
public typealias RowCondition = ColumnCondition<[String]>

extension RowCondition {
    /// The columns that are asked about.
    var columns: Set<[String]> {
        switch self {
        case let .comparison(column, _, _), let .oneOf(column, _), let .isNull(column), let .isNotNull(column): [column]
        case let .all(parts), let .any(parts): parts.reduce(into: []) { $0.formUnion($1.columns) }
        case .unknown: []
        }
    }

    /// The values that each column is compared with for equality, which is what a bloom filter can answer.
    var probes: [(column: [String], value: Scalar)] {
        switch self {
        case let .comparison(column, .equal, value): [(column, value)]
        case let .oneOf(column, values): values.map { (column, $0) }
        case let .all(parts), let .any(parts): parts.flatMap(\.probes)
        default: []
        }
    }

    /// The rows of which the condition may hold, from those of which each single question may.
    func select(_ all: RowSelection, _ single: (RowCondition) -> RowSelection) -> RowSelection {
        switch self {
        case let .all(parts): parts.reduce(all) { $0.isEmpty ? $0 : $0.intersection($1.select(all, single)) }
        case let .any(parts): parts.reduce(RowSelection()) { $0.union($1.select(all, single)) }
        case .unknown: all
        default: single(self)
        }
    }
}

/// What is known of a stretch of values without reading them.
struct ValueFacts {
    /// Below and above which there is no value but NaN; nil where nothing is known.
    var minimum: Scalar?
    var maximum: Scalar?
    /// Whether both bounds are values that occur.
    var isExact = false
    /// Nulls and all values; nil where nothing is known.
    var nullCount: Int64?
    var valueCount: Int64?
    var mayHoldNaN = false

    private var isAllNull: Bool { nullCount != nil && nullCount == valueCount }

    /// Whether a single question may be answered with yes for some row.
    func mayMatch(_ condition: RowCondition) -> Bool {
        switch condition {
        case let .comparison(_, comparison, value): !isAllNull && mayMatch(comparison, value)
        case let .oneOf(_, values): !isAllNull && values.contains { mayMatch(.equal, $0) }
        case .isNull: nullCount != 0
        case .isNotNull: !isAllNull
        case .all, .any, .unknown: true
        }
    }

    private func mayMatch(_ comparison: Scalar.Comparison, _ value: Scalar) -> Bool {
        // NaN is outside of every bound, and what may have been cut is no value.
        if value.isNaN || (comparison == .notEqual && !isExact) { return true }
        return comparison.mayHold(
            low: minimum.flatMap { Scalar.compare($0, value) }, high: maximum.flatMap { Scalar.compare($0, value) }, mayBeNaN: mayHoldNaN)
    }
}
