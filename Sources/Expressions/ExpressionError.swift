/// Why an expression could not be read, bound to columns, or evaluated.
public enum ExpressionError: Error, Sendable, Equatable {
    /// The text is no expression. `position` counts bytes of `source`.
    case syntax(source: String, position: Int, message: String)
    /// The text is an expression, but not over these columns: an unknown column or function, types that do not go together.
    case binding(source: String, position: Int, message: String)
    /// A value met while evaluating: an overflow, a text that is no date.
    case evaluation(message: String)
}

extension ExpressionError: CustomStringConvertible {
    public var description: String {
        switch self {
        case let .syntax(source, position, message), let .binding(source, position, message):
            "\(message)\n  \(Self.oneLine(source))\n  \(Self.caret(source, position))"
        case let .evaluation(message): message
        }
    }

    /// Line breaks and tabs as spaces, so that the caret below stands where it points.
    private static func oneLine(_ source: String) -> String {
        String(source.map { $0.isNewline || $0 == "\t" ? " " : $0 })
    }

    private static func caret(_ source: String, _ position: Int) -> String {
        let before = source.utf8.prefix(max(0, position))
        return String(repeating: " ", count: String(decoding: before, as: UTF8.self).count) + "^"
    }
}
