import Base

/// A structural schema (the OpenAPI v3 subset that CustomResourceDefinitions use), parsed once and shared.
final class Schema: Sendable {
    enum ValueType: String, Sendable {
        case object, array, string, integer, number, boolean
    }

    enum AdditionalProperties: Sendable {
        case none
        case any
        case schema(Schema)
    }

    enum ListType: String, Sendable {
        case atomic, set, map
    }

    /// Nil where the schema says nothing: any value, or `x-kubernetes-int-or-string`.
    let type: ValueType?
    let nullable: Bool
    let isIntOrString: Bool
    let preservesUnknownFields: Bool
    let isEmbeddedResource: Bool
    let properties: [String: Schema]
    let required: [String]
    let additionalProperties: AdditionalProperties
    let items: Schema?
    let defaultValue: JSONValue?
    let listType: ListType?
    let listMapKeys: [String]
    /// `x-kubernetes-map-type: atomic`: the object is replaced and owned as a whole.
    let isAtomicMap: Bool
    /// Built-in kinds only: the key by which a strategic merge patch merges this list; nil replaces it.
    let patchMergeKey: String?
    /// Built-in kinds only: a list of scalars that a strategic merge patch unites.
    let patchMergesScalars: Bool
    let constraints: Constraints
    /// CEL rules.
    let rules: [ValidationRule]
    let allOf: [Schema]
    let anyOf: [Schema]
    let oneOf: [Schema]
    let not: Schema?

    /// Limits on a single value.
    struct Constraints: Sendable {
        var enumeration: [JSONValue]?
        var pattern: Pattern?
        var format: String?
        var minimum: Double?
        var maximum: Double?
        var exclusiveMinimum = false
        var exclusiveMaximum = false
        var multipleOf: Double?
        var minLength: Int64?
        var maxLength: Int64?
        var minItems: Int64?
        var maxItems: Int64?
        var uniqueItems = false
        var minProperties: Int64?
        var maxProperties: Int64?
    }

    /// Accepts everything and keeps everything.
    static let anything = Schema(preservingUnknownFields: ())

    private init(preservingUnknownFields: Void) {
        type = nil
        nullable = true
        isIntOrString = false
        preservesUnknownFields = true
        isEmbeddedResource = false
        properties = [:]
        required = []
        additionalProperties = .none
        items = nil
        defaultValue = nil
        listType = nil
        listMapKeys = []
        isAtomicMap = false
        patchMergeKey = nil
        patchMergesScalars = false
        constraints = Constraints()
        rules = []
        allOf = []
        anyOf = []
        oneOf = []
        not = nil
    }

