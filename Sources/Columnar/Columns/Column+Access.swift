import Base

extension Column {
    /// The value of one row, nil where it is null or `row` is not below ``count``. For printing, partition values and tests: a cell at a time.
    public func value(at row: Int) -> Scalar? {
        guard row >= 0, row < count, !isNull(at: row) else { return nil }
        switch values {
        case .none: return nil
        case let .bits(bits):
            return bits.withUnsafeBytes { raw in raw.baseAddress.map { .bool(Bitmap.isSet($0, row)) } }
        case let .fixed(bytes): return fixedValue(bytes, row)
        case let .variable(offsets, data):
            let bytes = data.slice(Self.range(offsets, row)) ?? .empty
            return type == .string ? .string(bytes.text) : .binary(bytes)
        case let .list(offsets, elements):
            return .list(Self.range(offsets, row).map { elements.value(at: $0) })
        case let .map(offsets, keys, values):
            let range = Self.range(offsets, row)
            return .map(range.map { Scalar.Entry(key: keys.value(at: $0), value: values.value(at: $0)) })
        case let .structure(children): return .structure(children.map { $0.value(at: row) })
        case let .dictionary(codes, dictionary):
            return dictionary.value(at: Int(Self.load(codes, row, as: Int32.self)))
        }
    }

    private func fixedValue(_ bytes: Bytes, _ row: Int) -> Scalar? {
        switch type {
        case .byte: .integer(Int64(Self.load(bytes, row, as: Int8.self)))
        case .short: .integer(Int64(Self.load(bytes, row, as: Int16.self)))
        case .integer: .integer(Int64(Self.load(bytes, row, as: Int32.self)))
        case .long: .integer(Self.load(bytes, row, as: Int64.self))
        case .float: .float(Self.load(bytes, row, as: Float.self))
        case .double: .double(Self.load(bytes, row, as: Double.self))
        case .date: .date(Self.load(bytes, row, as: Int32.self))
        case .timestamp: .timestamp(Self.load(bytes, row, as: Int64.self))
        case .timestampNTZ: .timestampNTZ(Self.load(bytes, row, as: Int64.self))
        case let .decimal(precision, scale):
            .decimal(
                precision <= DataType.maximumCompactDecimalPrecision
                    ? Int128(Self.load(bytes, row, as: Int64.self)) : Self.load(bytes, row, as: Int128.self),
                scale: scale)
        default: nil
        }
    }

    private static func load<Value: BitwiseCopyable>(_ bytes: Bytes, _ row: Int, as: Value.Type) -> Value {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: row * MemoryLayout<Value>.stride, as: Value.self) }
    }

    private static func range(_ offsets: Bytes, _ row: Int) -> Range<Int> {
        offsets.withUnsafeBytes { raw in
            let values = raw.assumingMemoryBound(to: Int32.self)
            return Int(values[row])..<Int(values[row + 1])
        }
    }
}
