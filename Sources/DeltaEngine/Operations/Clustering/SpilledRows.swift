import Base
import Columnar

/// Rows as bytes, in the columns' own layout: to be read again by the same process.
enum SpilledRows {
    /// Each buffer begins at a multiple of this, so that offsets can be read in place.
    private static let alignment = 8

    static func append(_ columns: [Column], rows: Range<Int>, to target: inout BytesBuilder) throws(ColumnarError) {
        for column in columns { try append(column, rows, to: &target) }
    }

    private static func append(_ column: Column, _ rows: Range<Int>, to target: inout BytesBuilder) throws(ColumnarError) {
        target.append(UInt64(column.validity == nil ? 0 : 1))
        if let validity = column.validity { append(Bitmap.slice(validity, rows), count: Bitmap.byteCount(rows.count), to: &target) }
        switch column.values {
        case .none: break
        case let .bits(bits): append(Bitmap.slice(bits, rows), count: Bitmap.byteCount(rows.count), to: &target)
        case let .fixed(bytes):
            let width = column.type.fixedWidth ?? 0
            append(bytes.slice((rows.lowerBound * width)..<(rows.upperBound * width)) ?? .empty, count: rows.count * width, to: &target)
        case let .variable(offsets, data):
            let span = append(offsets: offsets, rows, to: &target)
            append(data.slice(span) ?? .empty, count: span.count, to: &target)
        case let .list(offsets, elements):
            let span = append(offsets: offsets, rows, to: &target)
            try append(elements, span, to: &target)
        case let .map(offsets, keys, values):
            let span = append(offsets: offsets, rows, to: &target)
            try append(keys, span, to: &target)
            try append(values, span, to: &target)
        case let .structure(children):
            for child in children { try append(child, rows, to: &target) }
        case .dictionary: try append(try column.slice(rows).withoutDictionary(), 0..<rows.count, to: &target)
        }
    }

    /// The offsets from zero on; returns what they span.
    private static func append(offsets: Bytes, _ rows: Range<Int>, to target: inout BytesBuilder) -> Range<Int> {
        let bytes = (rows.count + 1) * 4
        var span = 0..<0
        target.append(upTo: padded(bytes)) { buffer in
            offsets.withUnsafeBytes { source in
                let from = source.assumingMemoryBound(to: Int32.self)
                let to = buffer.bindMemory(to: Int32.self)
                let base = from[rows.lowerBound]
                for place in 0...rows.count { to[place] = from[rows.lowerBound &+ place] &- base }
                span = Int(base)..<Int(from[rows.upperBound])
            }
            return padded(bytes)
        }
        return span
    }

    private static func append(_ bytes: Bytes, count: Int, to target: inout BytesBuilder) {
        bytes.prefix(count).withUnsafeBytes { target.append(contentsOf: $0) }
        target.append(repeating: 0, count: padded(count) - count)
    }

    /// The bytes of a column of longs without nulls.
    static func sizeOfLongs(_ rows: Int) -> Int { alignment + rows * 8 }

    private static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

    /// Columns of these types over the bytes, which stay shared.
    static func columns(_ types: [DataType], rows: Int, _ bytes: Bytes) -> [Column] {
        var reader = Reader(rest: bytes)
        return types.map { reader.column($0, rows) }
    }

    /// What was written by this process needs no checks.
    private struct Reader {
        var rest: Bytes

        private mutating func take(_ count: Int) -> Bytes {
            let taken = rest.prefix(count)
            rest = rest.dropFirst(SpilledRows.padded(count))
            return taken
        }

        mutating func column(_ type: DataType, _ rows: Int) -> Column {
            let isNullable = take(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } == 1
            let validity = isNullable ? take(Bitmap.byteCount(rows)) : nil
            let valid = validity.map { bits in bits.withUnsafeBytes { bits in bits.baseAddress.map { Bitmap.popcount($0, count: rows) } ?? 0 } }
            let nulls = type == .null ? rows : rows - (valid ?? rows)
            return Column(trusted: type, count: rows, nullCount: nulls, validity: validity, values: values(type, rows))
        }

        private mutating func values(_ type: DataType, _ rows: Int) -> ColumnValues {
            switch type {
            case .null: return .none
            case .boolean: return .bits(take(Bitmap.byteCount(rows)))
            case .string, .binary:
                let offsets = take((rows + 1) * 4)
                return .variable(offsets: offsets, data: take(length(offsets, rows)))
            case let .list(element):
                let offsets = take((rows + 1) * 4)
                return .list(offsets: offsets, elements: column(element.type, length(offsets, rows)))
            case let .map(key, value):
                let offsets = take((rows + 1) * 4)
                let keys = column(key.type, length(offsets, rows))
                return .map(offsets: offsets, keys: keys, values: column(value.type, length(offsets, rows)))
            case let .structure(fields): return .structure(fields.map { column($0.type, rows) })
            default: return .fixed(take(rows * (type.fixedWidth ?? 0)))
            }
        }

        private func length(_ offsets: Bytes, _ rows: Int) -> Int {
            offsets.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: rows * 4, as: Int32.self)) }
        }
    }
}
