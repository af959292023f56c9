import Base

/// JSON Patch (RFC 6902). All operations or none.
public enum JSONPatch {
    /// The API server refuses longer patches, to bound the work.
    public static let maximumOperations = 10_000

    public static func apply(_ patch: JSONValue, to value: JSONValue) throws(PatchError) -> JSONValue {
        guard let operations = patch.arrayValue else { throw .malformed("a JSON patch must be a list of operations") }
        guard operations.count <= maximumOperations else {
            throw .tooManyOperations(count: operations.count, limit: maximumOperations)
        }
        var result = value
        for operation in operations { try apply(operation: operation, to: &result) }
        return result
    }

    private static func apply(operation: JSONValue, to document: inout JSONValue) throws(PatchError) {
        let path = try pointer(operation, "path")
        switch operation["op"]?.stringValue {
        case "add"?: try change(&document, path, .add(try content(operation)))
        case "replace"?: try change(&document, path, .replace(try content(operation)))
        case "remove"?: try change(&document, path, .remove)
        case "test"?:
            // A missing member equals null, as in the library that the API server uses.
            let found = Self.value(at: path, in: document) ?? .null
            if found != operation["value"] ?? .null { throw unprocessable("testing value \(text(path)) failed") }
        case "move"?:
            let source = try pointer(operation, "from")
            guard let moved = Self.value(at: source, in: document) else { throw missing(source) }
            guard !(path.count > source.count && path.starts(with: source)) else { throw unprocessable("cannot move \(text(source)) into itself") }
            try change(&document, source, .remove)
            try change(&document, path, .add(moved))
        case "copy"?:
            let source = try pointer(operation, "from")
            guard let copied = Self.value(at: source, in: document) else { throw missing(source) }
            try change(&document, path, .add(copied))
        default:
            throw .malformed("unexpected kind of JSON patch operation: \(operation["op"] ?? .null)")
        }
    }

    fileprivate enum Change {
        case add(JSONValue)
        case replace(JSONValue)
        case remove
    }

    private static func content(_ operation: JSONValue) throws(PatchError) -> JSONValue {
        guard let value = operation["value"] else { throw .malformed("JSON patch operation \(operation["op"] ?? .null) misses \"value\"") }
        return value
    }

    private static func pointer(_ operation: JSONValue, _ key: String) throws(PatchError) -> [String] {
        guard let text = operation[key]?.stringValue else { throw .malformed("JSON patch operation misses \"\(key)\"") }
        if text.isEmpty { return [] }
        guard text.hasPrefix("/") else { throw .malformed("JSON pointer \"\(text)\" must start with /") }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(unescaped)
    }

    /// `~1` is a slash and `~0` a tilde (RFC 6901 §4), read in one pass so that `~01` stays `~1`.
    private static func unescaped(_ token: Substring) -> String {
        var result = ""
        var sawTilde = false
        for character in token {
            if sawTilde {
                result += character == "1" ? "/" : character == "0" ? "~" : "~\(character)"
                sawTilde = false
            } else if character == "~" {
                sawTilde = true
            } else {
                result.append(character)
            }
        }
        return sawTilde ? result + "~" : result
    }

    private static func value(at path: [String], in document: JSONValue) -> JSONValue? {
        var current = document
        for token in path {
            switch current {
            case let .object(object):
                guard let next = object[token] else { return nil }
                current = next
            case let .array(elements):
                guard let index = index(token, upTo: elements.count) else { return nil }
                current = elements[index]
            default: return nil
            }
        }
        return current
    }

    /// Plain decimal without sign or leading zeros.
    private static func index(_ token: String, upTo count: Int) -> Int? {
        guard let index = Int(token), "\(index)" == token, index >= 0, index < count else { return nil }
        return index
    }

    private static func change(_ value: inout JSONValue, _ path: [String], _ change: Change) throws(PatchError) {
        try self.change(&value, path[...], change, whole: path)
    }

    private static func change(_ value: inout JSONValue, _ path: ArraySlice<String>, _ change: Change, whole: [String]) throws(PatchError) {
        guard let token = path.first else {
            switch change {
            case let .add(new), let .replace(new): value = new
            case .remove: value = .null
            }
            return
        }
        let isLast = path.count == 1
        switch value {
        case var .object(object):
            if !isLast || !change.isAddition, object[token] == nil { throw missing(whole) }
            if isLast {
                object[token] = change.content
            } else {
                var member = object[token] ?? .null
                try self.change(&member, path.dropFirst(), change, whole: whole)
                object[token] = member
            }
            value = .object(object)
        case var .array(elements):
            if isLast, case let .add(new) = change {
                if token == "-" {
                    elements.append(new)
                } else {
                    guard let index = index(token, upTo: elements.count + 1) else { throw missing(whole) }
                    elements.insert(new, at: index)
                }
            } else {
                guard let index = index(token, upTo: elements.count) else { throw missing(whole) }
                if isLast {
                    if let new = change.content { elements[index] = new } else { elements.remove(at: index) }
                } else {
                    try self.change(&elements[index], path.dropFirst(), change, whole: whole)
                }
            }
            value = .array(elements)
        default:
            throw missing(whole)
        }
    }

    private static func text(_ path: [String]) -> String { "/" + path.joined(separator: "/") }

    private static func missing(_ path: [String]) -> PatchError { unprocessable("path \(text(path)) does not exist in the object") }

    private static func unprocessable(_ why: String) -> PatchError { .doesNotFit(why) }
}

extension JSONPatch.Change {
    fileprivate var isAddition: Bool { if case .add = self { true } else { false } }

    fileprivate var content: JSONValue? {
        switch self {
        case let .add(value), let .replace(value): value
        case .remove: nil
        }
    }
}
