import Base
import Columnar

/// What a file's statistics let one conclude of its values in one column, whoever wrote them (protocol, "Per-file Statistics").
///
/// With a deletion vector they speak of more rows than the file has left, so that only what holds of all of them is concluded.
struct ColumnFacts {
    /// At or below every value; nil where nothing is known.
    private(set) var minimum: Scalar?
    /// At or above every value that is no NaN.
    private(set) var maximum: Scalar?
    /// What all texts above ``maximum`` begin with that may be there nevertheless: its own beginning, where that may have been cut.
    private(set) var maximumPrefix: String?
    private let nullCount: Int64?
    private let rowCount: Int64?
    /// NaN is above all numbers, and in no bounds: most writers leave it out of them.
    private let mayHoldNaN: Bool

    /// A column whose every row has the same value.
    init(constant: Scalar?) {
        minimum = constant
        maximum = constant
        nullCount = constant == nil ? 1 : 0
        rowCount = 1
        mayHoldNaN = false
    }

    init(minimum: Scalar?, maximum: Scalar?, nullCount: Int64?, rowCount: Int64?, type: DataType) {
        self.nullCount = nullCount
        self.rowCount = rowCount
        mayHoldNaN = type == .float || type == .double
        self.minimum = minimum.flatMap(Self.lowered)
        self.maximum = maximum.flatMap(Self.raised)
        if case let .string(text)? = maximum {
            let scalars = text.unicodeScalars
            if let cut = scalars.index(scalars.startIndex, offsetBy: StatisticsBound.longestText, limitedBy: scalars.endIndex) {
                maximumPrefix = String(scalars[..<cut])
            }
        }
    }

    /// Digits beyond what a double holds may have been lost on the way through one.
    private static let exactDigits: Int128 = 1_000_000_000_000_000

    /// A minimum that is one whatever its writer did to it; nil where that is not known.
    private static func lowered(_ value: Scalar) -> Scalar? {
        switch value {
        case let .decimal(unscaled, scale): .decimal(unscaled - lost(unscaled), scale: scale)
        case .float, .double: value.isNaN ? nil : value
        default: value
        }
    }

    private static func raised(_ value: Scalar) -> Scalar? {
        switch value {
        case let .decimal(unscaled, scale): .decimal(unscaled + lost(unscaled), scale: scale)
        case .float, .double: value.isNaN ? nil : value
        // Spark cuts both bounds to milliseconds, the maximum too.
        case let .timestamp(micros): .timestamp(millisecondEnd(micros))
        case let .timestampNTZ(micros): .timestampNTZ(millisecondEnd(micros))
        default: value
        }
    }

    private static func lost(_ unscaled: Int128) -> Int128 { unscaled.magnitude < exactDigits.magnitude ? 0 : Int128(unscaled.magnitude >> 50) + 1 }

    private static func millisecondEnd(_ micros: Int64) -> Int64 {
        guard micros % 1000 == 0 else { return micros }
        return micros.saturatingAdding(999)
    }

    private var isAllNull: Bool { nullCount != nil && nullCount == rowCount }

    /// Whether a row may be there of which the condition, one on this column alone, holds.
    func mayMatch(_ comparison: Scalar.Comparison, _ value: Scalar) -> Bool {
        if isAllNull { return false }
        // Outside of every bound.
        if value.isNaN { return true }
        return comparison.mayHold(low: minimum.flatMap { Scalar.compare($0, value) }, high: order(ofMaximumTo: value), mayBeNaN: mayHoldNaN)
    }

    var mayBeNull: Bool { nullCount != 0 }
    var mayBeValue: Bool { !isAllNull }

    private func order(ofMaximumTo value: Scalar) -> Scalar.Order? {
        guard let maximum else { return nil }
        if let maximumPrefix, case let .string(text) = value, text.utf8.starts(with: maximumPrefix.utf8) { return .descending }
        return Scalar.compare(maximum, value)
    }
}
