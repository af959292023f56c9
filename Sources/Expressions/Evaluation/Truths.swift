import Base
import Columnar

/// What a condition says of each row of a batch: false, true or NULL.
///
/// Comparisons of a column with a value, which conditions mostly are made of, run over the column's buffer; what is left is evaluated row by row, and
/// only for rows that the parts before it have not decided, so that errors come up where they do row by row.
struct Truths {
    /// A byte each: ``no``, ``yes`` or ``null``.
    private(set) var values: [UInt8]

    static let no: UInt8 = 0
    static let yes: UInt8 = 1
    static let null: UInt8 = 2

    init(_ node: BoundExpression.Node, _ batch: ColumnBatch) throws(ExpressionError) {
        values = try Self.evaluate(node, batch, undecided: nil)
    }

    /// - Parameter undecided: which rows are asked about; nil for all. What the others get means nothing.
    private static func evaluate(_ node: BoundExpression.Node, _ batch: ColumnBatch, undecided: [Bool]?) throws(ExpressionError) -> [UInt8] {
        switch node {
        case let .constant(value): return Array(repeating: truth(value), count: batch.rowCount)
        case let .not(operand):
            // Three values in one step: 0 and 1 change places, 2 stays.
            return try evaluate(operand, batch, undecided: undecided).map { $0 == null ? null : 1 &- $0 }
        case let .isBoolean(operand, wanted):
            let wanted = wanted ? yes : no
            return try evaluate(operand, batch, undecided: undecided).map { $0 == wanted ? yes : no }
        case let .and(operands): return try junction(operands, neutral: yes, batch, undecided)
        case let .or(operands): return try junction(operands, neutral: no, batch, undecided)
        case let .column(place):
            if let bits = batch.columns[place].bits { return withNulls(of: batch.columns[place], bits, as: null) }
        case let .isNull(.column(place)):
            let column = batch.columns[place]
            return withNulls(of: column, Array(repeating: no, count: column.count), as: yes)
        case let .compare(comparison, .column(place), .constant(value?)):
            if let compared = compare(batch.columns[place], comparison, value) { return compared }
        case let .compare(comparison, .constant(value?), .column(place)):
            if let compared = compare(batch.columns[place], comparison.mirrored, value) { return compared }
        case let .between(.column(place), .constant(low?), .constant(high?)):
            if let low = compare(batch.columns[place], .greaterOrEqual, low), let high = compare(batch.columns[place], .lessOrEqual, high) {
                return zip(low, high).map { $0 == yes ? $1 : $0 }
            }
        default: break
        }
        return try rowByRow(node, batch, undecided)
    }

    private static func truth(_ value: Scalar?) -> UInt8 {
        if case let .bool(value)? = value { value ? yes : no } else { null }
    }

    private static func rowByRow(_ node: BoundExpression.Node, _ batch: ColumnBatch, _ undecided: [Bool]?) throws(ExpressionError) -> [UInt8] {
        var values = [UInt8](repeating: null, count: batch.rowCount)
        for row in 0..<batch.rowCount where undecided?[row] ?? true { values[row] = truth(try node.evaluate { batch.columns[$0].value(at: row) }) }
        return values
    }

    /// AND (`neutral` is yes) or OR: the other truth value decides at once, else NULL where any operand is.
    private static func junction(
        _ operands: [BoundExpression.Node], neutral: UInt8, _ batch: ColumnBatch, _ undecided: [Bool]?
    ) throws(ExpressionError) -> [UInt8] {
        let decides = 1 - neutral
        var values = [UInt8](repeating: neutral, count: batch.rowCount)
        var open = undecided ?? Array(repeating: true, count: batch.rowCount)
        for operand in operands {
            let next = try evaluate(operand, batch, undecided: open)
            for row in values.indices where open[row] {
                if next[row] == neutral { continue }
                values[row] = next[row]
                if next[row] == decides { open[row] = false }
            }
        }
        return values
    }

    // MARK: Comparisons

    /// nil where the column's buffer does not hold values that compare with this one as they are.
    private static func compare(_ column: Column, _ comparison: Scalar.Comparison, _ value: Scalar) -> [UInt8]? {
        if case let .dictionary(codes, dictionary) = column.values {
            guard let compared = compare(dictionary, comparison, value) else { return nil }
            let truths = codes.withUnsafeBytes { codes in
                (0..<column.count).map { row in
                    let code = Int(codes.loadUnaligned(fromByteOffset: row &* 4, as: Int32.self))
                    return code < compared.count ? compared[code] : null
                }
            }
            return withNulls(of: column, truths, as: null)
        }
        let count = column.count
        if case let .variable(offsets, data) = column.values, case let .string(text) = value, column.type == .string {
            return withNulls(of: column, texts(offsets, data, count, comparison, Bytes(text)), as: null)
        }
        guard case let .fixed(bytes) = column.values else { return nil }
        let truths: [UInt8]
        switch (column.type, value) {
        case let (.byte, .integer(value)): truths = whole(bytes, count, Int8.self, comparison, value)
        case let (.short, .integer(value)): truths = whole(bytes, count, Int16.self, comparison, value)
        case let (.integer, .integer(value)): truths = whole(bytes, count, Int32.self, comparison, value)
        case let (.long, .integer(value)), let (.timestamp, .timestamp(value)), let (.timestampNTZ, .timestampNTZ(value)):
            truths = whole(bytes, count, Int64.self, comparison, value)
        case let (.date, .date(value)): truths = whole(bytes, count, Int32.self, comparison, Int64(value))
        case let (.float, .float(value)) where !value.isNaN: truths = floating(bytes, count, comparison, value)
        case let (.double, .double(value)) where !value.isNaN: truths = floating(bytes, count, comparison, value)
        default: return nil
        }
        return withNulls(of: column, truths, as: null)
    }

