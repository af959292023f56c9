/// Why bytes are no JSON, or not the JSON that was expected. Offsets count bytes from the start of the text.
public enum JSONError: Error, Sendable, Equatable {
    case malformed(offset: Int, reason: String)
    /// Nested deeper than ``JSON/maximumDepth``.
    case tooDeep(offset: Int)
    case invalidUTF8(offset: Int)
    /// A number that no `Double` can hold.
    case numberOutOfRange(offset: Int)
    /// Well-formed, but not of the shape that was asked for. `path` is written as a person would: `spec.windows[0].start`.
    case unexpectedShape(path: String, reason: String)
}

extension JSONError: CustomStringConvertible {
    public var description: String {
        switch self {
        case let .malformed(offset, reason): "byte \(offset): \(reason)"
        case let .tooDeep(offset): "byte \(offset): nested deeper than \(JSON.maximumDepth) levels"
        case let .invalidUTF8(offset): "byte \(offset): the string is not valid UTF-8"
        case let .numberOutOfRange(offset): "byte \(offset): the number is too large for a double"
        case let .unexpectedShape(path, reason): path.isEmpty ? reason : "\(path): \(reason)"
        }
    }
}
