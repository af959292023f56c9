import Base
import Columnar

/// A leaf column's values for an encoder: its buffers in the layout of PLAIN encoding, without the lengths.
///
/// Types whose column layout is not what Parquet stores (narrow integers, decimals of other widths) are converted once, a dictionary's values
/// rather than the rows' where there is one.
struct LeafValues {
    enum Storage {
        case none
        case bits(Bytes)
        case fixed(Bytes, width: Int)
        case variable(offsets: Bytes, data: Bytes)
    }

    let storage: Storage
    /// Row `i` is value `codes[i]` of the storage; nil where rows and values are the same.
    let codes: Bytes?
    /// The values in the storage, where `codes` says which is which.
    let dictionaryCount: Int

    init(_ column: Column, leaf: SchemaLeaf) {
        if case let .dictionary(codes, dictionary) = column.values {
            storage = Self.storage(dictionary, leaf)
            self.codes = codes
            dictionaryCount = dictionary.count
        } else {
            storage = Self.storage(column, leaf)
            codes = nil
            dictionaryCount = 0
        }
    }

    private static func storage(_ column: Column, _ leaf: SchemaLeaf) -> Storage {
        switch column.values {
        case let .bits(bits): return .bits(bits)
        case let .variable(offsets, data): return .variable(offsets: offsets, data: data)
        case let .fixed(bytes):
            switch (column.type, leaf.physicalType) {
            case (.byte, _): return .fixed(converted(bytes, column.count) { (value: Int8) in Int32(value) }, width: 4)
            case (.short, _): return .fixed(converted(bytes, column.count) { (value: Int16) in Int32(value) }, width: 4)
            case (.decimal, .int32): return .fixed(converted(bytes, column.count) { (value: Int64) in Int32(truncatingIfNeeded: value) }, width: 4)
            case (.decimal, .fixedLengthByteArray):
                return .fixed(bigEndian(bytes, column.count, length: leaf.typeLength), width: leaf.typeLength)
            default: return .fixed(bytes, width: column.type.fixedWidth ?? 0)
            }
        case .none, .list, .map, .structure, .dictionary: return .none
        }
    }

    private static func converted<Value: BitwiseCopyable>(_ bytes: Bytes, _ count: Int, _ convert: (Value) -> Int32) -> Bytes {
        Bytes(capacity: count * 4) { target in
            bytes.withUnsafeBytes { source in
                let output = target.assumingMemoryBound(to: Int32.self)
                for index in 0..<count {
                    output[index] = convert(source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Value>.size, as: Value.self))
                }
            }
            return target.count
        }
    }

    /// 128-bit numbers to big-endian ones of `length` bytes, which hold every number of the type's precision.
    private static func bigEndian(_ bytes: Bytes, _ count: Int, length: Int) -> Bytes {
        Bytes(capacity: count * length) { target in
            bytes.withUnsafeBytes { source in
                for index in 0..<count {
                    var value = source.loadUnaligned(fromByteOffset: index &* 16, as: Int128.self)
                    for byte in stride(from: length - 1, through: 0, by: -1) {
                        target[index &* length &+ byte] = UInt8(truncatingIfNeeded: value)
                        value >>= 8
                    }
                }
            }
            return target.count
        }
    }
}
