import Base
import Columnar

/// Reads one JSON value into a column of a given type.
///
/// Numbers must fit exactly (a decimal's digits, an integer's range); text stands for dates, times, binaries (base64) and for the numbers that
/// JSON cannot spell (NaN, infinities, and decimals where the writer feared for their digits). A time without a zone is UTC.
enum JSONValueReader {
    static func append(_ scanner: inout JSONScanner, to builder: ColumnBuilder, field: Field, path: String) throws {
        switch field.type {
        case .boolean:
            try expect(.bool, &scanner, field, path)
            try builder.append(try scanner.bool())
        case .byte, .short, .integer, .long: try appendInteger(&scanner, builder, field, path)
        case .float, .double: try appendFloat(&scanner, builder, field, path)
        case let .decimal(precision, scale): try appendDecimal(&scanner, builder, field, path, precision, scale)
        case .string:
            try expect(.string, &scanner, field, path)
            try appendText(&scanner, builder)
        case .binary:
            let text = try text(&scanner, field, path)
            guard let bytes = Base64.decode(text) else { throw RowError(column: path, wanted: field.type, found: "not base64") }
            try bytes.withUnsafeBytes { buffer in try builder.append(bytes: buffer) }
        case .date:
            let text = try text(&scanner, field, path)
            guard let days = DateTimeText.parseDate(text) else { throw RowError(column: path, wanted: field.type, found: quoted(text)) }
            try builder.append(Int64(days))
        case .timestamp, .timestampNTZ:
            let text = try text(&scanner, field, path)
            guard let time = DateTimeText.parseTimestamp(text), field.type == .timestamp || !time.isZoned else {
                throw RowError(column: path, wanted: field.type, found: quoted(text))
            }
            try builder.append(time.microseconds)
        case .list(let element): try appendList(&scanner, builder, field, element, path)
        case .structure(let fields): try appendStructure(&scanner, builder, field, fields, path)
        case let .map(key, value): try appendMap(&scanner, builder, field, key, value, path)
        case .null: throw RowError(column: path, wanted: field.type, found: try describe(&scanner))
        }
    }

    private static func appendInteger(_ scanner: inout JSONScanner, _ builder: ColumnBuilder, _ field: Field, _ path: String) throws {
        try expect(.number, &scanner, field, path)
        let start = scanner.position
        do {
            try builder.append(try scanner.integer())
        } catch {
            scanner.position = start
            throw RowError(column: path, wanted: field.type, found: try describe(&scanner))
        }
    }

    private static func appendFloat(_ scanner: inout JSONScanner, _ builder: ColumnBuilder, _ field: Field, _ path: String) throws {
        guard try scanner.kind() == .string else {
            try expect(.number, &scanner, field, path)
            return try builder.append(try scanner.double())
        }
        let text = try text(&scanner, field, path)
        switch text {
        case "NaN": try builder.append(Double.nan)
        case "Infinity", "+Infinity": try builder.append(Double.infinity)
        case "-Infinity": try builder.append(-Double.infinity)
        default: throw RowError(column: path, wanted: field.type, found: quoted(text))
        }
    }

    private static func appendDecimal(
        _ scanner: inout JSONScanner, _ builder: ColumnBuilder, _ field: Field, _ path: String, _ precision: Int, _ scale: Int
    ) throws {
        let text: String
        if try scanner.kind() == .string {
            text = try self.text(&scanner, field, path)
        } else {
            try expect(.number, &scanner, field, path)
            let digits = try scanner.numberText()
            text = String(decoding: scanner.bytes(of: digits), as: UTF8.self)
        }
        guard let unscaled = DecimalText.parse(text, precision: precision, scale: scale) else {
            throw RowError(column: path, wanted: field.type, found: text.count <= 60 ? text : text.prefix(60) + "…")
        }
        try builder.append(unscaled)
    }

    private static func appendText(_ scanner: inout JSONScanner, _ builder: ColumnBuilder) throws {
        let content = try scanner.string()
        let bytes = scanner.bytes(of: content)
        // Plain ASCII, the usual case, needs no String in between.
        if !content.hasEscapes, bytes.allSatisfy({ $0 < 0x80 }) { return try builder.append(bytes: bytes) }
        try builder.append(try scanner.string(of: content))
    }

    private static func appendList(_ scanner: inout JSONScanner, _ builder: ColumnBuilder, _ field: Field, _ element: Field, _ path: String) throws {
        try expect(.array, &scanner, field, path)
        try scanner.beginArray()
        while try scanner.nextElement() { try appendNested(&scanner, builder.children[0], element, "\(path).element") }
        try builder.appendNested()
    }

    private static func appendStructure(_ scanner: inout JSONScanner, _ builder: ColumnBuilder, _ field: Field, _ fields: [Field], _ path: String) throws {
        try expect(.object, &scanner, field, path)
        try scanner.beginObject()
        var given = Set<Int>()
        while let key = try scanner.nextKey() {
            let name = try scanner.string(of: key)
            guard let position = fields.firstIndex(where: { $0.name == name }) else { throw RowError("column \(path).\(name) is not in the table") }
            guard given.insert(position).inserted else { throw RowError("column \(path).\(name) is given twice") }
            try appendNested(&scanner, builder.children[position], fields[position], "\(path).\(name)")
        }
        for position in fields.indices where !given.contains(position) {
            guard fields[position].nullable else { throw RowError("column \(path).\(fields[position].name) must have a value and has none") }
            builder.children[position].appendNull()
        }
        try builder.appendNested()
    }

    private static func appendMap(_ scanner: inout JSONScanner, _ builder: ColumnBuilder, _ field: Field, _ key: Field, _ value: Field, _ path: String) throws {
        guard key.type == .string else { throw RowError("column \(path): JSON can only spell maps with text for keys, this one has \(key.type)") }
        try expect(.object, &scanner, field, path)
        try scanner.beginObject()
        while let name = try scanner.nextKey() {
            try builder.children[0].append(try scanner.string(of: name))
            try appendNested(&scanner, builder.children[1], value, "\(path).value")
        }
        try builder.appendNested()
    }

    private static func appendNested(_ scanner: inout JSONScanner, _ builder: ColumnBuilder, _ field: Field, _ path: String) throws {
        guard try scanner.takeNull() else { return try append(&scanner, to: builder, field: field, path: path) }
        guard field.nullable else { throw RowError("column \(path) must have a value and has none") }
        builder.appendNull()
    }

    private static func expect(_ kind: JSONKind, _ scanner: inout JSONScanner, _ field: Field, _ path: String) throws {
        guard try scanner.kind() == kind else { throw RowError(column: path, wanted: field.type, found: try describe(&scanner)) }
    }

    private static func text(_ scanner: inout JSONScanner, _ field: Field, _ path: String) throws -> String {
        try expect(.string, &scanner, field, path)
        let content = try scanner.string()
        return try scanner.string(of: content)
    }

    /// The value as it stands in the text, for messages.
    private static func describe(_ scanner: inout JSONScanner) throws -> String {
        let kind = try scanner.kind()
        if kind == .string {
            let content = try scanner.string()
            return quoted(try scanner.string(of: content))
        }
        let start = scanner.position
        let range = try scanner.skipValue()
        let text = String(decoding: scanner.bytes(of: JSONText(offset: start, count: range.count, hasEscapes: false)), as: UTF8.self)
        return text.count <= 60 ? text : text.prefix(60) + "…"
    }

    private static func quoted(_ text: String) -> String { "the text \"\(text.count <= 60 ? text : text.prefix(60) + "…")\"" }
}
