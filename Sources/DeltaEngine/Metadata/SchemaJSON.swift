import Base
import Columnar

/// A schema as the log writes it (protocol, "Schema Serialization Format"), both ways.
public enum SchemaJSON {
    /// Reads a `schemaString`.
    ///
    /// Throws ``DeltaError/unsupportedType(column:type:)`` for a type that Levee has no columns for, ``DeltaError/invalidMetadata(reason:)`` for
    /// text that is no schema.
    public static func parse(_ text: String) throws(DeltaError) -> TableSchema {
        let json: JSONValue
        do {
            json = try JSON.parse(text)
        } catch {
            throw .invalidMetadata(reason: "the schema is not JSON: \(error)")
        }
        return try parse(json)
    }

    public static func parse(_ json: JSONValue) throws(DeltaError) -> TableSchema {
        guard json["type"]?.stringValue == "struct" else { throw .invalidMetadata(reason: "the schema is no struct") }
        let schema = TableSchema(fields: try fields(of: json, path: ""))
        var seen: Set<String> = []
        for field in schema.fields where !seen.insert(field.name.lowercased()).inserted {
            throw .invalidMetadata(reason: "two columns are named \(field.name) but for upper and lower case")
        }
        return schema
    }

    /// The `schemaString` of a schema.
    public static func encode(_ schema: TableSchema) -> String { JSON.encode(json(of: schema)) }

    public static func json(of schema: TableSchema) -> JSONValue {
        ["type": "struct", "fields": .array(schema.fields.map(json(of:)))]
    }

    private static func json(of field: TableField) -> JSONValue {
        ["name": .string(field.name), "type": field.typeJSON, "nullable": .bool(field.nullable), "metadata": .object(field.metadata)]
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

    private static func fields(of json: JSONValue, path: String) throws(DeltaError) -> [TableField] {
        guard let list = json["fields"]?.arrayValue else { throw .invalidMetadata(reason: "the struct\(at(path)) has no list of fields") }
        var fields: [TableField] = []
        for entry in list {
            guard let name = entry["name"]?.stringValue, let typeJSON = entry["type"] else {
                throw .invalidMetadata(reason: "a field\(at(path)) has no name or no type")
            }
            let inner = path.isEmpty ? name : "\(path).\(name)"
            // Absent counts as nullable and as no metadata, as Spark reads it.
            fields.append(
                TableField(
                    name, try type(of: typeJSON, path: inner), nullable: entry["nullable"]?.boolValue ?? true,
                    metadata: entry["metadata"]?.objectValue ?? [:], typeJSON: typeJSON))
        }
        return fields
    }

    private static func type(of json: JSONValue, path: String) throws(DeltaError) -> DataType {
        if let name = json.stringValue {
            guard let type = primitive(name) else { throw .unsupportedType(column: path, type: name) }
            return type
        }
        switch json["type"]?.stringValue {
        case "struct": return .structure(try fields(of: json, path: path).map(\.column))
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

    private static func at(_ path: String) -> String { path.isEmpty ? "" : " at \(path)" }

    /// The type as the log spells it, nested fields without metadata.
    static func json(of type: DataType) -> JSONValue {
        switch type {
        case let .structure(fields):
            [
                "type": "struct",
                "fields": .array(
                    fields.map { ["name": .string($0.name), "type": json(of: $0.type), "nullable": .bool($0.nullable), "metadata": [:]] }),
            ]
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
