import Base

/// The buffers behind a column's values.
///
/// All numbers are little-endian. Offsets are `Int32`, one more than there are rows, never decreasing, and need not begin at zero (a slice's do not).
public indirect enum ColumnValues: Sendable {
    /// A column of type `null`: nothing is stored.
    case none
    /// Booleans: one bit per row (see ``Bitmap``).
    case bits(Bytes)
    /// ``DataType/fixedWidth`` bytes per row: byte `Int8`, short `Int16`, integer and date `Int32`, long and both timestamps `Int64`, float `Float`,
    /// double `Double`, decimal the unscaled value as `Int64` up to 18 digits and `Int128` above.
    case fixed(Bytes)
    /// Strings and binaries: row `i` is `data[offsets[i]..<offsets[i + 1]]`.
    case variable(offsets: Bytes, data: Bytes)
    /// Row `i` is the elements `offsets[i]..<offsets[i + 1]`.
    case list(offsets: Bytes, elements: Column)
    /// Row `i` is the entries `offsets[i]..<offsets[i + 1]`.
    case map(offsets: Bytes, keys: Column, values: Column)
    /// One column per field, each as long as this one. A child's rows under a null of its parent mean nothing.
    case structure([Column])
    /// Row `i` is row `codes[i]` (`Int32`) of `dictionary`, which has the same type, no nulls and no codes of its own. Only readers that were
    /// asked to keep dictionaries make these; ``Column/withoutDictionary()`` spells them out. Codes at null rows are 0 or valid.
    case dictionary(codes: Bytes, dictionary: Column)
}

extension ColumnValues {
    /// Throws unless these buffers can hold `count` rows of `type`.
    func check(type: DataType, count: Int) throws(ColumnarError) {
        switch (self, type) {
        case (.none, .null): return
        case let (.bits(bits), .boolean): try Self.check(bits, Bitmap.byteCount(count), type)
        case let (.fixed(bytes), _):
            guard let width = type.fixedWidth else { throw mismatch(type) }
            try Self.check(bytes, count * width, type)
        case let (.variable(offsets, data), .string), let (.variable(offsets, data), .binary):
            try Self.checkOffsets(offsets, count: count, limit: data.count, type)
        case let (.list(offsets, elements), .list(element)):
            try Self.checkOffsets(offsets, count: count, limit: elements.count, type)
            guard elements.type == element.type else { throw .typeMismatch(expected: element.type.description, found: elements.type.description) }
        case let (.map(offsets, keys, values), .map(key, value)):
            guard keys.count == values.count else { throw .unequalLengths(expected: keys.count, found: values.count) }
            try Self.checkOffsets(offsets, count: count, limit: keys.count, type)
            guard keys.type == key.type else { throw .typeMismatch(expected: key.type.description, found: keys.type.description) }
            guard values.type == value.type else { throw .typeMismatch(expected: value.type.description, found: values.type.description) }
        case let (.structure(children), .structure(fields)):
            guard children.count == fields.count else { throw mismatch(type) }
            for (child, field) in zip(children, fields) {
                guard child.count == count else { throw .unequalLengths(expected: count, found: child.count) }
                guard child.type == field.type else { throw .typeMismatch(expected: field.type.description, found: child.type.description) }
            }
        case let (.dictionary(codes, dictionary), _):
            guard dictionary.type == type, dictionary.nullCount == 0 else { throw mismatch(type) }
            if case .dictionary = dictionary.values { throw mismatch(type) }
            try Self.check(codes, count * 4, type)
            try Self.checkCodes(codes, count: count, limit: dictionary.count, type)
        default: throw mismatch(type)
        }
    }

    private func mismatch(_ type: DataType) -> ColumnarError { .typeMismatch(expected: type.description, found: "buffers of another layout") }

    private static func check(_ bytes: Bytes, _ needed: Int, _ type: DataType) throws(ColumnarError) {
        guard bytes.count >= needed else { throw .bufferTooShort(type: type.description, needed: needed, available: bytes.count) }
    }

