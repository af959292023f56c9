import Base
import Columnar

extension Column {
    /// The rows at these positions, in this order, in new buffers. Positions must lie inside of the column.
    func gathering(_ rows: [Int32]) throws(ColumnarError) -> Column {
        let bits = nullCount > 0 ? validity.map { Self.gatherBits($0, rows) } : nil
        let nulls = type == .null ? rows.count : bits.map { rows.count - Self.setBits($0, rows.count) } ?? 0
        return Column(trusted: type, count: rows.count, nullCount: nulls, validity: bits, values: try gatheredValues(rows))
    }

    private func gatheredValues(_ rows: [Int32]) throws(ColumnarError) -> ColumnValues {
        switch values {
        case .none: return .none
        case let .bits(bits): return .bits(Self.gatherBits(bits, rows))
        case let .fixed(bytes):
            switch type.fixedWidth ?? 0 {
            case 1: return .fixed(Self.gather(bytes, rows, as: UInt8.self))
            case 2: return .fixed(Self.gather(bytes, rows, as: UInt16.self))
            case 4: return .fixed(Self.gather(bytes, rows, as: UInt32.self))
            case 8: return .fixed(Self.gather(bytes, rows, as: UInt64.self))
            default: return .fixed(Self.gather(bytes, rows, as: UInt128.self))
            }
        case let .dictionary(codes, dictionary): return .dictionary(codes: Self.gather(codes, rows, as: Int32.self), dictionary: dictionary)
        case let .structure(children):
            var gathered: [Column] = []
            for child in children { gathered.append(try child.gathering(rows)) }
            return .structure(gathered)
        case let .variable(offsets, data): return try gatheredText(rows, offsets, data)
        case let .list(offsets, elements):
            let (gathered, inner) = try gatheredSpans(rows, offsets)
            return .list(offsets: gathered, elements: try elements.gathering(inner))
        case let .map(offsets, keys, entries):
            let (gathered, inner) = try gatheredSpans(rows, offsets)
            return .map(offsets: gathered, keys: try keys.gathering(inner), values: try entries.gathering(inner))
        }
    }

    /// Offsets of lists or maps in these rows, and the elements that they have.
    private func gatheredSpans(_ rows: [Int32], _ offsets: Bytes) throws(ColumnarError) -> (offsets: Bytes, elements: [Int32]) {
        var elements: [Int32] = []
        var isTooLarge = false
        let gathered = Bytes(capacity: (rows.count + 1) * 4) { target in
            let to = target.bindMemory(to: Int32.self)
            to[0] = 0
            offsets.withUnsafeBytes { source in
                let from = source.assumingMemoryBound(to: Int32.self)
                for (place, row) in rows.enumerated() {
                    if elements.count <= Int(Int32.max) { elements.append(contentsOf: from[Int(row)]..<from[Int(row) &+ 1]) }
                    to[place &+ 1] = Int32(truncatingIfNeeded: elements.count)
                }
            }
            isTooLarge = elements.count > Int(Int32.max)
            return target.count
        }
        if isTooLarge { throw .tooLarge(type: type.description) }
        return (gathered, elements)
    }

    private static func gather<Value: BitwiseCopyable>(_ bytes: Bytes, _ rows: [Int32], as: Value.Type) -> Bytes {
        Bytes(capacity: rows.count * MemoryLayout<Value>.stride) { target in
            bytes.withUnsafeBytes { source in
                for (place, row) in rows.enumerated() {
                    let value = source.loadUnaligned(fromByteOffset: Int(row) * MemoryLayout<Value>.stride, as: Value.self)
                    target.storeBytes(of: value, toByteOffset: place * MemoryLayout<Value>.stride, as: Value.self)
                }
            }
            return target.count
        }
    }

    private func gatheredText(_ rows: [Int32], _ offsets: Bytes, _ data: Bytes) throws(ColumnarError) -> ColumnValues {
        var total = 0
        let gatheredOffsets = Bytes(capacity: (rows.count + 1) * 4) { target in
            let to = target.bindMemory(to: Int32.self)
            to[0] = 0
            offsets.withUnsafeBytes { source in
                let from = source.assumingMemoryBound(to: Int32.self)
                for (place, row) in rows.enumerated() {
                    total &+= Int(from[Int(row) &+ 1] &- from[Int(row)])
                    to[place &+ 1] = Int32(truncatingIfNeeded: total)
                }
            }
            return target.count
        }
        guard total <= Int(Int32.max) else { throw .tooLarge(type: type.description) }
        let gathered = Bytes(capacity: total) { target in
            offsets.withUnsafeBytes { source in
                data.withUnsafeBytes { data in
                    guard var to = target.baseAddress, let text = data.baseAddress else { return }
                    let from = source.assumingMemoryBound(to: Int32.self)
                    for row in rows {
                        let length = Int(from[Int(row) &+ 1] &- from[Int(row)])
                        to.copyMemory(from: text + Int(from[Int(row)]), byteCount: length)
                        to += length
                    }
                }
            }
            return total
        }
        return .variable(offsets: gatheredOffsets, data: gathered)
    }

    private static func gatherBits(_ bits: Bytes, _ rows: [Int32]) -> Bytes {
        Bytes(capacity: Bitmap.byteCount(rows.count)) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            bits.withUnsafeBytes { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                for (place, row) in rows.enumerated() where Bitmap.isSet(from, Int(row)) { Bitmap.set(to, place) }
            }
            return target.count
        }
    }

    private static func setBits(_ bits: Bytes, _ count: Int) -> Int {
        bits.withUnsafeBytes { $0.baseAddress.map { Bitmap.popcount($0, count: count) } ?? 0 }
    }
}
