import Base

/// Reads the compact notation in which the built-in kinds' types are written down, and turns it into OpenAPI schemas.
///
/// A line without indentation names a type; the indented lines below it are its fields: a name (`!` marks it required, `#` gives its number in protocol buffers),
/// a type, optionally `= default`.
///
/// | type | meaning |
/// |---|---|
/// | `string` `bool` `int` `long` `number` `time` `microtime` `bytes` | scalars |
/// | `intOrString` `quantity` | `x-kubernetes-int-or-string` |
/// | `any` | an object whose content is kept as it is |
/// | `value` | any JSON value at all |
/// | `A\|B\|C` | a string out of these |
/// | `map<T>` | an object with any keys |
/// | `T[]` | a list that is replaced as a whole |
/// | `T[set]` | a list of distinct scalars that patches unite |
/// | `T[a,b]` | a list keyed by those fields; strategic merge patches use the first |
/// | `T[~a]` | a list that server-side apply replaces, and strategic merge patches merge by that field |
/// | `T@` | an object that is replaced as a whole |
/// | `T` | another type |
struct TypeLanguage: Sendable {
    struct Field: Sendable {
        let name: String
        let isRequired: Bool
        let type: String
        let defaultValue: JSONValue?
        /// In Kubernetes' generated.proto; nil for types that no client sends that way.
        let number: Int?
    }

    private(set) var types: [String: [Field]] = [:]
    private(set) var names: [String] = []

    init(_ text: String) {
        var current = ""
        for line in text.split(separator: "\n") where !line.allSatisfy({ $0 == " " }) {
            let words = line.split(separator: " ", maxSplits: .max, omittingEmptySubsequences: true)
            guard line.hasPrefix(" ") else {
                current = String(words[0])
                names.append(current)
                types[current] = []
                continue
            }
            guard words.count >= 2 else { continue }
            let parts = words[0].split(separator: "#")
            let isRequired = parts[0].hasSuffix("!")
            let name = isRequired ? String(parts[0].dropLast()) : String(parts[0])
            let value = words.count >= 4 && words[2] == "=" ? try? JSON.parse(words[3...].joined(separator: " ")) : nil
            types[current]?.append(
                Field(name: name, isRequired: isRequired, type: String(words[1]), defaultValue: value, number: parts.count > 1 ? Int(parts[1]) : nil))
        }
    }

    /// The schema of a type with everything it refers to in place, for validation.
    func inlined(_ type: String) -> JSONValue { structure(type) { inlined($0) } }

    /// The schema of a type with references to `#PREFIX/Name`, for OpenAPI documents.
    func referring(_ type: String, prefix: String) -> JSONValue { structure(type) { ["$ref": .string("\(prefix)\($0)")] } }

    /// The types that a type's fields are made of.
    func references(of type: String) -> [String] {
        (types[type] ?? []).compactMap { field in
            let bare = field.type.prefix { $0 != "[" && $0 != "@" }
            return types[String(bare)] == nil ? nil : String(bare)
        }
    }

    private func structure(_ type: String, _ reference: (String) -> JSONValue) -> JSONValue {
        var properties = JSONObject()
        var required: [JSONValue] = []
        for field in types[type] ?? [] {
            var schema = schema(of: field.type, reference)
            // A reference has no room for siblings.
            if let value = field.defaultValue, schema["$ref"] == nil { schema["default"] = value }
            properties[field.name] = schema
            if field.isRequired { required.append(.string(field.name)) }
        }
        var result: JSONObject = ["type": "object"]
        if !properties.isEmpty { result["properties"] = .object(properties) }
        if !required.isEmpty { result["required"] = .array(required) }
        return .object(result)
    }

    private func schema(of type: String, _ reference: (String) -> JSONValue) -> JSONValue {
        if type.hasSuffix("]"), let bracket = type.lastIndex(of: "[") {
            let keys = type[type.index(after: bracket)...].dropLast().split(separator: ",").map(String.init)
            return list(of: schema(of: String(type[..<bracket]), reference), keys)
        }
        if type.hasSuffix("@") {
            var schema = schema(of: String(type.dropLast()), reference)
            // A reference has no room for siblings: the reader of the document sees it granular, the server keeps it whole.
            if schema["$ref"] == nil { schema["x-kubernetes-map-type"] = "atomic" }
            return schema
        }
        if type.hasPrefix("map<"), type.hasSuffix(">") {
            return ["type": "object", "additionalProperties": schema(of: String(type.dropFirst(4).dropLast()), reference)]
        }
        if type.contains("|") { return ["type": "string", "enum": .array(type.split(separator: "|").map { .string(String($0)) })] }
        switch type {
        case "string": return ["type": "string"]
        case "bool": return ["type": "boolean"]
        case "int": return ["type": "integer", "format": "int32"]
        case "long": return ["type": "integer", "format": "int64"]
        case "number": return ["type": "number"]
        case "time", "microtime": return ["type": "string", "format": "date-time"]
        case "bytes": return ["type": "string", "format": "byte"]
        case "intOrString", "quantity": return ["x-kubernetes-int-or-string": true]
        case "any": return ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
        case "value": return ["x-kubernetes-preserve-unknown-fields": true]
        default: return types[type] == nil ? ["type": "object", "x-kubernetes-preserve-unknown-fields": true] : reference(type)
        }
    }

    private func list(of items: JSONValue, _ keys: [String]) -> JSONValue {
        var schema: JSONValue = ["type": "array", "items": items]
        switch keys.first {
        case nil: schema["x-kubernetes-list-type"] = "atomic"
        case "set"?:
            schema["x-kubernetes-list-type"] = "set"
            schema["x-kubernetes-patch-strategy"] = "merge"
        case let key? where key.hasPrefix("~"):
            schema["x-kubernetes-list-type"] = "atomic"
            schema["x-kubernetes-patch-strategy"] = "merge"
            schema["x-kubernetes-patch-merge-key"] = .string(String(key.dropFirst()))
        case let key?:
            schema["x-kubernetes-list-type"] = "map"
            schema["x-kubernetes-list-map-keys"] = .array(keys.map { .string($0) })
            schema["x-kubernetes-patch-strategy"] = "merge"
            schema["x-kubernetes-patch-merge-key"] = .string(key)
        }
        return schema
    }
}
