/// Why columns could not be put together. Each is a mismatch between what a caller hands over and what it says it is.
public enum ColumnarError: Error, Sendable, Equatable {
    /// A buffer is shorter than the column's row count needs.
    case bufferTooShort(type: String, needed: Int, available: Int)
    /// Offsets of a variable-width or nested column decrease or leave the data.
    case invalidOffsets(type: String, row: Int)
    /// A value or a buffer layout does not fit the column's type.
    case typeMismatch(expected: String, found: String)
    /// A number does not fit the column's type.
    case outOfRange(type: String, value: String)
    /// Columns of one batch, or children of one struct, differ in length.
    case unequalLengths(expected: Int, found: Int)
    /// One column would hold more than 2 GiB of text or more than 2^31 - 1 elements.
    case tooLarge(type: String)
}

extension ColumnarError: CustomStringConvertible {
    public var description: String {
        switch self {
        case let .bufferTooShort(type, needed, available): "a column of type \(type) needs \(needed) bytes of values and has \(available)"
        case let .invalidOffsets(type, row): "the offsets of a column of type \(type) decrease or leave its data at row \(row)"
        case let .typeMismatch(expected, found): "expected a value of type \(expected), found \(found)"
        case let .outOfRange(type, value): "\(value) does not fit the type \(type)"
        case let .unequalLengths(expected, found): "columns of one batch differ in length: \(expected) and \(found) rows"
        case let .tooLarge(type): "a column of type \(type) would pass 2 GiB; use smaller batches"
        }
    }
}
