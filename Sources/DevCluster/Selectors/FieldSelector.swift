import Base

/// A `fieldSelector` query parameter: `metadata.name=a,status.phase!=Running`.
struct FieldSelector: Sendable {
    private(set) var requirements: [(path: [String], value: String, equal: Bool)] = []

    var isEmpty: Bool { requirements.isEmpty }

    /// The one name that can match, where the selector demands one: a watch or list of a single object.
    var requiredName: String? { requirements.first { $0.equal && $0.path == ["metadata", "name"] }?.value }

    /// - Parameter supported: The fields of this kind that can be selected by, beside `metadata.name` and `metadata.namespace`.
    init(_ text: String, supported: [String]) throws(APIError) {
        for term in Self.split(text) where !term.isEmpty {
            let (field, value, equal) = try Self.parse(term)
            guard field == "metadata.name" || field == "metadata.namespace" || supported.contains(field) else {
                throw .badRequest("field label not supported: \(field)")
            }
            requirements.append((field.split(separator: ".").map(String.init), value, equal))
        }
    }

    func matches(_ object: JSONValue) -> Bool {
        requirements.allSatisfy { path, value, equal in (Self.text(object.value(at: path)) == value) == equal }
    }

    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null?: ""
        case let .string(text)?: text
        case let value?: JSON.encode(value)
        }
    }

    /// Splits at commas that no backslash precedes.
    private static func split(_ text: String) -> [String] {
        var terms: [String] = [""]
        var escaped = false
        for character in text {
            if character == ",", !escaped {
                terms.append("")
            } else {
                terms[terms.count - 1].append(character)
            }
            escaped = character == "\\" && !escaped
        }
        return terms
    }

    private static func parse(_ term: String) throws(APIError) -> (field: String, value: String, equal: Bool) {
        guard let place = term.firstIndex(where: { $0 == "=" || $0 == "!" }) else {
            throw .badRequest("invalid selector: '\(term)'; can't understand '\(term)'")
        }
        let field = String(term[..<place])
        let tail = term[place...]
        for (sign, equal) in [("!=", false), ("==", true), ("=", true)] where tail.hasPrefix(sign) {
            return (field, unescape(tail.dropFirst(sign.count)), equal)
        }
        throw .badRequest("invalid selector: '\(term)'; can't understand '\(term)'")
    }

    private static func unescape(_ text: Substring) -> String {
        var result = ""
        var escaped = false
        for character in text {
            if character == "\\", !escaped {
                escaped = true
                continue
            }
            result.append(character)
            escaped = false
        }
        return result
    }
}
