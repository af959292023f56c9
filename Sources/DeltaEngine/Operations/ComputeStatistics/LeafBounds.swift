import Base
import Columnar
import Glibc

/// The statistics of one leaf column, from its rows, a run at a time. NaN is left out of the bounds, as all writers do, and noted.
struct LeafBounds {
    private(set) var statistics = LeafStatistics(nullCount: 0)
    private let hasBounds: Bool

    init(hasBounds: Bool) { self.hasBounds = hasBounds }

    /// - Parameter present: for each row, whether the structs around the leaf are there; nil where they all are.
    mutating func add(_ column: Column, present: [Bool]?) {
        let valid = column.validRows(within: present)
        let nulls = valid.map { rows in rows.reduce(0) { $0 + ($1 ? 0 : 1) } } ?? 0
        statistics.nullCount = (statistics.nullCount ?? 0) + Int64(nulls)
        guard hasBounds, nulls < column.count, let found = Self.extremes(column, valid) else { return }
        statistics.hasNaN = statistics.hasNaN || found.hasNaN
        guard let places = found.places, let low = column.value(at: places.low), let high = column.value(at: places.high) else { return }
        if statistics.minimum.map({ Scalar.compare(low, $0) == .ascending }) ?? true { statistics.minimum = low }
        if statistics.maximum.map({ Scalar.compare(high, $0) == .descending }) ?? true { statistics.maximum = high }
    }

    private typealias Extremes = (places: (low: Int, high: Int)?, hasNaN: Bool)

    /// Which rows have the least and the greatest value.
    private static func extremes(_ column: Column, _ valid: [Bool]?) -> Extremes? {
        switch (column.values, column.type) {
        case let (.fixed(bytes), .byte): (search(bytes, column.count, valid, as: Int8.self), false)
        case let (.fixed(bytes), .short): (search(bytes, column.count, valid, as: Int16.self), false)
        case let (.fixed(bytes), .integer), let (.fixed(bytes), .date): (search(bytes, column.count, valid, as: Int32.self), false)
        case let (.fixed(bytes), .long), let (.fixed(bytes), .timestamp), let (.fixed(bytes), .timestampNTZ):
            (search(bytes, column.count, valid, as: Int64.self), false)
        case let (.fixed(bytes), .decimal):
            column.type.fixedWidth == 8
                ? (search(bytes, column.count, valid, as: Int64.self), false) : (search(bytes, column.count, valid, as: Int128.self), false)
        case let (.fixed(bytes), .float): searchNumbers(bytes, column.count, valid, as: Float.self)
        case let (.fixed(bytes), .double): searchNumbers(bytes, column.count, valid, as: Double.self)
        case let (.variable(offsets, data), _): (searchTexts(offsets, data, column.count, valid), false)
        default: nil
        }
    }

    private static func search<Value: Comparable & BitwiseCopyable>(_ bytes: Bytes, _ count: Int, _ valid: [Bool]?, as: Value.Type) -> (low: Int, high: Int)? {
        bytes.withUnsafeBytes { raw in
            func load(_ row: Int) -> Value { raw.loadUnaligned(fromByteOffset: row &* MemoryLayout<Value>.stride, as: Value.self) }
            guard let first = valid.map({ $0.firstIndex(of: true) }) ?? 0, first < count else { return nil }
            var (low, high) = (load(first), load(first))
            var found = (low: first, high: first)
            for row in first..<count where valid?[row] ?? true {
                let value = load(row)
                if value < low { (low, found.low) = (value, row) }
                if value > high { (high, found.high) = (value, row) }
            }
            return found
        }
    }

    private static func searchNumbers<Value: BinaryFloatingPoint & BitwiseCopyable>(
        _ bytes: Bytes, _ count: Int, _ valid: [Bool]?, as: Value.Type
    ) -> Extremes {
        bytes.withUnsafeBytes { raw in
            var places: (low: Int, high: Int)?
            var (low, high): (Value, Value) = (0, 0)
            var hasNaN = false
            for row in 0..<count where valid?[row] ?? true {
                let value = raw.loadUnaligned(fromByteOffset: row &* MemoryLayout<Value>.stride, as: Value.self)
                if value.isNaN {
                    hasNaN = true
                    continue
                }
                guard let known = places else {
                    (low, high, places) = (value, value, (row, row))
                    continue
                }
                if value < low { (low, places) = (value, (row, known.high)) }
                if value > high { (high, places) = (value, (known.low, row)) }
            }
            return (places, hasNaN)
        }
    }

    private static func searchTexts(_ offsets: Bytes, _ data: Bytes, _ count: Int, _ valid: [Bool]?) -> (low: Int, high: Int)? {
        offsets.withUnsafeBytes { offsets in
            data.withUnsafeBytes { data in
                let offsets = offsets.assumingMemoryBound(to: Int32.self)
                func text(_ row: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: data[Int(offsets[row])..<Int(offsets[row + 1])]) }
                guard let first = valid.map({ $0.firstIndex(of: true) }) ?? 0, first < count else { return nil }
                var (low, high) = (text(first), text(first))
                var found = (low: first, high: first)
                for row in first..<count where valid?[row] ?? true {
                    let value = text(row)
                    if precedes(value, low) { (low, found.low) = (value, row) }
                    if precedes(high, value) { (high, found.high) = (value, row) }
                }
                return found
            }
        }
    }

    private static func precedes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        let shared = min(left.count, right.count)
        if shared > 0, let leftBase = left.baseAddress, let rightBase = right.baseAddress {
            let order = memcmp(leftBase, rightBase, shared)
            if order != 0 { return order < 0 }
        }
        return left.count < right.count
    }
}

extension Column {
    /// For each row whether it has a value, and whatever it is in is there; nil where all have.
    func validRows(within present: [Bool]?) -> [Bool]? {
        guard nullCount > 0 || present != nil else { return nil }
        var rows = present ?? Array(repeating: true, count: count)
        guard nullCount > 0 else { return rows }
        guard let validity else { return Array(repeating: false, count: count) }
        validity.withUnsafeBytes { bits in
            guard let bits = bits.baseAddress else { return }
            for row in 0..<count where !Bitmap.isSet(bits, row) { rows[row] = false }
        }
        return rows
    }
}
