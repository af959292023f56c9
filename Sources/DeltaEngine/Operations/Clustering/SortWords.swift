import Base
import Columnar

/// Values as unsigned numbers that sort as the values do (``Scalar/compare(_:_:)``): NaN above all, -0.0 as 0.0.
enum SortWords {
    /// How values of a type are brought into order.
    enum Form: Sendable {
        case words
        /// Decimals of more than 18 digits.
        case wide
        /// By unsigned bytes.
        case texts
    }

    /// nil for types whose values have no order, or none that Delta agrees on.
    static func form(_ type: DataType) -> Form? {
        switch type {
        case .boolean, .byte, .short, .integer, .long, .float, .double, .date, .timestamp, .timestampNTZ: .words
        case .decimal: type.fixedWidth == 16 ? .wide : .words
        case .string, .binary: .texts
        case .list, .map, .structure, .null: nil
        }
    }

    /// One word for each row of a column of the form ``Form/words``; anything at null rows.
    static func words(_ column: Column) -> [UInt64] {
        switch (column.values, column.type) {
        case let (.bits(bits), _):
            return make(column.count) { words in
                bits.withUnsafeBytes { bits in
                    guard let base = bits.baseAddress else { return }
                    for row in 0..<column.count { words[row] = Bitmap.isSet(base, row) ? 1 : 0 }
                }
            }
        case let (.fixed(bytes), .float): return map(bytes, column.count) { (value: Float) in word(Double(value)) }
        case let (.fixed(bytes), .double): return map(bytes, column.count) { (value: Double) in word(value) }
        case let (.fixed(bytes), _):
            switch column.type.fixedWidth {
            case 1: return map(bytes, column.count) { (value: Int8) in word(Int64(value)) }
            case 2: return map(bytes, column.count) { (value: Int16) in word(Int64(value)) }
            case 4: return map(bytes, column.count) { (value: Int32) in word(Int64(value)) }
            default: return map(bytes, column.count) { (value: Int64) in word(value) }
            }
        default: return [UInt64](repeating: 0, count: column.count)
        }
    }

    /// As ``words(_:)`` for the form ``Form/wide``.
    static func wideWords(_ column: Column) -> [UInt128] {
        guard case let .fixed(bytes) = column.values else { return [UInt128](repeating: 0, count: column.count) }
        return bytes.withUnsafeBytes { bytes in
            (0..<column.count).map { row in
                UInt128(bitPattern: bytes.loadUnaligned(fromByteOffset: row * 16, as: Int128.self)) ^ (1 << 127)
            }
        }
    }

    private static func word(_ value: Int64) -> UInt64 { UInt64(bitPattern: value) ^ (1 << 63) }

    private static func word(_ value: Double) -> UInt64 {
        if value.isNaN { return .max }
        let bits = (value == 0 ? 0 : value).bitPattern
        return bits >> 63 == 0 ? bits | (1 << 63) : ~bits
    }

    private static func map<Value: BitwiseCopyable>(_ bytes: Bytes, _ count: Int, _ body: (Value) -> UInt64) -> [UInt64] {
        make(count) { words in
            bytes.withUnsafeBytes { bytes in
                for row in 0..<count {
                    words[row] = body(bytes.loadUnaligned(fromByteOffset: row &* MemoryLayout<Value>.stride, as: Value.self))
                }
            }
        }
    }

    private static func make(_ count: Int, _ fill: (UnsafeMutableBufferPointer<UInt64>) -> Void) -> [UInt64] {
        [UInt64](unsafeUninitializedCapacity: count) { words, filled in
            words.initialize(repeating: 0)
            fill(words)
            filled = count
        }
    }
}
