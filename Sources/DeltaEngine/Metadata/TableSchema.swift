import Base
import Columnar

/// A table's columns with what Delta keeps beside each: the metadata of columns and of the fields nested in them.
public struct TableSchema: Sendable, Hashable {
    public var fields: [TableField]

    public init(fields: [TableField]) { self.fields = fields }

    /// Columns without metadata.
    public init(_ schema: Schema) { fields = schema.fields.map { TableField($0.name, $0.type, nullable: $0.nullable) } }

    /// Names and types alone.
    public var columns: Schema { Schema(fields.map(\.column)) }

    /// The column of exactly this name.
    public subscript(name: String) -> TableField? { fields.first { $0.name == name } }

    public func index(of name: String) -> Int? { fields.firstIndex { $0.name == name } }
}

/// One column of a table, or a field of a struct.
public struct TableField: Sendable, Hashable {
    public let name: String
    public let type: DataType
    public let nullable: Bool
    /// The column's own metadata: `delta.invariants`, `delta.generationExpression`, `comment` and the like.
    public let metadata: JSONObject
    /// The type as the log spells it, with the metadata of nested fields.
    let typeJSON: JSONValue

    public init(_ name: String, _ type: DataType, nullable: Bool = true, metadata: JSONObject = [:]) {
        self.init(name, type, nullable: nullable, metadata: metadata, typeJSON: SchemaJSON.json(of: type))
    }

    init(_ name: String, _ type: DataType, nullable: Bool, metadata: JSONObject, typeJSON: JSONValue) {
        self.name = name
        self.type = type
        self.nullable = nullable
        self.metadata = metadata
        self.typeJSON = typeJSON
    }

    /// Name and type alone.
    public var column: Field { Field(name, type, nullable: nullable) }

    public var comment: String? { metadata["comment"]?.stringValue }

    /// Whether this field or any nested in it has metadata of that key.
    func hasMetadata(_ key: String) -> Bool {
        metadata[key] != nil || Self.nested(in: typeJSON) { $0["metadata"]?[key] != nil }
    }

    /// Whether any nested struct field's JSON fulfils the condition.
    private static func nested(in type: JSONValue, where condition: (JSONValue) -> Bool) -> Bool {
        for field in type["fields"]?.arrayValue ?? [] {
            if condition(field) { return true }
            if let inner = field["type"], nested(in: inner, where: condition) { return true }
        }
        for key in ["elementType", "keyType", "valueType"] {
            if let inner = type[key], nested(in: inner, where: condition) { return true }
        }
        return false
    }
}
