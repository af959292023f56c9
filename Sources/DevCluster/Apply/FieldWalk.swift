import Base

/// An object's fields as server-side apply sees them: which lists have identity, what is replaced as a whole. Follows structured-merge-diff.
enum FieldWalk {
    /// How a list or an object takes part in ownership.
    enum Shape {
        case scalar
        /// Owned and replaced as a whole.
        case atomic
        case members(JSONObject)
        case elements([(element: PathElement, value: JSONValue)])
    }

    static func shape(of value: JSONValue, _ schema: Schema, at path: FieldPath = .root) throws(FieldError) -> Shape {
        switch value {
        case let .object(object): return schema.isAtomicMap ? .atomic : .members(object)
        case let .array(elements):
            switch schema.listType {
            case .atomic?, nil: return .atomic
            case .set?: return .elements(elements.map { (.value($0), $0) })
            case .map?:
                var keyed: [(element: PathElement, value: JSONValue)] = []
                for (index, element) in elements.enumerated() {
                    keyed.append((.key(try key(of: element, schema, at: path.index(index))), element))
                }
                return .elements(keyed)
            }
        default: return .scalar
        }
    }

    private static func key(of element: JSONValue, _ schema: Schema, at path: FieldPath) throws(FieldError) -> JSONObject {
        var key = JSONObject()
        for name in schema.listMapKeys { key[name] = element[name] ?? schema.items?.properties[name]?.defaultValue }
        guard !key.isEmpty else {
            throw FieldError(
                kind: .invalid, path: path,
                body: "element: associative list with keys has an element that omits key field \"\(schema.listMapKeys.first ?? "")\"")
        }
        return key
    }

    static func member(_ element: PathElement, of schema: Schema) -> Schema {
        switch element {
        case let .field(name): schema.member(name) ?? .anything
        case .key, .value, .index: schema.items ?? .anything
        }
    }

    // MARK: The set of an applied configuration

    /// The fields that a configuration states, which is what its applier will own.
    static func fields(of value: JSONValue, _ schema: Schema) throws(FieldError) -> FieldSet {
        var set = FieldSet()
        try collect(value, schema, at: .root, into: &set)
        return set
    }

    private static func collect(_ value: JSONValue, _ schema: Schema, at path: FieldPath, into set: inout FieldSet) throws(FieldError) {
        switch try shape(of: value, schema, at: path) {
        case .scalar, .atomic: break
        case let .members(object):
            for (name, content) in object {
                let element = PathElement.field(name)
                let declared = schema.properties[name] != nil
                if !declared, !schema.preservesUnknownFields, schema.isStructure {
                    throw FieldError(kind: .notSupported, path: FieldPath(".\(path.child(name))"), body: "field not declared in schema")
                }
                let memberSchema = member(element, of: schema)
                if !declared || isLeaf(content, memberSchema) { set.members.insert(element) }
                var child = FieldSet()
                try collect(content, memberSchema, at: path.child(name), into: &child)
                if !child.isEmpty { set.children[element] = child }
            }
        case let .elements(elements):
            for (index, (element, content)) in elements.enumerated() {
                set.members.insert(element)
                var child = FieldSet()
                try collect(content, schema.items ?? .anything, at: path.index(index), into: &child)
                if !child.isEmpty { set.children[element] = set[element].union(child) }
            }
        }
    }

    private static func isLeaf(_ value: JSONValue, _ schema: Schema) -> Bool {
        switch value {
        case let .object(object): schema.isAtomicMap || object.isEmpty
        case .array: schema.listType == nil || schema.listType == .atomic
        default: true
        }
    }

    // MARK: Comparison

    struct Comparison {
        var added = FieldSet()
        var modified = FieldSet()
        var removed = FieldSet()

        var isSame: Bool { added.isEmpty && modified.isEmpty && removed.isEmpty }
    }

    static func compare(_ old: JSONValue, _ new: JSONValue, _ schema: Schema) throws(FieldError) -> Comparison {
        var comparison = Comparison()
        try compare(old, new, schema, at: [], &comparison)
        return comparison
    }

    private static func compare(_ old: JSONValue?, _ new: JSONValue?, _ schema: Schema, at path: [PathElement], _ comparison: inout Comparison)
        throws(FieldError)
    {
        if old == new { return }
        let oldShape = try old.map { value throws(FieldError) in try shape(of: value, schema) }
        let newShape = try new.map { value throws(FieldError) in try shape(of: value, schema) }
        let oldParts = parts(oldShape)
        let newParts = parts(newShape)
        if oldParts.isEmpty, newParts.isEmpty {
            record(old, new, at: path, &comparison)
            return
        }
        if let old, let new, isWhole(oldShape) != isWhole(newShape) {
            // Another kind of value altogether: all of the one goes, all of the other comes.
            try compare(old, nil, schema, at: path, &comparison)
            try compare(nil, new, schema, at: path, &comparison)
            return
        }
        let newValues = Dictionary(newParts.map { ($0.element, $0.value) }) { first, _ in first }
        let oldValues = Dictionary(oldParts.map { ($0.element, $0.value) }) { first, _ in first }
        for (element, value) in oldValues { try compare(value, newValues[element], member(element, of: schema), at: path + [element], &comparison) }
        for (element, value) in newValues where oldValues[element] == nil {
            try compare(nil, value, member(element, of: schema), at: path + [element], &comparison)
        }
        if old == nil || new == nil { record(old, new, at: path, &comparison) }
    }

    private static func record(_ old: JSONValue?, _ new: JSONValue?, at path: [PathElement], _ comparison: inout Comparison) {
        switch (old, new) {
        case (nil, _): comparison.added.insert(path)
        case (_, nil): comparison.removed.insert(path)
        default: comparison.modified.insert(path)
        }
    }

    private static func isWhole(_ shape: Shape?) -> Bool {
        switch shape {
        case .scalar?, .atomic?: true
        default: false
        }
    }

    private static func parts(_ shape: Shape?) -> [(element: PathElement, value: JSONValue)] {
        switch shape {
        case let .members(object)?: object.map { (.field($0.key), $0.value) }
        case let .elements(elements)?: elements
        case .scalar?, .atomic?, nil: []
        }
    }
}
