import Base

/// A named column of a schema, or a named part of a nested type.
public struct Field: Sendable, Hashable {
    public var name: String
    public var type: DataType
    /// Whether a row may have no value.
    public var nullable: Bool
    /// What a table's schema says of the column besides: comments, column-mapping ids, generation expressions.
    public var metadata: [String: JSONValue]

    public init(_ name: String, _ type: DataType, nullable: Bool = true, metadata: [String: JSONValue] = [:]) {
        self.name = name
        self.type = type
        self.nullable = nullable
        self.metadata = metadata
    }
}

/// The columns of a batch, a file or a table, in order.
public struct Schema: Sendable, Hashable {
    public var fields: [Field]

    public init(_ fields: [Field]) { self.fields = fields }

    /// The position of the first field of exactly this name.
    public func index(of name: String) -> Int? { fields.firstIndex { $0.name == name } }

    /// The first field of exactly this name.
    public subscript(name: String) -> Field? { fields.first { $0.name == name } }
}