    /// By their bytes.
    private static func texts(_ offsets: Bytes, _ data: Bytes, _ count: Int, _ comparison: Scalar.Comparison, _ value: Bytes) -> [UInt8] {
        offsets.withUnsafeBytes { offsets in
            data.withUnsafeBytes { data in
                value.withUnsafeBytes { value in
                    (0..<count).map { row in
                        let start = Int(offsets.loadUnaligned(fromByteOffset: row &* 4, as: Int32.self))
                        let end = Int(offsets.loadUnaligned(fromByteOffset: row &* 4 &+ 4, as: Int32.self))
                        return comparison.holds(order(UnsafeRawBufferPointer(rebasing: data[start..<end]), value)) ? yes : no
                    }
                }
            }
        }
    }

    private static func order(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Scalar.Order {
        let common = min(left.count, right.count)
        for place in 0..<common where left[place] != right[place] { return left[place] < right[place] ? .ascending : .descending }
        return left.count == right.count ? .equal : left.count < right.count ? .ascending : .descending
    }

    private static func withNulls(of column: Column, _ truths: [UInt8], as value: UInt8) -> [UInt8] {
        guard column.nullCount > 0 else { return truths }
        guard let validity = column.validity else { return Array(repeating: value, count: truths.count) }
        var truths = truths
        validity.withUnsafeBytes { bits in
            guard let bits = bits.baseAddress else { return }
            for row in truths.indices where !Bitmap.isSet(bits, row) { truths[row] = value }
        }
        return truths
    }

    private static func whole<Value: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: Bytes, _ count: Int, _: Value.Type, _ comparison: Scalar.Comparison, _ value: Int64
    ) -> [UInt8] {
        // The switch stands outside of the loops, so that each is a plain one over the buffer.
        switch comparison {
        case .equal: map(bytes, count) { (other: Value) in Int64(truncatingIfNeeded: other) == value }
        case .notEqual: map(bytes, count) { (other: Value) in Int64(truncatingIfNeeded: other) != value }
        case .less: map(bytes, count) { (other: Value) in Int64(truncatingIfNeeded: other) < value }
        case .lessOrEqual: map(bytes, count) { (other: Value) in Int64(truncatingIfNeeded: other) <= value }
        case .greater: map(bytes, count) { (other: Value) in Int64(truncatingIfNeeded: other) > value }
        case .greaterOrEqual: map(bytes, count) { (other: Value) in Int64(truncatingIfNeeded: other) >= value }
        }
    }

    /// NaN is above all numbers; `value` is none.
    private static func floating<Value: BinaryFloatingPoint & BitwiseCopyable>(
        _ bytes: Bytes, _ count: Int, _ comparison: Scalar.Comparison, _ value: Value
    ) -> [UInt8] {
        switch comparison {
        case .equal: map(bytes, count) { (other: Value) in other == value }
        case .notEqual: map(bytes, count) { (other: Value) in other != value }
        case .less: map(bytes, count) { (other: Value) in other < value }
        case .lessOrEqual: map(bytes, count) { (other: Value) in other <= value }
        case .greater: map(bytes, count) { (other: Value) in !(other <= value) }
        case .greaterOrEqual: map(bytes, count) { (other: Value) in !(other < value) }
        }
    }

    @inline(__always)
    private static func map<Value: BitwiseCopyable>(_ bytes: Bytes, _ count: Int, _ holds: (Value) -> Bool) -> [UInt8] {
        bytes.withUnsafeBytes { source in
            [UInt8](unsafeUninitializedCapacity: count) { target, filled in
                for row in 0..<count {
                    target[row] = holds(source.loadUnaligned(fromByteOffset: row &* MemoryLayout<Value>.stride, as: Value.self)) ? yes : no
                }
                filled = count
            }
        }
    }
}

extension Column {
    /// The bits of a boolean column, a byte each, whatever is null.
    fileprivate var bits: [UInt8]? {
        guard case let .bits(bits) = values else { return nil }
        return bits.withUnsafeBytes { raw in raw.baseAddress.map { base in (0..<count).map { Bitmap.isSet(base, $0) ? Truths.yes : Truths.no } } }
    }
}
