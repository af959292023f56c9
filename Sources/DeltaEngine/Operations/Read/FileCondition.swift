import Columnar
import Parquet

/// A table's condition as one data file sees it: its own names for columns, the values that its partition and columns it lacks have already answered.
struct FileCondition {
    /// What a position of the condition stands for.
    enum Place {
        /// The same in every row.
        case constant(Scalar?)
        /// The leaf's path in the file.
        case leaf([String])
        /// Not known yet, or stored as something else than the table says, so that bounds do not compare with literals.
        case unknown
    }

    let places: [Place]

    /// What the file must hold for the condition to be true of a row.
    func rows(_ condition: ColumnCondition<Int>) -> RowCondition {
        switch condition {
        case .unknown: return .unknown
        case let .all(parts): return .all(parts.map(rows))
        case let .any(parts): return .any(parts.map(rows))
        case let .comparison(column, comparison, value):
            return question(column, .comparison(column: path(column), comparison, value)) { comparison.holds($0, value) }
        case let .oneOf(column, values):
            return question(column, .oneOf(column: path(column), values)) { $0.map(values.contains) ?? false }
        case let .isNull(column): return question(column, .isNull(column: path(column))) { $0 == nil }
        case let .isNotNull(column): return question(column, .isNotNull(column: path(column))) { $0 != nil }
        }
    }

    private func path(_ column: Int) -> [String] {
        if case let .leaf(path) = places[column] { path } else { [] }
    }

    private func question(_ column: Int, _ question: RowCondition, _ holds: (Scalar?) -> Bool) -> RowCondition {
        switch places[column] {
        case let .constant(value): holds(value) ? .always : .never
        case .leaf: question
        case .unknown: .unknown
        }
    }
}

extension Scalar.Comparison {
    /// A comparison with null, or of what cannot be compared, is not true; the latter is left to who evaluates the condition.
    fileprivate func holds(_ left: Scalar?, _ right: Scalar) -> Bool {
        guard let left else { return false }
        return Scalar.compare(left, right).map(holds) ?? true
    }
}
