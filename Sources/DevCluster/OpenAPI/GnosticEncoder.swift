import Base

/// The OpenAPI v2 document in protocol buffers, as kubectl before 1.27 insists on. (gnostic's OpenAPIv2.proto; the field numbers are its.)
enum GnosticEncoder {
    static func encode(_ document: JSONValue) -> [UInt8] {
        var message = ProtobufMessage()
        message.string(1, document["swagger"])
        message.message(2) { info in
            info.string(1, document.at("info", "title"))
            info.string(2, document.at("info", "version"))
        }
        message.message(8) { paths in
            for (name, item) in document["paths"]?.objectValue ?? JSONObject() {
                paths.message(2) { named in
                    named.string(1, .string(name))
                    named.message(2) { encodePath(item, &$0) }
                }
            }
        }
        message.message(9) { definitions in encodeNamed(document["definitions"], &definitions) }
        return message.bytes
    }

    private static func encodePath(_ item: JSONValue, _ message: inout ProtobufMessage) {
        for (verb, number) in [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)] {
            guard let operation = item[verb] else { continue }
            message.message(number) { encodeOperation(operation, &$0) }
        }
    }

    private static func encodeOperation(_ operation: JSONValue, _ message: inout ProtobufMessage) {
        message.string(5, operation["operationId"])
        for parameter in operation["parameters"]?.arrayValue ?? [] {
            // ParametersItem → Parameter → NonBodyParameter → QueryParameterSubSchema.
            message.message(8) { item in
                item.message(1) { either in
                    either.message(2) { nonBody in
                        nonBody.message(3) { query in
                            query.string(2, parameter["in"])
                            query.string(4, parameter["name"])
                            query.string(6, parameter["type"])
                        }
                    }
                }
            }
        }
        encodeExtensions(operation, 13, &message)
    }

    private static func encodeNamed(_ schemas: JSONValue?, _ message: inout ProtobufMessage) {
        for (name, schema) in schemas?.objectValue ?? JSONObject() {
            message.message(1) { named in
                named.string(1, .string(name))
                named.message(2) { encodeSchema(schema, &$0) }
            }
        }
    }

    private static func encodeSchema(_ schema: JSONValue, _ message: inout ProtobufMessage) {
        message.string(1, schema["$ref"])
        message.string(2, schema["format"])
        message.string(4, schema["description"])
        message.string(13, schema["pattern"])
        for name in schema["required"]?.arrayValue ?? [] { message.string(19, name) }
        for value in schema["enum"]?.arrayValue ?? [] { message.message(20) { $0.string(2, .string(JSON.encode(value))) } }
        if let additional = schema["additionalProperties"], additional.objectValue != nil {
            message.message(21) { either in either.message(1) { encodeSchema(additional, &$0) } }
        }
        if let type = schema["type"] { message.message(22) { $0.string(1, type) } }
        if let items = schema["items"] { message.message(23) { either in either.message(1) { encodeSchema(items, &$0) } } }
        if let properties = schema["properties"] { message.message(25) { encodeNamed(properties, &$0) } }
        encodeExtensions(schema, 31, &message)
    }

    private static func encodeExtensions(_ value: JSONValue, _ number: Int, _ message: inout ProtobufMessage) {
        for (key, content) in value.objectValue ?? JSONObject() where key.hasPrefix("x-") {
            message.message(number) { named in
                named.string(1, .string(key))
                // The value as YAML, of which JSON is a part.
                named.message(2) { $0.string(2, .string(JSON.encode(content))) }
            }
        }
    }
}

/// A protocol-buffers message under construction: length-delimited fields only, which is all that the document needs.
struct ProtobufMessage {
    private(set) var bytes: [UInt8] = []

    mutating func string(_ number: Int, _ value: JSONValue?) {
        guard let text = value?.stringValue, !text.isEmpty else { return }
        append(number, Array(text.utf8))
    }

    mutating func message(_ number: Int, _ fill: (inout ProtobufMessage) -> Void) {
        var inner = ProtobufMessage()
        fill(&inner)
        append(number, inner.bytes)
    }

    private mutating func append(_ number: Int, _ content: [UInt8]) {
        varint(UInt64(number) << 3 | 2)
        varint(UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
