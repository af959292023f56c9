import Base
import Columnar

/// A minimum or maximum as a JSON value in Delta's statistics (protocol, "Per-file Statistics").
///
/// What comes out bounds the file's values from below or above; where no JSON value can do that, there is none, which readers take as unbounded.
enum StatisticsBound {
    enum Side: Sendable { case minimum, maximum }

    /// Text beyond this many characters is cut, as Delta's own writer does.
    static let longestText = 32

    /// The JSON text, or nil. `hasNaN` says that the column's values include NaN, which Spark orders above all numbers and JSON cannot hold.
    static func json(_ value: Scalar, _ side: Side, hasNaN: Bool) -> String? {
        switch value {
        case let .integer(value): return String(value)
        case let .float(value): return number(value.isNaN ? .nan : Double(value), text: value.description, side, hasNaN: hasNaN)
        case let .double(value): return number(value, text: value.description, side, hasNaN: hasNaN)
        case let .decimal(unscaled, scale): return Scalar.decimalDigits(unscaled, scale: scale)
        case let .date(days): return "\"\(DateTimeText.date(Int64(days)))\""
        case let .timestamp(micros): return "\"\(milliseconds(micros, side))Z\""
        case let .timestampNTZ(micros): return "\"\(milliseconds(micros, side))\""
        case let .string(text):
            let bound = side == .minimum ? minimumText(text) : maximumText(text)
            return bound.map { JSON.encode(.string($0)) }
        case .bool, .binary, .list, .structure, .map: return nil
        }
    }

    /// Whether files' statistics have bounds for columns of this type at all.
    static func exists(for type: DataType) -> Bool {
        switch type {
        case .boolean, .binary, .list, .structure, .map, .null: false
        default: true
        }
    }

    private static func number(_ value: Double, text: String, _ side: Side, hasNaN: Bool) -> String? {
        guard value.isFinite, !(hasNaN && side == .maximum) else { return nil }
        // Readers may compare the bits: either zero in the data must lie within the bounds.
        if value == 0 { return side == .minimum ? "-0.0" : "0.0" }
        return text
    }

    /// Statistics hold milliseconds: rounded down below and up above, so that they go on being bounds.
    private static func milliseconds(_ micros: Int64, _ side: Side) -> String {
        let raised = side == .maximum && micros % 1000 != 0 ? micros.addingReportingOverflow(999) : (partialValue: micros, overflow: false)
        return DateTimeText.timestamp(raised.overflow ? micros : raised.partialValue, fraction: .milliseconds)
    }

    /// A prefix never sorts behind the whole.
    private static func minimumText(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let cut = scalars.index(scalars.startIndex, offsetBy: longestText, limitedBy: scalars.endIndex) else { return text }
        return String(scalars[..<cut])
    }

    /// The prefix with the largest character in the place of the first one cut off, so that it sorts behind everything that starts with the prefix
    /// and continues like the maximum. Where that character is the largest itself, the prefix grows by it. ASCII text stays ASCII.
    private static func maximumText(_ text: String) -> String? {
        let scalars = text.unicodeScalars
        guard var cut = scalars.index(scalars.startIndex, offsetBy: longestText, limitedBy: scalars.endIndex), cut < scalars.endIndex else { return text }
        let largest: Unicode.Scalar = "\u{10FFFF}"
        var grown = 0
        while cut < scalars.endIndex, scalars[cut] == largest {
            cut = scalars.index(after: cut)
            grown += 1
            if grown > longestText { return nil }
        }
        guard cut < scalars.endIndex else { return text }
        return String(scalars[..<cut]) + String(Character(scalars[cut].value < 0x7F ? "\u{7F}" : largest))
    }
}
