import Base

extension Column {
    /// The rows of `columns` in order, all of type `type`, in new buffers (one column alone is returned as it is). Dictionaries are spelled out.
    public static func concatenate(_ columns: [Column], type: DataType) throws(ColumnarError) -> Column {
        for column in columns where column.type != type {
            throw .typeMismatch(expected: type.description, found: column.type.description)
        }
        if columns.count == 1 { return columns[0] }
        var parts: [Column] = []
        for column in columns { parts.append(try column.withoutDictionary()) }
        let count = parts.reduce(0) { $0 + $1.count }
        let nullCount = parts.reduce(0) { $0 + $1.nullCount }
        let values = try ColumnValues.concatenate(parts, type: type, count: count)
        return Column(trusted: type, count: count, nullCount: nullCount, validity: nullCount == 0 ? nil : concatenatedValidity(parts, count), values: values)
    }

    private static func concatenatedValidity(_ parts: [Column], _ count: Int) -> Bytes {
        Bytes(capacity: Bitmap.byteCount(count)) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            guard let to = target.baseAddress else { return 0 }
            var row = 0
            for part in parts {
                if let validity = part.validity {
                    validity.withUnsafeBytes { bits in
                        if let from = bits.baseAddress { Bitmap.copy(from: from, at: 0, to: to, at: row, count: part.count) }
                    }
                } else {
                    for index in row..<(row + part.count) { Bitmap.set(to, index) }
                }
                row += part.count
            }
            return target.count
        }
    }
}

extension ColumnValues {
    fileprivate static func concatenate(_ parts: [Column], type: DataType, count: Int) throws(ColumnarError) -> ColumnValues {
        switch type {
        case .null: return .none
        case .boolean: return .bits(concatenatedBits(parts, count))
        case .string, .binary:
            var data = BytesBuilder()
            let offsets = try concatenatedOffsets(parts, type: type) { part, span in
                guard case let .variable(_, bytes) = part.values, let used = bytes.slice(span) else { return }
                used.withUnsafeBytes { data.append(contentsOf: $0) }
            }
            return .variable(offsets: offsets, data: data.take())
        case let .list(element):
            var elements: [Column] = []
            let offsets = try concatenatedOffsets(parts, type: type) { part, span in
                if case let .list(_, child) = part.values { elements.append(child.slice(span)) }
            }
            return .list(offsets: offsets, elements: try Column.concatenate(elements, type: element.type))
        case let .map(key, value):
            var keys: [Column] = []
            var values: [Column] = []
            let offsets = try concatenatedOffsets(parts, type: type) { part, span in
                guard case let .map(_, partKeys, partValues) = part.values else { return }
                keys.append(partKeys.slice(span))
                values.append(partValues.slice(span))
            }
            return .map(
                offsets: offsets, keys: try Column.concatenate(keys, type: key.type), values: try Column.concatenate(values, type: value.type))
        case let .structure(fields):
            var children: [Column] = []
            for (index, field) in fields.enumerated() {
                let slices = parts.compactMap { part in if case let .structure(columns) = part.values { columns[index] } else { nil } }
                children.append(try Column.concatenate(slices, type: field.type))
            }
            return .structure(children)
        default:
            let width = type.fixedWidth ?? 0
            var bytes = BytesBuilder(capacity: count * width)
            for part in parts {
                guard case let .fixed(values) = part.values else { continue }
                values.prefix(part.count * width).withUnsafeBytes { bytes.append(contentsOf: $0) }
            }
            return .fixed(bytes.take())
        }
    }

    private static func concatenatedBits(_ parts: [Column], _ count: Int) -> Bytes {
        Bytes(capacity: Bitmap.byteCount(count)) { target in
            guard let to = target.baseAddress else { return 0 }
            var row = 0
            for part in parts {
                guard case let .bits(bits) = part.values else { continue }
                bits.withUnsafeBytes { bits in
                    if let from = bits.baseAddress { Bitmap.copy(from: from, at: 0, to: to, at: row, count: part.count) }
                }
                row += part.count
            }
            return target.count
        }
    }

    /// The parts' offsets run together from zero; `take` gets each part with the span of its data or elements that its rows show.
    private static func concatenatedOffsets(_ parts: [Column], type: DataType, take: (Column, Range<Int>) -> Void) throws(ColumnarError) -> Bytes {
        var target = BytesBuilder()
        target.append(Int32(0))
        var base = 0
        for part in parts {
            let offsets: Bytes
            switch part.values {
            case let .variable(own, _), let .list(own, _), let .map(own, _, _): offsets = own
            default: continue
            }
            let span = span(offsets, part.count)
            guard base + span.count <= Int(Int32.max) else { throw .tooLarge(type: type.description) }
            take(part, span)
            let shift = Int32(truncatingIfNeeded: base &- span.lowerBound)
            offsets.withUnsafeBytes { raw in
                let values = raw.assumingMemoryBound(to: Int32.self)
                for row in 1..<max(part.count + 1, 1) { target.append(values[row] &+ shift) }
            }
            base += span.count
        }
        return target.take()
    }
}
