import Base
import Columnar

/// Values as people and text formats show them.
public enum ValueText {
    /// Without quotation marks: dates and times in ISO 8601 (a timestamp ends with `Z`), binaries in base64, nested values as JSON.
    public static func plain(_ value: Scalar, type: DataType) -> String {
        switch value {
        case let .bool(value): value ? "true" : "false"
        case let .integer(value): String(value)
        case let .float(value): number(value, value.description)
        case let .double(value): number(value, value.description)
        case let .decimal(unscaled, scale): Scalar.decimalDigits(unscaled, scale: scale)
        case let .string(text): text
        case let .binary(bytes): Base64.encode(bytes)
        case let .date(days): DateTimeText.date(Int64(days))
        case let .timestamp(micros): DateTimeText.timestamp(micros, fraction: .shortest) + "Z"
        case let .timestampNTZ(micros): DateTimeText.timestamp(micros, fraction: .shortest)
        case .list, .structure, .map: nested(value, type)
        }
    }

    private static func number(_ value: some BinaryFloatingPoint, _ text: String) -> String {
        if value.isNaN { return "NaN" }
        return value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : text
    }

    private static func nested(_ value: Scalar, _ type: DataType) -> String {
        let builder = ColumnBuilder(type: type)
        guard (try? builder.append(value)) != nil,
            let batch = try? ColumnBatch(schema: Schema([Field("v", type)]), columns: [builder.finish()], rowCount: 1)
        else { return value.description }
        // `{"v":…}` and a line break.
        return String(JSONLinesFormat().rows(batch).text.dropFirst(5).dropLast(2))
    }
}
