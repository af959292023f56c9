import Base
import Columnar

/// A schema as the log writes it (protocol, "Schema Serialization Format"), both ways.
public enum SchemaJSON {
    /// Reads a `schemaString`.
    ///
    /// Throws ``DeltaError/unsupportedType(column:type:)`` for a type that Levee has no columns for, ``DeltaError/invalidMetadata(reason:)`` for
    /// text that is no schema.
    public static func parse(_ text: String) throws(DeltaError) -> Schema {
        let json: JSONValue
        do {
            json = try JSON.parse(text)
        } catch {
            throw .invalidMetadata(reason: "the schema is not JSON: \(error)")
        }
        return try parse(json)
    }

    public static func parse(_ json: JSONValue) throws(DeltaError) -> Schema {
        guard json["type"]?.stringValue == "struct" else { throw .invalidMetadata(reason: "the schema is no struct") }
        let schema = Schema(try fields(of: json, path: ""))
        var seen: Set<String> = []
        for field in schema.fields where !seen.insert(field.name.lowercased()).inserted {
            throw .invalidMetadata(reason: "two columns are named \(field.name) but for upper and lower case")
        }
        return schema
    }

    /// The `schemaString` of a schema.
    public static func encode(_ schema: Schema) -> String { JSON.encode(json(of: schema)) }

    public static func json(of schema: Schema) -> JSONValue {
        ["type": "struct", "fields": .array(schema.fields.map(json(of:)))]
    }

    private static func json(of field: Field) -> JSONValue {
        // Sorted, so that equal schemas have equal texts.
        let metadata = JSONObject(field.metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })
        return ["name": .string(field.name), "type": json(of: field.type), "nullable": .bool(field.nullable), "metadata": .object(metadata)]
    }

    /// A primitive type by the name that the log and people use: `long`, `decimal(10,2)`; nil for any other.
    public static func primitive(_ name: String) -> DataType? {
        switch name {
        case "boolean": .boolean
        case "byte": .byte
        case "short": .short
        case "integer": .integer
        case "long": .long
        case "float": .float
        case "double": .double
        case "string": .string
        case "binary": .binary
        case "date": .date
        case "timestamp": .timestamp
        case "timestamp_ntz": .timestampNTZ
        case "void", "null": .null
        // Spark writes `decimal` alone for its default.
        case "decimal": .decimal(precision: 10, scale: 0)
        default: decimal(name)
        }
    }

    private static func decimal(_ name: String) -> DataType? {
        guard name.hasPrefix("decimal("), name.hasSuffix(")") else { return nil }
        let parts = name.dropFirst("decimal(".count).dropLast().split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 2, let precision = Int(trimmed(parts[0])), let scale = Int(trimmed(parts[1])),
            (1...DataType.maximumDecimalPrecision).contains(precision), (0...precision).contains(scale)
        else { return nil }
        return .decimal(precision: precision, scale: scale)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }

    private static func fields(of json: JSONValue, path: String) throws(DeltaError) -> [Field] {
        guard let list = json["fields"]?.arrayValue else { throw .invalidMetadata(reason: "the struct\(at(path)) has no list of fields") }
        var fields: [Field] = []
        for entry in list {
            guard let name = entry["name"]?.stringValue, let typeJSON = entry["type"] else {
                throw .invalidMetadata(reason: "a field\(at(path)) has no name or no type")
            }
            let inner = path.isEmpty ? name : "\(path).\(name)"
            // Absent counts as nullable and as no metadata, as Spark reads it.
            fields.append(
                Field(
                    name, try type(of: typeJSON, path: inner), nullable: entry["nullable"]?.boolValue ?? true,
                    metadata: metadata(entry["metadata"]?.objectValue)))
        }
        return fields
    }

    private static func type(of json: JSONValue, path: String) throws(DeltaError) -> DataType {
        if let name = json.stringValue {
            if name == "variant" { return .variant }
            guard let type = primitive(name) else { throw .unsupportedType(column: path, type: name) }
            return type
        }
        switch json["type"]?.stringValue {
        case "struct": return .structure(try fields(of: json, path: path))
        case "array":
            guard let element = json["elementType"] else { throw .invalidMetadata(reason: "the array\(at(path)) has no elementType") }
            return .list(element: Field("element", try type(of: element, path: "\(path).element"), nullable: json["containsNull"]?.boolValue ?? true))
        case "map":
            guard let key = json["keyType"], let value = json["valueType"] else {
                throw .invalidMetadata(reason: "the map\(at(path)) has no keyType or no valueType")
            }
            return .map(
                key: Field("key", try type(of: key, path: "\(path).key"), nullable: false),
                value: Field("value", try type(of: value, path: "\(path).value"), nullable: json["valueContainsNull"]?.boolValue ?? true))
        default: throw .unsupportedType(column: path, type: JSON.encode(json))
        }
    }

    private static func metadata(_ object: JSONObject?) -> [String: JSONValue] {
        Dictionary((object ?? [:]).map { ($0.key, $0.value) }) { _, last in last }
    }

    private static func at(_ path: String) -> String { path.isEmpty ? "" : " at \(path)" }

    static func json(of type: DataType) -> JSONValue {
        switch type {
        case _ where type.isVariant: "variant"
        case let .structure(fields):
            ["type": "struct", "fields": .array(fields.map(json(of:)))]
        case let .list(element): ["type": "array", "elementType": json(of: element.type), "containsNull": .bool(element.nullable)]
        case let .map(key, value):
            [
                "type": "map", "keyType": json(of: key.type), "valueType": json(of: value.type),
                "valueContainsNull": .bool(value.nullable),
            ]
        default: .string(type.description)
        }
    }
}

extension DataType {
    /// The type as people write it: as ``description``, with the table's own word for variants.
    public var tableDescription: String {
        switch self {
        case _ where isVariant: "variant"
        case let .structure(fields): "struct<" + fields.map { "\($0.name):\($0.type.tableDescription)" }.joined(separator: ",") + ">"
        case let .list(element): "array<\(element.type.tableDescription)>"
        case let .map(key, value): "map<\(key.type.tableDescription),\(value.type.tableDescription)>"
        default: description
        }
    }
}

extension Field {
    /// The same column by name and type only, here and in all nested fields: for comparing with a file's schema, and for batches.
    public var withoutMetadata: Field { Field(name, type.withoutMetadata, nullable: nullable) }

    public var comment: String? { metadata["comment"]?.stringValue }

    /// Whether this field or any nested in it has metadata of that key.
    func hasMetadata(_ key: String) -> Bool {
        if metadata[key] != nil { return true }
        switch type {
        case let .structure(fields): return fields.contains { $0.hasMetadata(key) }
        case let .list(element): return element.hasMetadata(key)
        case let .map(keyField, value): return keyField.hasMetadata(key) || value.hasMetadata(key)
        default: return false
        }
    }
}

extension DataType {
    /// The same type, nested fields by name and type only.
    public var withoutMetadata: DataType {
        switch self {
        case let .structure(fields): .structure(fields.map(\.withoutMetadata))
        case let .list(element): .list(element: element.withoutMetadata)
        case let .map(key, value): .map(key: key.withoutMetadata, value: value.withoutMetadata)
        default: self
        }
    }
}
