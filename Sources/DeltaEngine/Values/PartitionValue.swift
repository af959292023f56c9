import Base
import Columnar

/// A partition column's value as text, as the log carries it (protocol, "Partition Value Serialization").
enum PartitionValue {
    /// The text of a value; nil for null, and for an empty string or binary, which the protocol cannot tell from null.
    ///
    /// Types that cannot partition a table (lists, maps, structs) have no text either; ``canPartition(by:)`` keeps them out.
    static func text(of value: Scalar?) -> String? {
        switch value {
        case nil, .list, .structure, .map: return nil
        case let .bool(value): return value ? "true" : "false"
        case let .integer(value): return String(value)
        case let .float(value): return javaText(of: value, description: value.description)
        case let .double(value): return javaText(of: value, description: value.description)
        case let .decimal(unscaled, scale): return Scalar.decimalDigits(unscaled, scale: scale)
        case let .string(value): return value.isEmpty ? nil : value
        case let .binary(value): return value.isEmpty ? nil : escaped(value)
        case let .date(days): return DateTimeText.date(Int64(days))
        case let .timestamp(micros): return DateTimeText.timestamp(micros, fraction: .microseconds) + "Z"
        case let .timestampNTZ(micros): return DateTimeText.timestamp(micros, separator: " ", fraction: .microseconds)
        }
    }

    /// The value that a text stands for; nil for null. Throws ``DeltaError/invalidPartitionValue(column:type:value:)``.
    static func parse(_ text: String?, as field: Field) throws(DeltaError) -> Scalar? {
        guard let text, !text.isEmpty else { return nil }
        guard let value = scalar(text, type: field.type) else {
            throw .invalidPartitionValue(column: field.name, type: field.type.description, value: text)
        }
        return value
    }

    /// Whether a column of this type may partition a table.
    static func canPartition(by type: DataType) -> Bool {
        switch type {
        case .list, .map, .structure, .null: false
        default: true
        }
    }

    private static func scalar(_ text: String, type: DataType) -> Scalar? {
        switch type {
        case .boolean: boolean(text)
        case .byte: Int8(text).map { .integer(Int64($0)) }
        case .short: Int16(text).map { .integer(Int64($0)) }
        case .integer: Int32(text).map { .integer(Int64($0)) }
        case .long: Int64(text).map { .integer($0) }
        case .float: Float(text).map { .float($0) }
        case .double: Double(text).map { .double($0) }
        case let .decimal(precision, scale): DecimalText.parse(text, precision: precision, scale: scale).map { .decimal($0, scale: scale) }
        case .string: .string(text)
        case .binary: .binary(unescaped(text))
        case .date: DateTimeText.parseDate(text).map { .date($0) }
        case .timestamp: DateTimeText.parseTimestamp(text).map { .timestamp($0.microseconds) }
        case .timestampNTZ: DateTimeText.parseTimestamp(text).map { .timestampNTZ($0.microseconds) }
        case .list, .map, .structure, .null: nil
        }
    }

    private static func boolean(_ text: String) -> Scalar? {
        switch text.lowercased() {
        case "true": .bool(true)
        case "false": .bool(false)
        default: nil
        }
    }

    /// Swift spells infinities `inf`; the log wants Java's words.
    private static func javaText(of value: some BinaryFloatingPoint, description: String) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return description
    }

    /// `\u0001\u00FF`, one escape a byte, as the protocol says.
    private static func escaped(_ bytes: Bytes) -> String {
        let digits = Array("0123456789ABCDEF")
        return bytes.array.reduce(into: "") { text, byte in
            text += "\\u00"
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
    }

    /// Escapes resolved; any other text is its UTF-8 bytes, as Spark writes binaries.
    private static func unescaped(_ text: String) -> Bytes {
        let source = Array(text.utf8)
        guard source.count % 6 == 0 else { return Bytes(text) }
        var result: [UInt8] = []
        for start in stride(from: 0, to: source.count, by: 6) {
            guard source[start] == UInt8(ascii: "\\"), source[start + 1] == UInt8(ascii: "u"),
                let code = UInt16(String(decoding: source[(start + 2)..<(start + 6)], as: UTF8.self), radix: 16), let byte = UInt8(exactly: code)
            else { return Bytes(text) }
            result.append(byte)
        }
        return Bytes(result)
    }
}
