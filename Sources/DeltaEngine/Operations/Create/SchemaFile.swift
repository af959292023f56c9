import Base
import Columnar

/// A schema that a person wrote: Delta's own JSON (`{"type": "struct", "fields": […]}`), or a list of columns,
/// `[{"name": "id", "type": "long", "nullable": false, "comment": "business key"}]`, in which a type is also `array<…>`, `map<…>` or `struct<…>`.
public enum SchemaFile {
    /// Throws ``DeltaError/invalidRequest(reason:)`` naming the file and the column.
    public static func parse(_ bytes: Bytes, name: String) throws(DeltaError) -> Schema {
        let json: JSONValue
        do {
            json = try JSON.parse(bytes)
        } catch {
            throw .invalidRequest(reason: "\(name) is not JSON: \(error)")
        }
        do throws(DeltaError) {
            guard let columns = json.arrayValue else { return try SchemaJSON.parse(json) }
            return try SchemaJSON.parse(["type": "struct", "fields": .array(try columns.map { (column) throws(DeltaError) in try field(column) })])
        } catch {
            throw .invalidRequest(reason: "\(name) is no schema: \(error)")
        }
    }

    /// A column of the list in Delta's spelling.
    private static func field(_ column: JSONValue) throws(DeltaError) -> JSONValue {
        guard let name = column["name"]?.stringValue, let type = column["type"] else {
            throw .invalidMetadata(reason: "every column needs a name and a type, this has not: \(column)")
        }
        if let key = column.objectValue?.keys.first(where: { !["name", "type", "nullable", "comment", "metadata"].contains($0) }) {
            throw .invalidMetadata(reason: "column \(name) has \(key), which is none of name, type, nullable, comment and metadata")
        }
        var metadata = column["metadata"]?.objectValue ?? [:]
        if let comment = column["comment"] { metadata["comment"] = comment }
        let spelled = type.stringValue.map { TypeText.json($0) } ?? type
        guard let spelled else { throw .unsupportedType(column: name, type: type.stringValue ?? "\(type)") }
        return ["name": .string(name), "type": spelled, "nullable": column["nullable"] ?? true, "metadata": .object(metadata)]
    }
}

/// Types as SQL spells them.
enum TypeText {
    /// `array<struct<a:long,b:string>>` as the log writes it; nil for what is no type.
    static func json(_ text: String) -> JSONValue? {
        let text = trimmed(text)
        let lowercased = text.lowercased()
        if let inner = arguments(of: "array", text, lowercased) {
            guard let element = json(inner) else { return nil }
            return ["type": "array", "elementType": element, "containsNull": true]
        }
        if let inner = arguments(of: "map", text, lowercased) {
            let parts = split(inner)
            guard parts.count == 2, let key = json(parts[0]), let value = json(parts[1]) else { return nil }
            return ["type": "map", "keyType": key, "valueType": value, "valueContainsNull": true]
        }
        if let inner = arguments(of: "struct", text, lowercased) {
            var fields: [JSONValue] = []
            for part in split(inner) {
                guard let colon = part.firstIndex(of: ":"), let type = json(String(part[part.index(after: colon)...])) else { return nil }
                fields.append(["name": .string(trimmed(String(part[..<colon]))), "type": type, "nullable": true, "metadata": [:]])
            }
            return ["type": "struct", "fields": .array(fields)]
        }
        let name = synonyms[lowercased] ?? lowercased
        return SchemaJSON.primitive(name).map { .string($0.description) }
    }

    /// What SQL calls some types.
    private static let synonyms = ["int": "integer", "bigint": "long", "smallint": "short", "tinyint": "byte", "real": "float"]

    private static func arguments(of name: String, _ text: String, _ lowercased: String) -> String? {
        guard lowercased.hasPrefix(name + "<"), text.hasSuffix(">") else { return nil }
        return String(text.dropFirst(name.count + 1).dropLast())
    }

    /// At the commas that lie in no brackets.
    private static func split(_ text: String) -> [String] {
        var parts = [""]
        var depth = 0
        for character in text {
            if character == "<" || character == "(" { depth += 1 }
            if character == ">" || character == ")" { depth -= 1 }
            if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
        }
        return parts
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
