import Base
import Columnar

/// A struct column by its members' names.
struct StructRows {
    private let column: Column
    let fields: [Field]
    private let children: [Column]

    /// nil where the column is no struct.
    init?(_ column: Column, field: Field) {
        guard case let .structure(fields) = field.type, case let .structure(children) = column.values else { return nil }
        self.column = column
        self.fields = fields
        self.children = children
    }

    var count: Int { column.count }

    func isNull(_ row: Int) -> Bool { column.isNull(at: row) }

    /// Whether there is nothing but nulls.
    var isEmpty: Bool { column.nullCount == column.count }

    /// All members of a row; nil for null.
    func value(_ row: Int) -> Scalar? { column.value(at: row) }

    private func place(_ name: String) -> Int? { fields.firstIndex { $0.name == name } }

    /// A nested struct; nil where there is none of that name.
    func structure(_ name: String) -> StructRows? { place(name).flatMap { StructRows(children[$0], field: fields[$0]) } }

    /// A text member; nil where there is none. Throws where it has another type.
    func texts(_ name: String) throws(ActionDecoding.Failure) -> TextRows? {
        guard let place = place(name) else { return nil }
        guard let rows = TextRows(children[place]) else { throw wrong(name, fields[place].type) }
        return rows
    }

    func integers(_ name: String) throws(ActionDecoding.Failure) -> IntegerRows? {
        guard let place = place(name) else { return nil }
        guard let rows = IntegerRows(children[place]) else { throw wrong(name, fields[place].type) }
        return rows
    }

    func bools(_ name: String) throws(ActionDecoding.Failure) -> BoolRows? {
        guard let place = place(name) else { return nil }
        guard let rows = BoolRows(children[place]) else { throw wrong(name, fields[place].type) }
        return rows
    }

    func textMaps(_ name: String) throws(ActionDecoding.Failure) -> TextMapRows? {
        guard let place = place(name) else { return nil }
        guard let rows = TextMapRows(children[place]) else { throw wrong(name, fields[place].type) }
        return rows
    }

    private func wrong(_ name: String, _ type: DataType) -> ActionDecoding.Failure {
        ActionDecoding.Failure(reason: "the member \(name) has the type \(type)")
    }

    /// Members that are not null. For rows that are few.
    func object(_ row: Int) -> JSONObject {
        var object: JSONObject = [:]
        for (field, child) in zip(fields, children) {
            if let value = child.value(at: row) { object[field.name] = Self.json(value, field.type) }
        }
        return object
    }

    private static func json(_ value: Scalar?, _ type: DataType) -> JSONValue {
        switch (value, type) {
        case let (.bool(value), _): return .bool(value)
        case let (.integer(value), _): return .integer(value)
        case let (.string(value), _): return .string(value)
        // A writer that did not say that its bytes are text.
        case let (.binary(value), _): return .string(value.text)
        case let (.timestamp(micros), _), let (.timestampNTZ(micros), _): return .integer(Timestamp(microseconds: micros).milliseconds)
        case let (.list(values), .list(element)): return .array(values.map { json($0, element.type) })
        case let (.structure(values), .structure(fields)):
            return .object(JSONObject(zip(fields, values).map { (key: $0.name, value: json($1, $0.type)) }))
        case let (.map(entries), .map(_, valueField)):
            return .object(JSONObject(entries.map { (key: text($0.key), value: json($0.value, valueField.type)) }))
        default: return .null
        }
    }

    private static func text(_ value: Scalar?) -> String {
        switch value {
        case let .string(text): text
        case let .binary(bytes): bytes.text
        default: ""
        }
    }
}

/// Rows of text, as bytes.
struct TextRows {
    private let column: Column
    private let offsets: Bytes
    private let data: Bytes

    /// nil where the column holds neither text nor bytes.
    init?(_ column: Column) {
        guard column.type == .string || column.type == .binary, case let .variable(offsets, data) = column.values else { return nil }
        self.column = column
        self.offsets = offsets
        self.data = data
    }

    var count: Int { column.count }

    /// Whether there is nothing but nulls.
    var isEmpty: Bool { column.nullCount == column.count }

