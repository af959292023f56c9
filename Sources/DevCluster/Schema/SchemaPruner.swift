import Base

/// Removes the fields that a schema does not know.
enum SchemaPruner {
    /// Prunes a whole object: `apiVersion`, `kind` and `metadata` stay whatever the schema says about them.
    ///
    /// - Returns: The paths that were removed, for strict decoding and warnings, in the object's order.
    static func prune(_ object: inout JSONValue, _ schema: Schema) -> [FieldPath] {
        var removed: [FieldPath] = []
        prune(&object, schema, isResource: true, at: .root, &removed)
        return removed
    }

    private static let resourceFields: Set<String> = ["apiVersion", "kind", "metadata"]

    private static func prune(_ value: inout JSONValue, _ schema: Schema, isResource: Bool, at path: FieldPath, _ removed: inout [FieldPath]) {
        switch value {
        case var .object(object):
            value = .null
            defer { value = .object(object) }
            for name in object.keys {
                if isResource || schema.isEmbeddedResource, resourceFields.contains(name) { continue }
                if let member = schema.member(name) {
                    guard var content = object[name] else { continue }
                    object[name] = JSONValue.null
                    prune(&content, member, isResource: false, at: path.child(name), &removed)
                    object[name] = content
                } else if !schema.preservesUnknownFields {
                    object[name] = nil
                    removed.append(path.child(name))
                }
            }
        case var .array(elements):
            guard let items = schema.items else { return }
            value = .null
            defer { value = .array(elements) }
            for index in elements.indices { prune(&elements[index], items, isResource: false, at: path.index(index), &removed) }
        default:
            break
        }
    }
}
