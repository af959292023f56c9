import Base

/// Fills in the defaults that a schema declares.
enum SchemaDefaulter {
    /// Sets what is missing, or null where null is not allowed, from the schema's defaults; nulls that are not allowed and have no default are dropped,
    /// as the API server does before it validates.
    static func apply(_ schema: Schema, to value: inout JSONValue) {
        switch value {
        case var .object(object):
            // Releases the only other reference, so that members change in place.
            value = .null
            defer { value = .object(object) }
            for (name, property) in schema.properties {
                if let present = object[name], present.isNull, !property.nullable, property.type != nil || property.isIntOrString {
                    object[name] = nil
                }
                if object[name] == nil, let fallback = property.defaultValue { object[name] = fallback }
            }
            for name in object.keys {
                guard let member = schema.member(name), var content = object[name] else { continue }
                object[name] = JSONValue.null
                apply(member, to: &content)
                object[name] = content
            }
        case var .array(elements):
            guard let items = schema.items else { return }
            value = .null
            defer { value = .array(elements) }
            for index in elements.indices { apply(items, to: &elements[index]) }
        default:
            break
        }
    }
}
