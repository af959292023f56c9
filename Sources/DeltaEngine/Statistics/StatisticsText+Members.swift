import Base
import Columnar

extension StatisticsText {
    typealias Member = (name: String, range: Range<Int>)

    /// The members of the object in a range of the text; nil where there is none.
    static func members(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> [Member]? {
        var scanner = JSONScanner(padded: UnsafeRawBufferPointer(rebasing: bytes[range]))
        var members: [Member] = []
        do throws(JSONError) {
            try scanner.beginObject()
            while let key = try scanner.nextKey() {
                let name = try scanner.string(of: key)
                let value = try scanner.skipValue()
                members.append((name, (range.lowerBound + value.lowerBound)..<(range.lowerBound + value.upperBound)))
            }
        } catch {
            return nil
        }
        return members
    }

    /// The value in a range of the text as one of `type`; nil where it is none.
    static func scalar(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ type: DataType) -> Scalar? {
        var scanner = JSONScanner(padded: UnsafeRawBufferPointer(rebasing: bytes[range]))
        do throws(JSONError) {
            switch type {
            case .byte, .short, .integer, .long: return .integer(try scanner.integer())
            case .double: return try floating(&scanner).map { .double($0) }
            case .float: return try floating(&scanner).map { .float(Float($0)) }
            case let .decimal(precision, scale):
                // By its digits: a double has not enough of them.
                let digits = try scanner.kind() == .string ? scanner.string() : scanner.numberText()
                return DecimalText.parse(try scanner.string(of: digits), precision: precision, scale: scale).map { .decimal($0, scale: scale) }
            case .boolean: return .bool(try scanner.bool())
            case .string: return .string(try scanner.string(of: try scanner.string()))
            case .date: return DateTimeText.parseDate(try scanner.string(of: try scanner.string())).map { .date($0) }
            case .timestamp: return DateTimeText.parseTimestamp(try scanner.string(of: try scanner.string())).map { .timestamp($0.microseconds) }
            case .timestampNTZ: return DateTimeText.parseTimestamp(try scanner.string(of: try scanner.string())).map { .timestampNTZ($0.microseconds) }
            case .binary, .list, .map, .structure, .null: return nil
            }
        } catch {
            return nil
        }
    }

    /// A number, or one of the names by which Spark writes what JSON has no numbers for.
    private static func floating(_ scanner: inout JSONScanner) throws(JSONError) -> Double? {
        guard try scanner.kind() == .string else { return try scanner.double() }
        switch try scanner.string(of: try scanner.string()) {
        case "NaN": return .nan
        case "Infinity", "+Infinity", "INF": return .infinity
        case "-Infinity", "-INF": return -.infinity
        default: return nil
        }
    }
}
