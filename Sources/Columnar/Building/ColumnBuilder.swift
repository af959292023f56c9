import Base

/// Builds a column value by value, for row-wise sources (JSON lines, log actions, literals).
///
/// Used by one task at a time. For text, numbers and nesting there are direct calls besides ``append(_:)``: they make no ``Scalar``.
public final class ColumnBuilder {
    public let type: DataType
    /// The rows appended so far.
    public private(set) var count = 0

    private var nullCount = 0
    /// Empty until the first null: most columns have none.
    private var validity = BytesBuilder()
    private var buffer = BytesBuilder()
    private var offsets = BytesBuilder()
    /// The builders of a nested type's parts: a list's elements, a map's keys and values, a struct's fields.
    ///
    /// A list or map row is built by appending to the children and then calling ``appendNested()``; a struct row by appending one value to every
    /// child and then calling ``appendNested()``.
    public let children: [ColumnBuilder]

    public init(type: DataType, capacity: Int = 0) {
        self.type = type
        switch type {
        case let .list(element): children = [ColumnBuilder(type: element.type)]
        case let .map(key, value): children = [ColumnBuilder(type: key.type), ColumnBuilder(type: value.type)]
        case let .structure(fields): children = fields.map { ColumnBuilder(type: $0.type, capacity: capacity) }
        default: children = []
        }
        if let width = type.fixedWidth { buffer.reserve(capacity * width) }
        if hasOffsets {
            offsets.reserve((capacity + 1) * 4)
            offsets.append(Int32(0))
        }
    }

    private var hasOffsets: Bool {
        switch type {
        case .string, .binary, .list, .map: true
        default: false
        }
    }

    // MARK: Nulls and nesting

    public func appendNull() {
        if nullCount == 0, type != .null {
            validity.append(repeating: 0xff, count: Bitmap.byteCount(count))
        }
        nullCount += 1
        switch type {
        case .null: break
        case .boolean: appendBit(false)
        case .string, .binary, .list, .map: appendOffset(lastOffset)
        case .structure: for child in children { child.appendNull() }
        default: buffer.append(repeating: 0, count: type.fixedWidth ?? 0)
        }
        finishRow(valid: false)
    }

    /// Ends a row of a nested type whose parts have been appended to ``children``.
    public func appendNested() throws(ColumnarError) {
        switch type {
        case .list, .map:
            let length = children[0].count
            if type.isMap, children[1].count != length { throw .unequalLengths(expected: length, found: children[1].count) }
            appendOffset(try checkedOffset(length))
        case .structure:
            for child in children where child.count != count + 1 { throw .unequalLengths(expected: count + 1, found: child.count) }
        default: throw .typeMismatch(expected: type.description, found: "a nested value")
        }
        finishRow(valid: true)
    }

    // MARK: Values

    /// For a boolean column.
    public func append(_ value: Bool) throws(ColumnarError) {
        guard type == .boolean else { throw .typeMismatch(expected: type.description, found: "boolean") }
        appendBit(value)
        finishRow(valid: true)
    }

    /// For byte to long, date and both timestamps (see ``DataType`` for units), and the unscaled value of a decimal.
    public func append(_ value: Int64) throws(ColumnarError) { try append(Int128(value)) }

    /// As ``append(_:)-(Int64)``, wide enough for every decimal.
    public func append(_ value: Int128) throws(ColumnarError) {
        func fitting<Integer: FixedWidthInteger & BitwiseCopyable>(_: Integer.Type) throws(ColumnarError) {
            guard let narrowed = Integer(exactly: value) else { throw .outOfRange(type: type.description, value: "\(value)") }
            buffer.append(narrowed)
        }
        switch type {
        case .byte: try fitting(Int8.self)
        case .short: try fitting(Int16.self)
        case .integer, .date: try fitting(Int32.self)
        case .long, .timestamp, .timestampNTZ: try fitting(Int64.self)
        case let .decimal(precision, _):
            guard value.magnitude < Self.limit(precision: precision) else { throw .outOfRange(type: type.description, value: "\(value)") }
            if precision <= DataType.maximumCompactDecimalPrecision { try fitting(Int64.self) } else { buffer.append(value) }
        default: throw .typeMismatch(expected: type.description, found: "an integer")
        }
        finishRow(valid: true)
    }

    /// For float and double. A float column takes the nearest float.
    public func append(_ value: Double) throws(ColumnarError) {
        switch type {
        case .double: buffer.append(value)
        case .float: buffer.append(Float(value))
        default: throw .typeMismatch(expected: type.description, found: "a floating-point number")
        }
        finishRow(valid: true)
    }

