import Base
import Parquet

/// `levee parquet schema`.
enum ParquetSchema {
    static let command = Command(
        name: "schema", summary: "print a file's columns as they are stored, and what the footer says besides", positionals: [ParquetCommands.file]
    ) { arguments, console in
        let place = try TableAccess.file(arguments[ParquetCommands.file])
        let file = try await ParquetFile.open(place.store, place.path, columns: [])
        switch console.format {
        case .json: try console.print(JSON.encode(json(file)) + "\n")
        case .text: try console.print(text(file))
        }
    }

    private static func text(_ file: ParquetFile) -> String {
        let metadata = file.metadata
        var text = "\(metadata.rowCount) rows in \(metadata.rowGroups.count) row group(s), \(file.sizeInBytes.formattedBytes)\n"
        if let createdBy = metadata.createdBy { text += "created by \(createdBy.withoutControlCharacters)\n" }
        for pair in metadata.keyValues { text += "\(pair.key): \((pair.value ?? "").withoutControlCharacters.truncated(to: 200))\n" }
        for root in metadata.schema.roots { line(root, depth: 0, &text) }
        return text
    }

    private static func line(_ node: SchemaNode, depth: Int, _ text: inout String) {
        text += String(repeating: "  ", count: depth) + "\(node.repetition) \(node.name.withoutControlCharacters) \(type(node))"
        if let id = node.fieldID { text += " = \(id)" }
        text += "\n"
        if case let .group(children) = node.content { for child in children { line(child, depth: depth + 1, &text) } }
    }

    private static func type(_ node: SchemaNode) -> String {
        var type = "group"
        if case let .leaf(leaf) = node.content {
            type = "\(leaf.physicalType)"
            if leaf.typeLength > 0 { type += "(\(leaf.typeLength))" }
        }
        return node.logicalType.map { "\(type) (\($0))" } ?? type
    }

    private static func json(_ file: ParquetFile) -> JSONValue {
        let metadata = file.metadata
        return [
            "rows": .integer(metadata.rowCount), "rowGroups": .integer(Int64(metadata.rowGroups.count)), "size": .integer(file.sizeInBytes),
            "createdBy": metadata.createdBy.map(JSONValue.string) ?? .null,
            "keyValues": .object(JSONObject(metadata.keyValues.map { (key: $0.key, value: $0.value.map(JSONValue.string) ?? .null) })),
            "columns": .array(metadata.schema.roots.map(json)),
        ]
    }

    private static func json(_ node: SchemaNode) -> JSONValue {
        var members: JSONObject = ["name": .string(node.name), "repetition": .string("\(node.repetition)"), "type": .string(type(node))]
        if let id = node.fieldID { members["fieldId"] = .integer(Int64(id)) }
        if case let .group(children) = node.content { members["children"] = .array(children.map(json)) }
        return .object(members)
    }
}
