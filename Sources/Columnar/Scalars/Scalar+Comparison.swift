extension Scalar {
    /// How a condition compares two values, by the order of ``compare(_:_:)``.
    public enum Comparison: Sendable, Hashable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

        /// Whether it holds of two values that stand so to each other.
        public func holds(_ order: Order) -> Bool {
            switch self {
            case .equal: order == .equal
            case .notEqual: order != .equal
            case .less: order == .ascending
            case .lessOrEqual: order != .descending
            case .greater: order == .descending
            case .greaterOrEqual: order != .ascending
            }
        }

        /// Whether it may hold of a value that lies between two bounds, compared with something that is no NaN.
        ///
        /// - Parameters:
        ///   - low: how the lower bound stands to it; nil where nothing is known. Likewise `high`.
        ///   - mayBeNaN: whether the value may be NaN, which is above all else and outside of the bounds.
        public func mayHold(low: Order?, high: Order?, mayBeNaN: Bool) -> Bool {
            switch self {
            case .less: low == nil || low == .ascending
            case .lessOrEqual: low != .descending
            case .greater: mayBeNaN || high == nil || high == .descending
            case .greaterOrEqual: mayBeNaN || high != .ascending
            case .equal: low != .descending && high != .ascending
            case .notEqual: mayBeNaN || low != .equal || high != .equal
            }
        }
    }

    public var isNaN: Bool {
        switch self {
        case let .float(value): value.isNaN
        case let .double(value): value.isNaN
        default: false
        }
    }
}
