import Columnar

extension DataType {
    var isNumeric: Bool {
        switch self {
        case .byte, .short, .integer, .long, .float, .double, .decimal: true
        default: false
        }
    }

    var isNumericOrNull: Bool { isNumeric || self == .null }

    private var isFloating: Bool { self == .float || self == .double }

    /// The whole numbers by width, nil for other types.
    private var integerRank: Int? {
        switch self {
        case .byte: 0
        case .short: 1
        case .integer: 2
        case .long: 3
        default: nil
        }
    }

    /// The decimal type that holds every value of this exact number type.
    var asDecimal: DataType? {
        switch self {
        case .byte: .decimal(precision: 3, scale: 0)
        case .short: .decimal(precision: 5, scale: 0)
        case .integer: .decimal(precision: 10, scale: 0)
        case .long: .decimal(precision: 19, scale: 0)
        case .decimal: self
        default: nil
        }
    }

    /// Whether every value is one of the other type as it stands, so that no cast is needed.
    func hasSameValues(in other: DataType) -> Bool {
        switch (self, other) {
        case let (.decimal(precision, scale), .decimal(otherPrecision, otherScale)): scale == otherScale && precision <= otherPrecision
        default: integerRank.flatMap { rank in other.integerRank.map { rank <= $0 } } ?? false
        }
    }

    /// The type in which values of both can be compared, by Spark's rules; text gives way to any other type. Nil where there is none.
    func common(with other: DataType) -> DataType? {
        if self == other || other == .null { return self }
        if self == .null { return other }
        if self == .string { return other.isNested ? nil : other }
        if other == .string { return isNested ? nil : self }
        if isNumeric, other.isNumeric { return commonNumber(with: other) }
        switch (self, other) {
        case (.date, .timestamp), (.timestamp, .date), (.timestamp, .timestampNTZ), (.timestampNTZ, .timestamp): return .timestamp
        case (.date, .timestampNTZ), (.timestampNTZ, .date): return .timestampNTZ
        default: return nil
        }
    }

    private func commonNumber(with other: DataType) -> DataType? {
        if isFloating || other.isFloating { return self == .float && other == .float ? .float : .double }
        if let rank = integerRank, let otherRank = other.integerRank { return rank >= otherRank ? self : other }
        guard case let .decimal(precision, scale) = asDecimal, case let .decimal(otherPrecision, otherScale) = other.asDecimal else { return nil }
        let common = max(scale, otherScale)
        let whole = max(precision - scale, otherPrecision - otherScale)
        return .decimal(precision: min(whole + common, Self.maximumDecimalPrecision), scale: common)
    }
}
