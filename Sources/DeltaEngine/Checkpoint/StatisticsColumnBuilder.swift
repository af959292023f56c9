import Base
import Columnar

/// Builds `stats_parsed` from the statistics' JSON text. What the text lacks or has in another type is null: statistics may always be absent.
struct StatisticsColumnBuilder {
    private let builder: ColumnBuilder
    private let fields: [Field]

    init(_ builder: ColumnBuilder, _ fields: [Field]) {
        self.builder = builder
        self.fields = fields
    }

    func append(_ text: Bytes?) throws(ColumnarError) {
        guard let text else { return builder.appendNull() }
        try text.withUnsafeBytes { (bytes) throws(ColumnarError) in
            // Members are found first and taken then: a struct's columns must all get a value, whatever the order in the text.
            guard let members = Self.members(bytes, 0..<bytes.count) else { return builder.appendNull() }
            try Self.append(members, bytes, fields, to: builder)
        }
    }

    private typealias Members = [(name: String, range: Range<Int>)]

    /// The members of the object in a range of the text; nil where there is none.
    private static func members(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Members? {
        var scanner = JSONScanner(padded: UnsafeRawBufferPointer(rebasing: bytes[range]))
        var members: Members = []
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

    private static func append(
        _ members: Members, _ bytes: UnsafeRawBufferPointer, _ fields: [Field], to builder: ColumnBuilder
    ) throws(ColumnarError) {
        for (field, child) in zip(fields, builder.children) {
            guard let range = members.last(where: { $0.name.hasSameBytes(as: field.name) })?.range else {
                child.appendNull()
                continue
            }
            if case let .structure(inner) = field.type {
                guard let nested = Self.members(bytes, range) else {
                    child.appendNull()
                    continue
                }
                try append(nested, bytes, inner, to: child)
            } else {
                try append(scalar(bytes, range, field.type), to: child)
            }
        }
        try builder.appendNested()
    }

    private static func append(_ value: Scalar?, to builder: ColumnBuilder) throws(ColumnarError) {
        do throws(ColumnarError) {
            try builder.append(value)
        } catch .outOfRange {
            builder.appendNull()
        }
    }

    private static func scalar(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ type: DataType) -> Scalar? {
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
