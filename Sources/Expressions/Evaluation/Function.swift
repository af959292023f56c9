import Base
import Columnar

/// A function of fixed parameters, by Spark's name. The binder casts the arguments; a NULL argument makes the result NULL.
struct Function: Sendable {
    let parameters: [DataType]
    let result: DataType
    /// Whether the first argument that is not NULL is the result (COALESCE); `compute` is not called then.
    var takesNull = false
    let compute: @Sendable ([Scalar]) throws(ExpressionError) -> Scalar?

    /// Every function by its name in capitals, besides `current_date`, `current_timestamp`, `now`, `coalesce`, `ifnull` and `nvl`,
    /// which the binder knows itself.
    static let all: [String: Function] = [
        "DATE": toDate, "TO_DATE": toDate,
        "DATE_ADD": dateAdd, "DATE_SUB": dateSubtract, "DATEDIFF": dateDifference, "DATE_DIFF": dateDifference,
        "YEAR": datePart { $0.year }, "MONTH": datePart { Int64($0.month) }, "DAY": datePart { Int64($0.day) },
        "DAYOFMONTH": datePart { Int64($0.day) }, "QUARTER": datePart { Int64(($0.month - 1) / 3 + 1) },
        // Spark counts Sunday as 1.
        "DAYOFWEEK": datePart { Int64($0.weekday + 1) },
        "HOUR": timePart(3_600_000_000, 24), "MINUTE": timePart(60_000_000, 60), "SECOND": timePart(1_000_000, 60),
        "LOWER": text { $0.lowercased() }, "UPPER": text { $0.uppercased() }, "TRIM": text { trimmed($0) },
        "LENGTH": length, "CHAR_LENGTH": length, "SUBSTRING": substring, "SUBSTR": substring,
    ]

    static let coalesce = Function(parameters: [], result: .null, takesNull: true) { _ in nil }

    static let dateAdd = Function(parameters: [.date, .integer], result: .date) { arguments throws(ExpressionError) in try moved(arguments, by: 1) }
    static let dateSubtract = Function(parameters: [.date, .integer], result: .date) { arguments throws(ExpressionError) in try moved(arguments, by: -1) }

    static let dateDifference = Function(parameters: [.date, .date], result: .integer) { arguments throws(ExpressionError) in
        guard case let .date(end) = arguments[0], case let .date(start) = arguments[1] else { return nil }
        guard let days = Int32(exactly: Int64(end) - Int64(start)) else { throw .evaluation(message: "the days between two dates do not fit an integer") }
        return .integer(Int64(days))
    }

    private static let toDate = Function(parameters: [.date], result: .date) { arguments in arguments[0] }

    private static let length = Function(parameters: [.string], result: .integer) { arguments in
        guard case let .string(text) = arguments[0] else { return nil }
        return .integer(Int64(text.unicodeScalars.count))
    }

    /// From a position that counts from 1, or from the end where it is negative.
    private static let substring = Function(parameters: [.string, .integer, .integer], result: .string) { arguments in
        guard case let .string(text) = arguments[0], case let .integer(position) = arguments[1], case let .integer(length) = arguments[2] else { return nil }
        let scalars = Array(text.unicodeScalars)
        let count = Int64(scalars.count)
        let start = position > 0 ? position - 1 : position < 0 ? count + position : 0
        let from = min(max(start, 0), count)
        let to = min(max(start + max(length, 0), from), count)
        return .string(String(String.UnicodeScalarView(scalars[Int(from)..<Int(to)])))
    }

    private static func moved(_ arguments: [Scalar], by sign: Int64) throws(ExpressionError) -> Scalar? {
        guard case let .date(day) = arguments[0], case let .integer(days) = arguments[1] else { return nil }
        guard let result = Int32(exactly: Int64(day) + sign * days) else { throw .evaluation(message: "a date plus \(sign * days) days is out of range") }
        return .date(result)
    }

    private static func datePart(_ part: @escaping @Sendable (CivilDate) -> Int64) -> Function {
        Function(parameters: [.date], result: .integer) { arguments in
            guard case let .date(day) = arguments[0] else { return nil }
            return .integer(part(CivilDate(daysSinceEpoch: Int64(day))))
        }
    }

    private static func timePart(_ unit: Int64, _ modulus: Int64) -> Function {
        Function(parameters: [.timestamp], result: .integer) { arguments in
            guard case let .timestamp(instant) = arguments[0] else { return nil }
            let inDay = instant - instant.flooredQuotient(86_400_000_000) * 86_400_000_000
            return .integer(inDay / unit % modulus)
        }
    }

    private static func text(_ change: @escaping @Sendable (String) -> String) -> Function {
        Function(parameters: [.string], result: .string) { arguments in
            guard case let .string(text) = arguments[0] else { return nil }
            return .string(change(text))
        }
    }

    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// The function whose name differs in the fewest letters, if they are few.
    static func nearest(to name: String) -> String? {
        let known = all.keys + ["CURRENT_DATE", "CURRENT_TIMESTAMP", "NOW", "COALESCE", "IFNULL", "NVL"]
        let ranked = known.map { (name: $0, distance: distance($0, name)) }.min { ($0.distance, $0.name) < ($1.distance, $1.name) }
        guard let ranked, ranked.distance <= max(2, name.utf8.count / 3) else { return nil }
        return ranked.name
    }

    /// Levenshtein's distance.
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (index, byte) in left.utf8.prefix(64).enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let substitution = diagonal + (right[column] == byte ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(substitution, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