    var hasNoNull: Bool { column.nullCount == 0 }

    /// nil for null.
    func bytes(_ row: Int) -> Bytes? {
        guard !column.isNull(at: row) else { return nil }
        return data.slice(offsets.withUnsafeBytes { Values.range($0, row) })
    }

    func text(_ row: Int) -> String? { bytes(row)?.text }

    func isNull(_ row: Int) -> Bool { column.isNull(at: row) }

    /// All values, without a reference to count for each.
    struct Values {
        fileprivate let column: Column
        fileprivate let offsets: UnsafeRawBufferPointer
        let data: UnsafeRawBufferPointer

        /// Where in ``data`` the value lies; nil for null.
        @inline(__always)
        func range(_ row: Int) -> Range<Int>? { column.isNull(at: row) ? nil : Self.range(offsets, row) }

        subscript(row: Int) -> UnsafeRawBufferPointer? {
            @inline(__always) get { range(row).map { UnsafeRawBufferPointer(rebasing: data[$0]) } }
        }

        @inline(__always)
        fileprivate static func range(_ offsets: UnsafeRawBufferPointer, _ row: Int) -> Range<Int> {
            let ends = offsets.assumingMemoryBound(to: Int32.self)
            return Int(ends[row])..<Int(ends[row + 1])
        }
    }

    /// Calls `body` with the values, which are only valid during the call.
    func withValues<Result, Failure: Error>(_ body: (Values) throws(Failure) -> Result) throws(Failure) -> Result {
        try offsets.withUnsafeBytes { (offsets) throws(Failure) in
            try data.withUnsafeBytes { (data) throws(Failure) in try body(Values(column: column, offsets: offsets, data: data)) }
        }
    }
}

/// Rows of 32- or 64-bit integers.
struct IntegerRows {
    private let column: Column
    private let values: Bytes
    private let isWide: Bool

    init?(_ column: Column) {
        guard column.type == .long || column.type == .integer, case let .fixed(values) = column.values else { return nil }
        self.column = column
        self.values = values
        isWide = column.type == .long
    }

    /// Whether there is nothing but nulls.
    var isEmpty: Bool { column.nullCount == column.count }

    subscript(row: Int) -> Int64? {
        guard !column.isNull(at: row) else { return nil }
        return values.withUnsafeBytes { raw in
            isWide ? raw.loadUnaligned(fromByteOffset: row * 8, as: Int64.self) : Int64(raw.loadUnaligned(fromByteOffset: row * 4, as: Int32.self))
        }
    }
}

/// Rows of booleans.
struct BoolRows {
    private let column: Column
    private let bits: Bytes

    init?(_ column: Column) {
        guard case let .bits(bits) = column.values else { return nil }
        self.column = column
        self.bits = bits
    }

    subscript(row: Int) -> Bool? {
        guard !column.isNull(at: row) else { return nil }
        return bits.withUnsafeBytes { raw in raw.baseAddress.map { Bitmap.isSet($0, row) } }
    }
}

/// Rows of maps from text to text.
struct TextMapRows {
    private let column: Column
    private let offsets: Bytes
    private let keys: TextRows
    private let values: TextRows

    init?(_ column: Column) {
        guard case let .map(offsets, keyColumn, valueColumn) = column.values, let keys = TextRows(keyColumn), let values = TextRows(valueColumn) else {
            return nil
        }
        self.column = column
        self.offsets = offsets
        self.keys = keys
        self.values = values
    }

    func isNull(_ row: Int) -> Bool { column.isNull(at: row) }

    /// Whether there is nothing but nulls and maps without an entry.
    var isEmpty: Bool { column.nullCount == column.count || keys.count == 0 }

    /// Calls `body` with each entry of the row.
    func forEach(_ row: Int, _ body: (_ key: Bytes, _ value: Bytes?) -> Void) {
        guard !column.isNull(at: row) else { return }
        let range = offsets.withUnsafeBytes { raw in
            let ends = raw.assumingMemoryBound(to: Int32.self)
            return Int(ends[row])..<Int(ends[row + 1])
        }
        for entry in range {
            if let key = keys.bytes(entry) { body(key, values.bytes(entry)) }
        }
    }
}
