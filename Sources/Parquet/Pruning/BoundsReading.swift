import Base
import Columnar

/// Reads the bounds of one leaf's values from a footer or a column index, with the format's rules for which of them mean anything.
struct BoundsReading {
    let leaf: SchemaLeaf
    let type: DataType
    let conversion: ValueConversion
    let order: ColumnOrder?

    var isFloatingPoint: Bool { type == .float || type == .double }

    /// The facts of a column chunk.
    func facts(_ statistics: ColumnStatistics?, valueCount: Int64) -> ValueFacts {
        var facts = ValueFacts(valueCount: valueCount, mayHoldNaN: isFloatingPoint && statistics?.nanCount != 0)
        guard let statistics else { return facts }
        if let nulls = statistics.nullCount, (0...valueCount).contains(nulls) { facts.nullCount = nulls }
        guard statistics.isDeprecated ? hasSignedOrder : hasDefinedOrder else { return facts }
        facts.minimum = statistics.minimum.flatMap(value)
        facts.maximum = statistics.maximum.flatMap(value)
        // Only text and binary are ever cut, and where they may be the writer says if they are not.
        let isCut = leaf.physicalType == .byteArray || leaf.physicalType == .fixedLengthByteArray
        facts.isExact =
            isCut
            ? statistics.isMinimumExact == true && statistics.isMaximumExact == true : statistics.isMinimumExact != false && statistics.isMaximumExact != false
        return consistent(facts)
    }

    /// The facts of one page of `rows` rows.
    func facts(_ index: ColumnIndex, page: Int, rows: Int64, chunkHasNoNaN: Bool) -> ValueFacts {
        var facts = ValueFacts(valueCount: rows, mayHoldNaN: isFloatingPoint && !chunkHasNoNaN)
        if index.isNullPage[page] {
            facts.nullCount = rows
            return facts
        }
        if let nulls = index.nullCounts?[page], (0...rows).contains(nulls) { facts.nullCount = nulls }
        guard hasDefinedOrder else { return facts }
        facts.minimum = value(index.minima[page])
        facts.maximum = value(index.maxima[page])
        return consistent(facts)
    }

    /// Bounds that contradict each other say nothing.
    private func consistent(_ facts: ValueFacts) -> ValueFacts {
        guard let low = facts.minimum, let high = facts.maximum, Scalar.compare(low, high) == .descending else { return facts }
        var facts = facts
        (facts.minimum, facts.maximum, facts.isExact) = (nil, nil, false)
        return facts
    }

    /// The deprecated bounds were compared as signed numbers, or as signed bytes; they hold where that is the type's order (parquet.thrift, `Statistics`).
    private var hasSignedOrder: Bool {
        switch conversion {
        case .bits, .copy4, .copy8, .int32ToInt8, .int32ToInt16, .int32ToInt64, .millisecondsToMicroseconds, .nanosecondsToMicroseconds: hasKnownMeaning
        default: false
        }
    }

    private var hasDefinedOrder: Bool {
        switch (order, conversion) {
        case (nil, _), (.unknown, _), (_, .int96ToMicroseconds), (_, .null): false
        default: hasKnownMeaning
        }
    }

    /// Types whose order is not that of what they are stored as, or not known here.
    private var hasKnownMeaning: Bool {
        switch leaf.logicalType {
        case .interval, .variant, .unknown: false
        default: true
        }
    }

    /// A bound as a value to compare literals with: text as its bytes, which may be cut inside a character. Nil for NaN and what cannot be a value.
    private func value(_ bytes: Bytes) -> Scalar? {
        switch conversion {
        case .bytes: return .binary(bytes)
        case .bits: return bytes.count == 1 ? .bool(bytes.array[0] != 0) : nil
        case .decimal64, .decimal128:
            guard case let .decimal(_, scale) = type, !bytes.isEmpty else { return nil }
            let unscaled = bytes.withUnsafeBytes { raw in raw.baseAddress.flatMap { try? ValueKernels.bigEndian($0, raw.count, as: Int128.self) } }
            return unscaled.map { .decimal($0, scale: scale) }
        default:
            guard let width = type.fixedWidth, bytes.count == conversion.storedWidth else { return nil }
            let converted = try? Bytes(capacity: width) { (target) throws(Damage) in
                try bytes.withUnsafeBytes { (source) throws(Damage) in
                    guard let from = source.baseAddress, let to = target.baseAddress else { return 0 }
                    try ValueKernels.convert(conversion, from, to, count: 1)
                    return width
                }
            }
            guard let converted else { return nil }
            let value = Column(trusted: type, count: 1, nullCount: 0, validity: nil, values: .fixed(converted)).value(at: 0)
            return value?.isNaN == true ? nil : value
        }
    }

    /// A literal as it is compared with ``value(_:)``.
    func literal(_ value: Scalar) -> Scalar {
        if case let .string(text) = value { .binary(Bytes(text)) } else { value }
    }

    /// The condition with its literals brought to that form.
    func normalized(_ condition: RowCondition) -> RowCondition {
        switch condition {
        case let .comparison(column, comparison, value): .comparison(column: column, comparison, literal(value))
        case let .oneOf(column, values): .oneOf(column: column, values.map(literal))
        default: condition
        }
    }
}

extension BoundsReading {
    /// The bytes that a bloom filter has the hash of for a value: its PLAIN encoding, without a length. Nil where the value is stored in more than
    /// one way, or cannot be told.
    func plain(_ value: Scalar) -> Bytes? {
        switch (conversion, value) {
        case let (.copy4, .integer(value)): return Int32(exactly: value).map(Self.raw)
        case let (.copy4, .date(value)): return Self.raw(value)
        case let (.int32ToInt8, .integer(value)), let (.int32ToInt16, .integer(value)), let (.uint8ToInt16, .integer(value)),
            let (.uint16ToInt32, .integer(value)):
            return Int32(exactly: value).map(Self.raw)
        case let (.uint32ToInt64, .integer(value)): return UInt32(exactly: value).map(Self.raw)
        case let (.copy8, .integer(value)), let (.copy8, .timestamp(value)), let (.copy8, .timestampNTZ(value)): return Self.raw(value)
        // Two zeros, and NaNs without number.
        case let (.copy4, .float(value)): return value == 0 || value.isNaN ? nil : Self.raw(value)
        case let (.copy8, .double(value)): return value == 0 || value.isNaN ? nil : Self.raw(value)
        case let (.bytes(length), .string(text)): return length == nil ? Bytes(text) : nil
        case let (.bytes, .binary(bytes)): return bytes
        default: return nil
        }
    }

    private static func raw<Value: BitwiseCopyable>(_ value: Value) -> Bytes {
        withUnsafeBytes(of: value) { Bytes(copying: $0) }
    }
}
