import Base

/// Reads objects in Kubernetes' protocol-buffers encoding, which kubectl and Helm use for built-in kinds whether or not the server offers it.
///
/// The field numbers stand in ``BuiltInTypes``. A field without one is an error: nothing that a client sent is dropped silently.
struct ProtobufBody {
    static let mediaType = "application/vnd.kubernetes.protobuf"

    /// The first bytes of every such body (k8s.io/apimachinery, runtime/serializer/protobuf).
    private static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]

    private static let types = BuiltInTypes.all

    static func parse(_ body: [UInt8]) throws(APIError) -> JSONValue {
        guard body.starts(with: magic) else { throw damaged("it does not start with k8s") }
        // runtime.Unknown: typeMeta (apiVersion, kind) and the object itself.
        let envelope = try ProtobufReader.fields(body.dropFirst(magic.count))
        let typeMeta = try ProtobufReader.fields(envelope.first { $0.number == 1 }?.content ?? [])
        let apiVersion = text(typeMeta.first { $0.number == 1 }?.content)
        let kind = text(typeMeta.first { $0.number == 2 }?.content)
        guard types.types[kind] != nil else {
            throw .unsupportedMediaType("application/json, application/yaml (\(kind) is not read from protocol buffers here)")
        }
        var object = try message(envelope.first { $0.number == 2 }?.content ?? [], kind)
        object["apiVersion"] = .string(apiVersion)
        object["kind"] = .string(kind)
        return object
    }

    private static func damaged(_ why: String) -> APIError { .badRequest("the body is not a Kubernetes object in protocol buffers: \(why)") }

    private static func text(_ bytes: ArraySlice<UInt8>?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    private static func message(_ bytes: ArraySlice<UInt8>, _ type: String) throws(APIError) -> JSONValue {
        var result = JSONObject()
        let known = types.types[type] ?? []
        for field in try ProtobufReader.fields(bytes) {
            guard let declared = known.first(where: { $0.number == field.number }) else {
                // Go writes empty structures too; they say nothing.
                if field.isEmpty { continue }
                throw .unsupportedMediaType("application/json, application/yaml (field \(field.number) of \(type) is not read from protocol buffers here)")
            }
            try add(field, declared, to: &result)
        }
        return .object(result)
    }

    private static func add(_ field: ProtobufReader.Field, _ declared: TypeLanguage.Field, to result: inout JSONObject) throws(APIError) {
        var type = declared.type
        if type.hasSuffix("@") { type.removeLast() }
        if type.hasPrefix("map<") {
            let entry = try ProtobufReader.fields(field.content)
            let element = ProtobufReader.Field(number: 2, varint: 0, content: entry.first { $0.number == 2 }?.content ?? [])
            var map = result[declared.name] ?? [:]
            map[text(entry.first { $0.number == 1 }?.content)] = try value(element, String(type.dropFirst(4).dropLast()), declared.name) ?? ""
            result[declared.name] = map
        } else if type.hasSuffix("]"), let bracket = type.lastIndex(of: "[") {
            guard let element = try value(field, String(type[..<bracket]), declared.name) else { return }
            result[declared.name] = .array((result[declared.name]?.arrayValue ?? []) + [element])
        } else if let value = try value(field, type, declared.name) {
            // Empty text is how Go writes a field that was not set.
            if value == "" || (isPlain(declared.name) && (value == false || value == 0)) { return }
            result[declared.name] = value
        }
    }

    /// Fields that are no pointers in Go: written even when they were not set.
    private static func isPlain(_ name: String) -> Bool {
        ["generation", "hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly", "hostPort"].contains(name)
    }

    /// Nil for a time that was not set.
    private static func value(_ field: ProtobufReader.Field, _ type: String, _ name: String) throws(APIError) -> JSONValue? {
        switch type {
        case "int", "long": return .integer(Int64(bitPattern: field.varint))
        case "bool": return .bool(field.varint != 0)
        case "bytes": return .string(Base64.encode(Array(field.content)))
        case "quantity": return .string(text(try ProtobufReader.fields(field.content).first { $0.number == 1 }?.content))
        case "time", "microtime":
            let parts = try ProtobufReader.fields(field.content)
            guard let seconds = parts.first(where: { $0.number == 1 })?.varint, seconds != 0 else { return nil }
            let nanoseconds = parts.first { $0.number == 2 }?.varint ?? 0
            return .string((Timestamp(milliseconds: Int64(bitPattern: seconds) &* 1000) + .nanoseconds(Int64(clamping: nanoseconds))).rfc3339)
        case "intOrString":
            let parts = try ProtobufReader.fields(field.content)
            if parts.first(where: { $0.number == 1 })?.varint ?? 0 == 0 { return .integer(Int64(bitPattern: parts.first { $0.number == 2 }?.varint ?? 0)) }
            return .string(text(parts.first { $0.number == 3 }?.content))
        case "any":
            if field.isEmpty { return nil }
            throw .unsupportedMediaType("application/json, application/yaml (\(name) is not read from protocol buffers here)")
        default:
            return types.types[type] == nil ? .string(text(field.content)) : try message(field.content, type)
        }
    }
}

/// The wire format: numbered fields, varints and length-delimited content.
enum ProtobufReader {
    struct Field {
        let number: Int
        let varint: UInt64
        let content: ArraySlice<UInt8>

        var isEmpty: Bool { varint == 0 && content.isEmpty }
    }

    static func fields(_ bytes: ArraySlice<UInt8>) throws(APIError) -> [Field] {
        var rest = bytes
        var fields: [Field] = []
        while !rest.isEmpty {
            let tag = try varint(&rest)
            let number = Int(truncatingIfNeeded: tag >> 3)
            switch tag & 7 {
            case 0: fields.append(Field(number: number, varint: try varint(&rest), content: []))
            case 1: fields.append(Field(number: number, varint: 1, content: try take(8, &rest)))
            case 2: fields.append(Field(number: number, varint: 0, content: try take(try varint(&rest), &rest)))
            case 5: fields.append(Field(number: number, varint: 1, content: try take(4, &rest)))
            default: throw .badRequest("the body is not a Kubernetes object in protocol buffers: field \(number) has an unknown wire type")
            }
        }
        return fields
    }

    private static func take(_ count: UInt64, _ rest: inout ArraySlice<UInt8>) throws(APIError) -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else { throw .badRequest("the body is not a Kubernetes object in protocol buffers: it ends within a field") }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) throws(APIError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { break }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw .badRequest("the body is not a Kubernetes object in protocol buffers: it ends within a number")
    }
}
