import Base
import Columnar

/// An order of rows of several columns, counted through: row 5 of two columns of three rows each is the second's last.
struct RowsOfParts: Sendable {
    let rows: [Int32]
    /// For each of ``rows``, the column that it lies in.
    fileprivate let parts: [UInt16]
    fileprivate let starts: [Int]

    /// As many parts as can be told apart.
    static let mostParts = Int(UInt16.max)

    /// - Parameters:
    ///   - rows: each of them below the sum of `counts`.
    ///   - counts: of the columns' rows; at most ``mostParts``.
    init(_ rows: [Int32], counts: [Int]) {
        self.rows = rows
        var starts = [0]
        for count in counts { starts.append(starts[starts.count - 1] + count) }
        self.starts = starts
        let total = starts[starts.count - 1]
        let partOf = [UInt16](unsafeUninitializedCapacity: total) { partOf, filled in
            for (part, count) in counts.enumerated() {
                for row in 0..<count { partOf[starts[part] &+ row] = UInt16(truncatingIfNeeded: part) }
            }
            filled = total
        }
        parts = rows.map { partOf[Int($0)] }
    }
}

extension Column {
    /// Rows of several columns of one type as one column: without putting those together first, which would write each value once more.
    static func gathering(_ order: RowsOfParts, from parts: [Column], type: DataType) throws(ColumnarError) -> Column {
        guard parts.count > 1, parts.allSatisfy(\.isFlat) else {
            return try Column.concatenate(parts, type: type).gathering(order.rows)
        }
        var nulls = 0
        var bits: Bytes?
        if parts.contains(where: { $0.nullCount > 0 }) {
            let validities = parts.map { $0.nullCount > 0 ? $0.validity : nil }
            bits = gatherBits(order, validities)
            nulls =
                order.rows.count - (bits.map { bits in bits.withUnsafeBytes { $0.baseAddress.map { Bitmap.popcount($0, count: order.rows.count) } ?? 0 } } ?? 0)
        }
        let values: ColumnValues
        switch type {
        case .boolean:
            values = .bits(
                gatherBits(order, parts.map { if case let .bits(bits) = $0.values { bits } else { nil } }))
        case .string, .binary: values = try gatherTexts(order, parts, type)
        default:
            let buffers = parts.map { part -> Bytes in if case let .fixed(bytes) = part.values { bytes } else { .empty } }
            values =
                switch type.fixedWidth ?? 0 {
                case 1: .fixed(gatherFixed(order, buffers, as: UInt8.self))
                case 2: .fixed(gatherFixed(order, buffers, as: UInt16.self))
                case 4: .fixed(gatherFixed(order, buffers, as: UInt32.self))
                case 8: .fixed(gatherFixed(order, buffers, as: UInt64.self))
                default: .fixed(gatherFixed(order, buffers, as: UInt128.self))
                }
        }
        return Column(trusted: type, count: order.rows.count, nullCount: nulls, validity: bits, values: values)
    }

    private var isFlat: Bool {
        switch values {
        case .bits, .fixed, .variable: true
        default: false
        }
    }

    /// Where each buffer would begin if row 0 of all were in it, so that rows need not be counted anew in each. The buffers must be kept alive.
    private static func origins(_ buffers: [Bytes], _ order: RowsOfParts, width: Int) -> [UInt] {
        buffers.enumerated().map { part, bytes in bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) &- UInt(order.starts[part] * width) } }
    }

    private static func gatherFixed<Value: BitwiseCopyable>(_ order: RowsOfParts, _ buffers: [Bytes], as: Value.Type) -> Bytes {
        let width = MemoryLayout<Value>.stride
        return withExtendedLifetime(buffers) {
            Bytes(capacity: order.rows.count * width) { target in
                origins(buffers, order, width: width).withUnsafeBufferPointer { origins in
                    order.parts.withUnsafeBufferPointer { parts in
                        order.rows.withUnsafeBufferPointer { rows in
                            for place in 0..<rows.count {
                                let address = origins[Int(parts[place])] &+ UInt(truncatingIfNeeded: Int(rows[place]) &* width)
                                guard let from = UnsafeRawPointer(bitPattern: address) else { continue }
                                target.storeBytes(of: from.loadUnaligned(as: Value.self), toByteOffset: place &* width, as: Value.self)
                            }
                        }
                    }
                }
                return target.count
            }
        }
    }

    /// - Parameter buffers: nil for one whose bits are all set.
    private static func gatherBits(_ order: RowsOfParts, _ buffers: [Bytes?]) -> Bytes {
        withExtendedLifetime(buffers) {
            let bases = buffers.map { $0?.withUnsafeBytes { $0.baseAddress } }
            return Bytes(capacity: Bitmap.byteCount(order.rows.count)) { target in
                target.initializeMemory(as: UInt8.self, repeating: 0)
                guard let to = target.baseAddress else { return 0 }
                for place in 0..<order.rows.count {
                    let part = Int(order.parts[place])
                    guard let base = bases[part] ?? nil else {
                        if buffers[part] == nil { Bitmap.set(to, place) }
                        continue
                    }
                    if Bitmap.isSet(base, Int(order.rows[place]) &- order.starts[part]) { Bitmap.set(to, place) }
                }
                return target.count
            }
        }
    }

    private static func gatherTexts(_ order: RowsOfParts, _ parts: [Column], _ type: DataType) throws(ColumnarError) -> ColumnValues {
        var offsetBuffers: [Bytes] = []
        var texts: [Bytes] = []
        for part in parts {
            guard case let .variable(offsets, data) = part.values else { continue }
            offsetBuffers.append(offsets)
            texts.append(data)
        }
        let count = order.rows.count
        var total = 0
        let gathered = withExtendedLifetime((offsetBuffers, texts)) { () -> (Bytes, Bytes) in
            let offsetOrigins = origins(offsetBuffers, order, width: 4)
            let bases = texts.map { text in text.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }
            /// Where a row's text begins, and how long it is.
            func span(_ place: Int) -> (start: UInt, length: Int) {
                let part = Int(order.parts[place])
                let address = offsetOrigins[part] &+ UInt(truncatingIfNeeded: Int(order.rows[place]) &* 4)
                guard let offsets = UnsafeRawPointer(bitPattern: address)?.assumingMemoryBound(to: Int32.self) else { return (0, 0) }
                return (bases[part] &+ UInt(truncatingIfNeeded: Int(offsets[0])), Int(offsets[1] &- offsets[0]))
            }
            let offsets = Bytes(capacity: (count + 1) * 4) { target in
                let to = target.bindMemory(to: Int32.self)
                to[0] = 0
                for place in 0..<count {
                    total &+= span(place).length
                    to[place &+ 1] = Int32(truncatingIfNeeded: total)
                }
                return target.count
            }
            guard total <= Int(Int32.max) else { return (offsets, .empty) }
            let data = Bytes(capacity: total) { target in
                guard var to = target.baseAddress else { return 0 }
                for place in 0..<count {
                    let (start, length) = span(place)
                    if length > 0, let from = UnsafeRawPointer(bitPattern: start) {
                        to.copyMemory(from: from, byteCount: length)
                        to += length
                    }
                }
                return total
            }
            return (offsets, data)
        }
        guard total <= Int(Int32.max) else { throw .tooLarge(type: type.description) }
        return .variable(offsets: gathered.0, data: gathered.1)
    }
}
