import Columnar

/// A node of the schema as its reader sees it: the logical type, and how to put it together from leaves.
///
/// The annotated groups of lists and maps, with their old two-level and unannotated forms (LogicalTypes.md, "Nested Types"), have become one
/// list or map each.
struct LogicalNode: Sendable {
    indirect enum Shape: Sendable {
        case leaf(SchemaLeaf, ValueConversion)
        case structure([LogicalNode])
        case list(LogicalNode)
        case map(key: LogicalNode, value: LogicalNode)
    }

    let field: Field
    /// The definition level from which on the node is not null.
    let definitionLevel: Int
    /// The repetition level up to which an entry begins a new slot of the node.
    let repetitionLevel: Int
    /// For lists and maps: the definition level from which on there is an element.
    let elementDefinitionLevel: Int
    let shape: Shape
    /// The leaves below, which are consecutive.
    let leaves: Range<Int>

    /// Whether the node is one leaf without lists or structs around it.
    var isFlat: Bool {
        if case let .leaf(leaf, _) = shape { leaf.maximumRepetitionLevel == 0 && leaf.path.count == 1 } else { false }
    }
}

/// Turns a file's schema tree into logical nodes.
struct LogicalSchemaBuilder {
    /// The node's logical form. Throws ``Damage`` of kind `unsupported` for a type that has none here.
    static func node(_ node: SchemaNode) throws(Damage) -> LogicalNode {
        guard node.repetition == .repeated else { return try single(node, repetition: node.repetitionLevel, nullable: node.repetition == .optional) }
        // A repeated node outside a list: a list that is never null, of elements that are never null.
        let element = try single(node, repetition: node.repetitionLevel, nullable: false)
        return LogicalNode(
            field: Field(node.name, .list(element: element.field), nullable: false), definitionLevel: node.definitionLevel - 1,
            repetitionLevel: node.repetitionLevel - 1, elementDefinitionLevel: node.definitionLevel, shape: .list(element), leaves: element.leaves)
    }

    /// The node as one value, whatever its own repetition is.
    private static func single(_ node: SchemaNode, repetition: Int, nullable: Bool) throws(Damage) -> LogicalNode {
        switch node.content {
        case let .leaf(leaf):
            let (type, conversion) = try ValueConversion.of(leaf)
            return LogicalNode(
                field: Field(node.name, type, nullable: nullable), definitionLevel: node.definitionLevel, repetitionLevel: repetition,
                elementDefinitionLevel: 0, shape: .leaf(leaf, conversion), leaves: leaf.index..<(leaf.index + 1))
        case let .group(children):
            switch node.logicalType {
            case .list:
                if let list = try list(node, children, nullable: nullable) { return list }
            case .map, .mapKeyValue:
                if let map = try map(node, children, nullable: nullable) { return map }
            default: break
            }
            return try structure(node, children, nullable: nullable)
        }
    }

    private static func structure(_ node: SchemaNode, _ children: [SchemaNode], nullable: Bool) throws(Damage) -> LogicalNode {
        // Without a leaf there is nothing that would tell how many values there are.
        guard !children.isEmpty else { throw Damage.unsupported("a group without columns (\(node.name))") }
        var fields: [LogicalNode] = []
        for child in children { fields.append(try self.node(child)) }
        let leaves = (fields.first?.leaves.lowerBound ?? 0)..<(fields.last?.leaves.upperBound ?? 0)
        return LogicalNode(
            field: Field(node.name, .structure(fields.map(\.field)), nullable: nullable), definitionLevel: node.definitionLevel,
            repetitionLevel: node.repetitionLevel, elementDefinitionLevel: 0, shape: .structure(fields), leaves: leaves)
    }

    /// A group annotated as a list. Nil where its content is no list in any known form: then it is an ordinary struct.
    private static func list(_ node: SchemaNode, _ children: [SchemaNode], nullable: Bool) throws(Damage) -> LogicalNode? {
        guard children.count == 1, let repeated = children.first, repeated.repetition == .repeated else { return nil }
        var element: LogicalNode
        if case let .group(inner) = repeated.content, inner.count == 1, let only = inner.first, isListWrapper(repeated, of: node, only) {
            element = try self.node(only)
        } else {
            // The repeated node is itself the element (two-level lists, from before the format said how).
            element = try single(repeated, repetition: repeated.repetitionLevel, nullable: false)
        }
        element = element.renamed("element")
        return LogicalNode(
            field: Field(node.name, .list(element: element.field), nullable: nullable), definitionLevel: node.definitionLevel,
            repetitionLevel: node.repetitionLevel, elementDefinitionLevel: repeated.definitionLevel, shape: .list(element), leaves: element.leaves)
    }

    /// LogicalTypes.md, "Backward-compatibility rules" of lists: whether the repeated group is only the middle of a three-level list.
    private static func isListWrapper(_ repeated: SchemaNode, of list: SchemaNode, _ only: SchemaNode) -> Bool {
        if only.repetition == .repeated { return false }
        if repeated.logicalType == .list || repeated.logicalType == .map { return false }
        return repeated.name != "array" && repeated.name != list.name + "_tuple"
    }

    /// A group annotated as a map. Nil where its content is no map in any known form.
    private static func map(_ node: SchemaNode, _ children: [SchemaNode], nullable: Bool) throws(Damage) -> LogicalNode? {
        guard children.count == 1, let entries = children.first, entries.repetition == .repeated, case let .group(parts) = entries.content,
            let key = parts.first, parts.count <= 2
        else { return nil }
        let keyNode = try self.node(key)
        let shape: LogicalNode.Shape
        let type: DataType
        var leaves = keyNode.leaves
        if parts.count == 2 {
            let (keyNode, valueNode) = (keyNode.renamed("key"), try self.node(parts[1]).renamed("value"))
            shape = .map(key: keyNode, value: valueNode)
            type = .map(key: keyNode.field, value: valueNode.field)
            leaves = leaves.lowerBound..<valueNode.leaves.upperBound
        } else {
            // A map without values is the set of its keys.
            let element = keyNode.renamed("element")
            shape = .list(element)
            type = .list(element: element.field)
        }
        return LogicalNode(
            field: Field(node.name, type, nullable: nullable), definitionLevel: node.definitionLevel, repetitionLevel: node.repetitionLevel,
            elementDefinitionLevel: entries.definitionLevel, shape: shape, leaves: leaves)
    }
}

extension LogicalNode {
    /// The same node under the name that the logical type gives its parts, whatever the file calls them.
    fileprivate func renamed(_ name: String) -> LogicalNode {
        LogicalNode(
            field: Field(name, field.type, nullable: field.nullable), definitionLevel: definitionLevel, repetitionLevel: repetitionLevel,
            elementDefinitionLevel: elementDefinitionLevel, shape: shape, leaves: leaves)
    }
}
