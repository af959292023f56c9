import Base
import Columnar

/// `stats_parsed` of a checkpoint, back to the JSON text that commits carry (protocol, "Per-file Statistics").
enum ParsedStatistics {
    /// The row's statistics; nil where there are none.
    static func json(_ rows: StructRows, _ row: Int) -> Bytes? {
        guard let value = rows.value(row), case let .structure(members) = value else { return nil }
        var writer = JSONWriter()
        write(members, rows.fields, to: &writer)
        return Bytes(writer.output)
    }

    /// Nulls are left out, as Spark's `to_json` does.
    private static func write(_ members: [Scalar?], _ fields: [Field], to writer: inout JSONWriter) {
        writer.raw("{")
        var isFirst = true
        for (field, value) in zip(fields, members) {
            guard let value else { continue }
            if !isFirst { writer.raw(",") }
            isFirst = false
            writer.write(string: field.name)
            writer.raw(":")
            write(value, field.type, to: &writer)
        }
        writer.raw("}")
    }

    private static func write(_ value: Scalar, _ type: DataType, to writer: inout JSONWriter) {
        switch value {
        case let .bool(value): writer.raw(value ? "true" : "false")
        case let .integer(value): writer.write(integer: value)
        case let .float(value): value.isFinite ? writer.raw(value.description) : writer.write(double: Double(value))
        case let .double(value): writer.write(double: value)
        case let .decimal(unscaled, scale): writer.raw(Scalar.decimalDigits(unscaled, scale: scale))
        case let .string(value): writer.write(string: value)
        case let .binary(value): writer.write(string: value.text)
        case let .date(days): writer.write(string: CivilDate(daysSinceEpoch: Int64(days)).description)
        case let .timestamp(micros): writer.write(string: Timestamp(microseconds: micros).statisticsText)
        case let .timestampNTZ(micros): writer.write(string: String(Timestamp(microseconds: micros).statisticsText.dropLast()))
        case let .structure(members):
            if case let .structure(fields) = type { write(members, fields, to: &writer) } else { writer.raw("null") }
        case let .list(values):
            writer.raw("[")
            for (place, element) in values.enumerated() {
                if place > 0 { writer.raw(",") }
                if let element, case let .list(field) = type { write(element, field.type, to: &writer) } else { writer.raw("null") }
            }
            writer.raw("]")
        case .map: writer.raw("null")
        }
    }
}

extension Timestamp {
    /// As Spark writes bounds: milliseconds at least, microseconds where there are any.
    fileprivate var statisticsText: String { microseconds % 1000 == 0 ? rfc3339Milliseconds : rfc3339Microseconds }
}
