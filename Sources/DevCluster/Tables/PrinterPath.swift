import Base

/// The JSONPath of a printer column: members, indexes, wildcards and filters on equality, as in `.status.conditions[?(@.type=="Ready")].status`.
struct PrinterPath: Sendable {
    private enum Step: Sendable {
        case member(String)
        case index(Int)
        case all
        case filter(path: [String], equals: JSONValue, negated: Bool)
    }

    private var steps: [Step] = []

    init(_ text: String, at path: FieldPath) throws(FieldError) {
        var rest = Substring(text)
        if rest.hasPrefix("{"), rest.hasSuffix("}") { rest = rest.dropFirst().dropLast() }
        guard rest.hasPrefix(".") || rest.hasPrefix("[") else { throw .invalid(path, .string(text), "path must be a simple json path that starts with '.'") }
        while let first = rest.first {
            rest = rest.dropFirst()
            if first == "." {
                if rest.isEmpty || rest.first == "[" { continue }
                steps.append(Self.member(&rest))
            } else if first == "[" {
                guard let step = Self.bracket(&rest) else { throw .invalid(path, .string(text), "cannot be read as a json path at \"[\(rest)\"") }
                steps.append(step)
            } else {
                throw .invalid(path, .string(text), "cannot be read as a json path at \"\(first)\(rest)\"")
            }
        }
    }

    private static func member(_ rest: inout Substring) -> Step {
        var name = ""
        while let character = rest.first, character != ".", character != "[" {
            rest = rest.dropFirst()
            if character == "\\", let escaped = rest.first {
                name.append(escaped)
                rest = rest.dropFirst()
            } else {
                name.append(character)
            }
        }
        return name == "*" ? .all : .member(name)
    }

    private static func bracket(_ rest: inout Substring) -> Step? {
        if rest.hasPrefix("?("), let end = rest.range(of: ")]") {
            let expression = rest[rest.index(rest.startIndex, offsetBy: 2)..<end.lowerBound]
            rest = rest[end.upperBound...]
            return filter(expression)
        }
        guard let end = rest.firstIndex(of: "]") else { return nil }
        let content = rest[..<end]
        rest = rest[rest.index(after: end)...]
        if content == "*" { return .all }
        if let index = Int(content) { return .index(index) }
        guard let quote = content.first, quote == "'" || quote == "\"", content.count >= 2, content.last == quote else { return nil }
        return .member(String(content.dropFirst().dropLast()))
    }

    private static func filter(_ expression: Substring) -> Step? {
        for (sign, negated) in [("==", false), ("!=", true)] {
            guard let place = expression.range(of: sign) else { continue }
            let left = expression[..<place.lowerBound].trimmedSpace
            let right = expression[place.upperBound...].trimmedSpace
            guard left.hasPrefix("@.") else { return nil }
            let value: JSONValue?
            if let quote = right.first, quote == "'" || quote == "\"", right.count >= 2, right.last == quote {
                value = .string(String(right.dropFirst().dropLast()))
            } else {
                value = try? JSON.parse(String(right))
            }
            guard let value else { return nil }
            return .filter(path: left.dropFirst(2).split(separator: ".").map(String.init), equals: value, negated: negated)
        }
        return nil
    }

    /// The first value that the path leads to.
    func first(in object: JSONValue) -> JSONValue? {
        var values = [object]
        for step in steps {
            values = values.flatMap { value -> [JSONValue] in
                switch step {
                case let .member(name): return value[name].map { [$0] } ?? []
                case let .index(index):
                    guard let elements = value.arrayValue else { return [] }
                    let place = index < 0 ? elements.count + index : index
                    return elements.indices.contains(place) ? [elements[place]] : []
                case .all: return value.arrayValue ?? value.objectValue?.values ?? []
                case let .filter(path, wanted, negated):
                    return (value.arrayValue ?? []).filter { ($0.value(at: path) == wanted) != negated }
                }
            }
        }
        return values.first
    }
}

extension Substring {
    fileprivate var trimmedSpace: Substring {
        var text = drop { $0 == " " }
        while text.last == " " { text = text.dropLast() }
        return text
    }

    /// The first place where `other` stands. (The standard library has no search for substrings without Foundation.)
    fileprivate func range(of other: String) -> Range<Substring.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            start = index(after: start)
        }
        return nil
    }
}
