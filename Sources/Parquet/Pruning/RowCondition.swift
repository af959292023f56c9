import Base
import Columnar

/// What holds of the rows that a reader wants, for leaving out those of which it cannot hold.
///
/// It is asked of the bounds of row groups and pages and of bloom filters, never of rows: what a selection leaves in must still be filtered. Values
/// compare as ``Scalar/compare(_:_:)`` has them, so NaN is above all else; a comparison with null holds for no row.
public indirect enum RowCondition: Sendable, Hashable {
    public enum Comparison: Sendable, Hashable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    }

    /// A column is the path of its leaf, from the top-level column down. Literals are of the column's type as the reader has it.
    case comparison(column: [String], Comparison, Scalar)
    case oneOf(column: [String], [Scalar])
    case isNull(column: [String])
    case isNotNull(column: [String])
    case all([RowCondition])
    case any([RowCondition])
    /// Nothing that bounds could answer: any row may match.
    case unknown

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

    private func mayMatch(_ comparison: RowCondition.Comparison, _ value: Scalar) -> Bool {
        // NaN is outside of every bound.
        if value.isNaN { return true }
        let low = minimum.flatMap { Scalar.compare($0, value) }
        let high = maximum.flatMap { Scalar.compare($0, value) }
        return switch comparison {
        case .less: low == nil || low == .ascending
        case .lessOrEqual: low != .descending
        case .greater: mayHoldNaN || high == nil || high == .descending
        case .greaterOrEqual: mayHoldNaN || high != .ascending
        case .equal: low != .descending && high != .ascending
        case .notEqual: mayHoldNaN || !isExact || low != .equal || high != .equal
        }
    }
}

extension Scalar {
    var isNaN: Bool {
        switch self {
        case let .float(value): value.isNaN
        case let .double(value): value.isNaN
        default: false
        }
    }
}