    /// For string (the bytes must be UTF-8, which is not checked here) and binary.
    public func append(bytes: UnsafeRawBufferPointer) throws(ColumnarError) {
        guard type == .string || type == .binary else { throw .typeMismatch(expected: type.description, found: "bytes") }
        let end = try checkedOffset(buffer.count + bytes.count)
        buffer.append(contentsOf: bytes)
        appendOffset(end)
        finishRow(valid: true)
    }

    /// For string.
    public func append(_ value: String) throws(ColumnarError) {
        guard type == .string else { throw .typeMismatch(expected: type.description, found: "string") }
        let end = try checkedOffset(buffer.count + value.utf8.count)
        var value = value
        value.withUTF8 { buffer.append(contentsOf: UnsafeRawBufferPointer($0)) }
        appendOffset(end)
        finishRow(valid: true)
    }

    /// Any value of the column's type, nil for null. On an error nothing has been appended to this builder; a nested one must then be discarded.
    public func append(_ value: Scalar?) throws(ColumnarError) {
        guard let value else { return appendNull() }
        switch (value, type) {
        case let (.bool(value), .boolean): try append(value)
        case let (.integer(value), .byte), let (.integer(value), .short), let (.integer(value), .integer), let (.integer(value), .long):
            try append(value)
        case let (.date(value), .date): try append(Int64(value))
        case let (.timestamp(value), .timestamp), let (.timestampNTZ(value), .timestampNTZ): try append(value)
        case let (.decimal(value, scale), .decimal(_, expected)) where scale == expected: try append(value)
        case let (.float(value), .float):
            buffer.append(value)
            finishRow(valid: true)
        case let (.double(value), .double): try append(value)
        case let (.string(value), .string): try append(value)
        case let (.binary(value), .binary):
            try value.withUnsafeBytes { (bytes) throws(ColumnarError) in try append(bytes: bytes) }
        case let (.list(values), .list):
            for value in values { try children[0].append(value) }
            try appendNested()
        case let (.structure(values), .structure):
            guard values.count == children.count else { throw .unequalLengths(expected: children.count, found: values.count) }
            for (child, value) in zip(children, values) { try child.append(value) }
            try appendNested()
        case let (.map(entries), .map):
            for entry in entries {
                try children[0].append(entry.key)
                try children[1].append(entry.value)
            }
            try appendNested()
        default: throw .typeMismatch(expected: type.description, found: "\(value)")
        }
    }

    /// The column, and an empty builder left behind.
    public func finish() -> Column {
        let values: ColumnValues =
            switch type {
            case .null: .none
            case .boolean: .bits(buffer.take())
            case .string, .binary: .variable(offsets: offsets.take(), data: buffer.take())
            case .list: .list(offsets: offsets.take(), elements: children[0].finish())
            case .map: .map(offsets: offsets.take(), keys: children[0].finish(), values: children[1].finish())
            case .structure: .structure(children.map { $0.finish() })
            default: .fixed(buffer.take())
            }
        let column = Column(trusted: type, count: count, nullCount: nullCount, validity: nullCount > 0 ? validity.take() : nil, values: values)
        count = 0
        nullCount = 0
        if hasOffsets { offsets.append(Int32(0)) }
        return column
    }

    // MARK: Parts

    private func finishRow(valid: Bool) {
        if nullCount > 0, type != .null {
            if count & 7 == 0 { validity.append(UInt8(0)) }
            // What was filled in at the first null may hold this row's bit as set.
            validity.withUnsafeMutableBytes { bits in
                guard let base = bits.baseAddress else { return }
                if valid { Bitmap.set(base, count) } else { Bitmap.clear(base, count) }
            }
        }
        count += 1
    }

    private func appendBit(_ value: Bool) {
        if count & 7 == 0 { buffer.append(UInt8(0)) }
        guard value else { return }
        buffer.withUnsafeMutableBytes { bits in
            if let base = bits.baseAddress { Bitmap.set(base, count) }
        }
    }

    private var lastOffset: Int32 {
        offsets.withUnsafeMutableBytes { $0.loadUnaligned(fromByteOffset: $0.count - 4, as: Int32.self) }
    }

    private func appendOffset(_ offset: Int32) { offsets.append(offset) }

    private func checkedOffset(_ length: Int) throws(ColumnarError) -> Int32 {
        guard let offset = Int32(exactly: length) else { throw .tooLarge(type: type.description) }
        return offset
    }

    /// One above the largest unscaled value of `precision` digits.
    private static func limit(precision: Int) -> UInt128 {
        var limit: UInt128 = 1
        for _ in 0..<min(max(precision, 0), DataType.maximumDecimalPrecision) { limit *= 10 }
        return limit
    }
}

extension DataType {
    fileprivate var isMap: Bool {
        if case .map = self { true } else { false }
    }
}
