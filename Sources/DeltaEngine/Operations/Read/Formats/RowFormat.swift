import Base
import Columnar

/// Turns rows into text of some format, batch by batch.
public protocol RowFormat: Sendable {
    /// What goes before the first row.
    func header(_ schema: Schema) -> Bytes
    /// The rows' text.
    func rows(_ batch: ColumnBatch) -> Bytes
}

/// One JSON object on each line, members in the order of the columns, nulls written out. `levee table write` reads it back.
public struct JSONLinesFormat: RowFormat {
    public init() {}

    public func header(_ schema: Schema) -> Bytes { .empty }

    public func rows(_ batch: ColumnBatch) -> Bytes {
        var writer = JSONWriter()
        let keys = batch.schema.fields.enumerated().map { index, field in (index == 0 ? "{" : ",") + JSON.encode(.string(field.name)) + ":" }
        for row in 0..<batch.rowCount {
            if keys.isEmpty { writer.raw("{") }
            for (key, column) in zip(keys, batch.columns) {
                writer.raw(key)
                Self.write(column.value(at: row), type: column.type, to: &writer)
            }
            writer.raw("}\n")
        }
        return Bytes(writer.output)
    }

    /// A value as JSON: decimals exact, dates and times as ISO 8601 text, binaries as base64.
    private static func write(_ value: Scalar?, type: DataType, to writer: inout JSONWriter) {
        switch (value, type) {
        case (nil, _): writer.raw("null")
        case let (.bool(value), _): writer.raw(value ? "true" : "false")
        case let (.integer(value), _): writer.write(integer: value)
        case let (.float(value), _) where value.isFinite: writer.raw(value.description)
        case let (.float(value), _): writer.write(double: Double(value))
        case let (.double(value), _): writer.write(double: value)
        case let (.string(text), _): writer.write(string: text)
        case let (.decimal(unscaled, scale), _): writer.raw(Scalar.decimalDigits(unscaled, scale: scale))
        case let (.list(values), .list(element)): writeElements(values, "[", "]", to: &writer) { write($1, type: element.type, to: &$0) }
        case let (.structure(values), .structure(fields)):
            writeElements(Array(zip(fields, values)), "{", "}", to: &writer) { writer, member in
                writer.write(string: member.0.name)
                writer.raw(":")
                write(member.1, type: member.0.type, to: &writer)
            }
        case let (.map(entries), .map(keyType, valueType)):
            writeElements(entries, "{", "}", to: &writer) { writer, entry in
                writer.write(string: entry.key.map { ValueText.plain($0, type: keyType.type) } ?? "null")
                writer.raw(":")
                write(entry.value, type: valueType.type, to: &writer)
            }
        case let (value?, _): writer.write(string: ValueText.plain(value, type: type))
        }
    }

    private static func writeElements<Element>(
        _ elements: [Element], _ open: String, _ close: String, to writer: inout JSONWriter, _ body: (inout JSONWriter, Element) -> Void
    ) {
        writer.raw(open)
        for (index, element) in elements.enumerated() {
            if index > 0 { writer.raw(",") }
            body(&writer, element)
        }
        writer.raw(close)
    }
}

/// Comma-separated values (RFC 4180) with a header line. Null is an empty field, an empty text `""`.
public struct CSVFormat: RowFormat {
    public init() {}

    public func header(_ schema: Schema) -> Bytes {
        Bytes(schema.fields.map { Self.quoted($0.name) }.joined(separator: ",") + "\n")
    }

    public func rows(_ batch: ColumnBatch) -> Bytes {
        var text = ""
        for row in 0..<batch.rowCount {
            for (index, column) in batch.columns.enumerated() {
                if index > 0 { text += "," }
                if let value = column.value(at: row) { text += Self.quoted(ValueText.plain(value, type: column.type)) }
            }
            text += "\n"
        }
        return Bytes(text)
    }

    private static func quoted(_ text: String) -> String {
        let needsQuotes = text.isEmpty || text.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 0x0A || $0 == 0x0D }
        guard needsQuotes else { return text }
        return "\"" + text.reduce(into: "") { $0 += $1 == "\"" ? "\"\"" : String($1) } + "\""
    }
}
