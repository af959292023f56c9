/// A file's schema as Parquet sees it: groups and leaves, with the levels that follow from their repetition.
public struct SchemaTree: Sendable {
    /// The top-level nodes.
    public let roots: [SchemaNode]
    /// All leaves in the file's order, which is the order of a row group's column chunks.
    public let leaves: [SchemaLeaf]

    /// Deeper nesting than this is refused: levels are kept in a byte each, and recursion over the tree stays shallow.
    static let maximumDepth = 64

    /// Builds the tree from the footer's flattened form, whose first element is the root.
    init(_ elements: [SchemaElement]) throws(Damage) {
        guard let root = elements.first else { throw Damage("it has no schema") }
        var leaves: [SchemaLeaf] = []
        var next = 1
        var roots: [SchemaNode] = []
        for _ in 0..<max(0, root.childCount ?? 0) {
            roots.append(try Self.node(elements, &next, path: [], definition: 0, repetition: 0, &leaves))
        }
        guard next == elements.count else { throw Damage("its schema has \(elements.count - next) elements outside the tree") }
        self.roots = roots
        self.leaves = leaves
    }

    private static func node(
        _ elements: [SchemaElement], _ next: inout Int, path: [String], definition: Int, repetition: Int, _ leaves: inout [SchemaLeaf]
    ) throws(Damage) -> SchemaNode {
        guard next < elements.count else { throw Damage("its schema ends inside a group") }
        guard path.count < maximumDepth else { throw Damage("its schema is nested more than \(maximumDepth) deep") }
        let element = elements[next]
        next += 1
        let path = path + [element.name]
        let occurs = element.repetition ?? .required
        let definition = definition + (occurs == .required ? 0 : 1)
        let repetition = repetition + (occurs == .repeated ? 1 : 0)
        let content: SchemaNode.Content
        if let physicalType = element.physicalType, (element.childCount ?? 0) == 0 {
            let length = Int(element.typeLength ?? 0)
            if physicalType == .fixedLengthByteArray, length <= 0 {
                throw Damage("column \(path.joined(separator: ".")) has a fixed length of \(length)")
            }
            let leaf = SchemaLeaf(
                index: leaves.count, path: path, physicalType: physicalType, typeLength: length, logicalType: element.logicalType,
                maximumDefinitionLevel: definition, maximumRepetitionLevel: repetition)
            leaves.append(leaf)
            content = .leaf(leaf)
        } else {
            var children: [SchemaNode] = []
            for _ in 0..<max(0, element.childCount ?? 0) {
                children.append(try node(elements, &next, path: path, definition: definition, repetition: repetition, &leaves))
            }
            content = .group(children)
        }
        return SchemaNode(
            name: element.name, fieldID: element.fieldID, repetition: occurs, logicalType: element.logicalType, definitionLevel: definition,
            repetitionLevel: repetition, content: content)
    }
}

/// A group or a leaf.
public struct SchemaNode: Sendable {
    public indirect enum Content: Sendable {
        case group([SchemaNode])
        case leaf(SchemaLeaf)
    }

    public let name: String
    public let fieldID: Int32?
    public let repetition: Repetition
    public let logicalType: LogicalType?
    /// The definition level at which this node is there (not null, and not in an empty list).
    public let definitionLevel: Int
    /// The repeated nodes from the root to this one, itself included.
    public let repetitionLevel: Int
    public let content: Content
}

/// A node that has values.
public struct SchemaLeaf: Sendable, Hashable {
    /// The position among all leaves.
    public let index: Int
    public let path: [String]
    public let physicalType: PhysicalType
    /// The bytes of a value of ``PhysicalType/fixedLengthByteArray``; 0 otherwise.
    public let typeLength: Int
    public let logicalType: LogicalType?
    public let maximumDefinitionLevel: Int
    public let maximumRepetitionLevel: Int

    /// The path with dots.
    public var name: String { path.joined(separator: ".") }
}