    private static func checkOffsets(_ offsets: Bytes, count: Int, limit: Int, _ type: DataType) throws(ColumnarError) {
        try check(offsets, (count + 1) * 4, type)
        let wrongRow: Int? = offsets.withUnsafeBytes { raw in
            let values = raw.assumingMemoryBound(to: Int32.self)
            guard values[0] >= 0 else { return 0 }
            for row in 0..<count where values[row] > values[row + 1] { return row }
            return Int(values[count]) <= limit ? nil : count
        }
        if let wrongRow { throw .invalidOffsets(type: type.description, row: wrongRow) }
    }

    private static func checkCodes(_ codes: Bytes, count: Int, limit: Int, _ type: DataType) throws(ColumnarError) {
        let wrongRow: Int? = codes.withUnsafeBytes { raw in
            let values = raw.assumingMemoryBound(to: Int32.self)
            for row in 0..<count where values[row] < 0 || Int(values[row]) >= limit { return row }
            return nil
        }
        if let wrongRow { throw .invalidOffsets(type: type.description, row: wrongRow) }
    }

    /// Buffers for `count` rows that hold zeros, empty strings or nothing.
    static func zeros(of type: DataType, count: Int) -> ColumnValues {
        switch type {
        case .null: .none
        case .boolean: .bits(Bytes(zeros: Bitmap.byteCount(count)))
        case .string, .binary: .variable(offsets: Bytes(zeros: (count + 1) * 4), data: .empty)
        case let .list(element): .list(offsets: Bytes(zeros: (count + 1) * 4), elements: .nulls(element.type, count: 0))
        case let .map(key, value):
            .map(offsets: Bytes(zeros: (count + 1) * 4), keys: .nulls(key.type, count: 0), values: .nulls(value.type, count: 0))
        case let .structure(fields): .structure(fields.map { Column.nulls($0.type, count: count) })
        default: .fixed(Bytes(zeros: count * (type.fixedWidth ?? 0)))
        }
    }

    func slice(_ range: Range<Int>, type: DataType) -> ColumnValues {
        func rows(_ bytes: Bytes, _ width: Int, extra: Int = 0) -> Bytes {
            bytes.slice((range.lowerBound * width)..<((range.upperBound + extra) * width)) ?? .empty
        }
        switch self {
        case .none: return .none
        case let .bits(bits): return .bits(Bitmap.slice(bits, range))
        case let .fixed(bytes): return .fixed(rows(bytes, type.fixedWidth ?? 0))
        case let .variable(offsets, data): return .variable(offsets: rows(offsets, 4, extra: 1), data: data)
        case let .list(offsets, elements): return .list(offsets: rows(offsets, 4, extra: 1), elements: elements)
        case let .map(offsets, keys, values): return .map(offsets: rows(offsets, 4, extra: 1), keys: keys, values: values)
        case let .structure(children): return .structure(children.map { $0.slice(range) })
        case let .dictionary(codes, dictionary): return .dictionary(codes: rows(codes, 4), dictionary: dictionary)
        }
    }

    func sizeInBytes(count: Int) -> Int {
        switch self {
        case .none: return 0
        case let .bits(bytes), let .fixed(bytes): return bytes.count
        case let .variable(offsets, _): return offsets.count + Self.span(offsets, count).count
        case let .list(offsets, elements): return offsets.count + elements.slice(Self.span(offsets, count)).sizeInBytes
        case let .map(offsets, keys, values):
            let span = Self.span(offsets, count)
            return offsets.count + keys.slice(span).sizeInBytes + values.slice(span).sizeInBytes
        case let .structure(children): return children.reduce(0) { $0 + $1.sizeInBytes }
        case let .dictionary(codes, dictionary): return codes.count + dictionary.sizeInBytes
        }
    }

    /// What the first `count` rows of a column with these offsets cover.
    package static func span(_ offsets: Bytes, _ count: Int) -> Range<Int> {
        offsets.withUnsafeBytes { raw in
            let values = raw.assumingMemoryBound(to: Int32.self)
            guard values.count > count else { return 0..<0 }
            return Int(values[0])..<Int(values[count])
        }
    }
}
