/// Reading and writing YAML as `kubectl` does: YAML 1.1 scalars, values that are JSON in the end.
public enum YAML {
    /// What aliases may add to a text before it counts as an attack, in values (a long string counts for several).
    static let aliasBudget = 1_000_000

    /// The documents of a text, in order; those without any content are left out.
    ///
    /// Anchors, aliases and merge keys (`<<`) are resolved. Keys must be unique, and may be any scalar but null: they become strings.
    public static func parseAll(_ bytes: Bytes) throws(YAMLError) -> [JSONValue] {
        let parser = YAMLParser(bytes)
        return try parser.documents()
    }

    public static func parseAll(_ text: String) throws(YAMLError) -> [JSONValue] { try parseAll(Bytes(text)) }

    /// The value as a document in block style, ending with a new line. Strings that would read back as something else are quoted.
    public static func encode(_ value: JSONValue) -> String {
        var writer = YAMLWriter()
        writer.writeDocument(value)
        return writer.output
    }
}

/// Why a text is no YAML that can be used. Lines and columns count from 1.
public enum YAMLError: Error, Sendable, Equatable {
    case malformed(line: Int, column: Int, reason: String)
    case duplicateKey(line: Int, column: Int, key: String)
    case tooDeep(line: Int, column: Int)
    /// The aliases would blow the text up beyond any honest size.
    case excessiveAliases(line: Int, column: Int)
}

extension YAMLError: CustomStringConvertible {
    public var description: String {
        switch self {
        case let .malformed(line, column, reason): "line \(line), column \(column): \(reason)"
        case let .duplicateKey(line, column, key): "line \(line), column \(column): the key `\(key)` is there twice; remove one"
        case let .tooDeep(line, column): "line \(line), column \(column): nested deeper than \(JSON.maximumDepth) levels"
        case let .excessiveAliases(line, column): "line \(line), column \(column): the aliases multiply to more than \(YAML.aliasBudget) values"
        }
    }
}
