import Base

/// The values of one column for a run of rows, in Arrow's memory layout (which see for the reasons).
///
/// Immutable and cheap to pass on: buffers are shared. Nothing in a buffer at a null row may be relied on, except that offsets never decrease.
public struct Column: Sendable {
    public let type: DataType
    /// The number of rows.
    public let count: Int
    /// How many of the rows are null.
    public let nullCount: Int
    /// One bit per row, set where there is a value (see ``Bitmap``); nil where no row is null. A column of type `null` has none, all its rows are null.
    public let validity: Bytes?
    public let values: ColumnValues

    /// Trusts its caller: for code that has just built the buffers from checked input.
    package init(trusted type: DataType, count: Int, nullCount: Int, validity: Bytes?, values: ColumnValues) {
        self.type = type
        self.count = count
        self.nullCount = nullCount
        self.validity = nullCount == 0 || type == .null ? nil : validity
        self.values = values
    }

    /// A column of `count` rows over buffers from outside; checks that they fit the type and hold what `count` and their offsets ask for.
    public init(type: DataType, count: Int, validity: Bytes?, values: ColumnValues) throws(ColumnarError) {
        try values.check(type: type, count: count)
        var nullCount = type == .null ? count : 0
        if let validity {
            guard validity.count >= Bitmap.byteCount(count) else {
                throw .bufferTooShort(type: type.description, needed: Bitmap.byteCount(count), available: validity.count)
            }
            if type != .null {
                nullCount = count - validity.withUnsafeBytes { bits in bits.baseAddress.map { Bitmap.popcount($0, count: count) } ?? 0 }
            }
        }
        self.init(trusted: type, count: count, nullCount: nullCount, validity: validity, values: values)
    }

    /// A column of `count` nulls.
    public static func nulls(_ type: DataType, count: Int) -> Column {
        let zeros = Bytes(zeros: Bitmap.byteCount(count))
        return Column(trusted: type, count: count, nullCount: count, validity: zeros, values: .zeros(of: type, count: count))
    }

    /// Whether the row has no value. `row` must be below ``count``.
    public func isNull(at row: Int) -> Bool {
        guard let validity else { return type == .null }
        guard row >= 0, row < count else { return true }
        return validity.withUnsafeBytes { bits in bits.baseAddress.map { !Bitmap.isSet($0, row) } ?? true }
    }

    /// The rows `range`, sharing this column's buffers. Clamped to the rows there are.
    public func slice(_ range: Range<Int>) -> Column {
        let range = range.clamped(to: 0..<count)
        if range == 0..<count { return self }
        let bits = validity.map { Bitmap.slice($0, range) }
        var nulls = type == .null ? range.count : 0
        if let bits {
            nulls = range.count - bits.withUnsafeBytes { bits in bits.baseAddress.map { Bitmap.popcount($0, count: range.count) } ?? 0 }
        }
        return Column(trusted: type, count: range.count, nullCount: nulls, validity: bits, values: values.slice(range, type: type))
    }

    /// The bytes that this column's rows take in memory; slices count only what they show.
    public var sizeInBytes: Int {
        (validity == nil ? 0 : Bitmap.byteCount(count)) + values.sizeInBytes(count: count)
    }
}

extension Bytes {
    /// `count` zero bytes.
    package init(zeros count: Int) {
        self.init(capacity: count) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            return count
        }
    }
}