    /// Parses `openAPIV3Schema`. `path` is where it stands, for errors.
    init(_ json: JSONValue, at path: FieldPath) throws(FieldError) {
        guard json.objectValue != nil else { throw FieldError.type(path, actual: json.typeName, expected: "object") }
        if let name = json["type"]?.stringValue, !name.isEmpty {
            guard let known = ValueType(rawValue: name) else {
                let all: [JSONValue] = ["array", "boolean", "integer", "number", "object", "string"]
                throw FieldError.notSupported(path.child("type"), .string(name), all)
            }
            type = known
        } else {
            type = nil
        }
        nullable = json["nullable"]?.boolValue ?? false
        isIntOrString = json["x-kubernetes-int-or-string"]?.boolValue ?? false
        preservesUnknownFields = json["x-kubernetes-preserve-unknown-fields"]?.boolValue ?? false
        isEmbeddedResource = json["x-kubernetes-embedded-resource"]?.boolValue ?? false
        var properties: [String: Schema] = [:]
        for (name, property) in json["properties"]?.objectValue ?? JSONObject() {
            properties[name] = try Schema(property, at: path.child("properties").key(name))
        }
        self.properties = properties
        required = (json["required"]?.arrayValue ?? []).compactMap(\.stringValue)
        switch json["additionalProperties"] {
        case .bool(true)?: additionalProperties = .any
        case let .object(schema)?: additionalProperties = .schema(try Schema(.object(schema), at: path.child("additionalProperties")))
        default: additionalProperties = .none
        }
        if let items = json["items"] { self.items = try Schema(items, at: path.child("items")) } else { items = nil }
        defaultValue = json["default"]
        if let name = json["x-kubernetes-list-type"]?.stringValue {
            guard let known = ListType(rawValue: name) else {
                throw FieldError.notSupported(path.child("x-kubernetes-list-type"), .string(name), ["atomic", "map", "set"])
            }
            listType = known
        } else {
            listType = nil
        }
        listMapKeys = (json["x-kubernetes-list-map-keys"]?.arrayValue ?? []).compactMap(\.stringValue)
        isAtomicMap = json["x-kubernetes-map-type"]?.stringValue == "atomic"
        patchMergeKey = json["x-kubernetes-patch-merge-key"]?.stringValue
        patchMergesScalars = patchMergeKey == nil && json["x-kubernetes-patch-strategy"]?.stringValue == "merge"
        constraints = try Constraints(json, at: path)
        rules = (json["x-kubernetes-validations"]?.arrayValue ?? []).compactMap(ValidationRule.init)
        allOf = try Self.list(json["allOf"], at: path.child("allOf"))
        anyOf = try Self.list(json["anyOf"], at: path.child("anyOf"))
        oneOf = try Self.list(json["oneOf"], at: path.child("oneOf"))
        if let not = json["not"] { self.not = try Schema(not, at: path.child("not")) } else { not = nil }
    }

    private static func list(_ json: JSONValue?, at path: FieldPath) throws(FieldError) -> [Schema] {
        var schemas: [Schema] = []
        for (index, element) in (json?.arrayValue ?? []).enumerated() {
            schemas.append(try Schema(element, at: path.index(index)))
        }
        return schemas
    }

    /// The schema of a member: declared, or what additional members must be; nil where the member is unknown.
    func member(_ name: String) -> Schema? {
        if let property = properties[name] { return property }
        switch additionalProperties {
        case .none: return nil
        case .any: return .anything
        case let .schema(schema): return schema
        }
    }

    /// Whether members are named by the schema (a structure) rather than by the data (a map).
    var isStructure: Bool {
        if case .none = additionalProperties { return true }
        return false
    }
}

extension Schema.Constraints {
    init(_ json: JSONValue, at path: FieldPath) throws(FieldError) {
        enumeration = json["enum"]?.arrayValue
        if let text = json["pattern"]?.stringValue {
            guard let compiled = Pattern(text) else {
                throw FieldError.invalid(path.child("pattern"), .string(text), "must be a valid regular expression")
            }
            pattern = compiled
        }
        format = json["format"]?.stringValue
        minimum = json["minimum"]?.doubleValue
        maximum = json["maximum"]?.doubleValue
        exclusiveMinimum = json["exclusiveMinimum"]?.boolValue ?? false
        exclusiveMaximum = json["exclusiveMaximum"]?.boolValue ?? false
        multipleOf = json["multipleOf"]?.doubleValue
        minLength = json["minLength"]?.intValue
        maxLength = json["maxLength"]?.intValue
        minItems = json["minItems"]?.intValue
        maxItems = json["maxItems"]?.intValue
        uniqueItems = json["uniqueItems"]?.boolValue ?? false
        minProperties = json["minProperties"]?.intValue
        maxProperties = json["maxProperties"]?.intValue
    }
}

/// One `x-kubernetes-validations` entry, stored as it was given.
struct ValidationRule: Sendable {
    let rule: String
    let message: String?
    let messageExpression: String?
    let reason: String?
    let fieldPath: String?

    init?(_ json: JSONValue) {
        guard let rule = json["rule"]?.stringValue else { return nil }
        self.rule = rule
        message = json["message"]?.stringValue
        messageExpression = json["messageExpression"]?.stringValue
        reason = json["reason"]?.stringValue
        fieldPath = json["fieldPath"]?.stringValue
    }
}

extension JSONValue {
    /// The value's type in JSON Schema's words.
    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
