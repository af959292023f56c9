import Base
import HTTP

/// `/openapi/v3` and `/openapi/v2`: schemas for `kubectl explain`, client-side validation and patches. Made again when the resources change.
final class OpenAPIDocuments: Sendable {
    private struct State {
        var revision = -1
        var documents: [String: Bytes] = [:]
    }

    private let registry: ResourceRegistry
    private let state = Lock(State())

    init(registry: ResourceRegistry) { self.registry = registry }

    /// What clients ask for as `…v2@v1.0+protobuf`; an answer may not have an `@` in its type.
    private static let protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

    /// Nil where the path is not about OpenAPI.
    func response(to request: ServerRequest, _ segments: [String]) throws(APIError) -> ServerResponse? {
        guard segments.first == "openapi", request.method == "GET" else { return nil }
        if segments == ["openapi", "v2"] {
            let wantsProtobuf = MediaType.list(request.headers["Accept"] ?? "").first.map { $0.name.contains("protobuf") } ?? false
            if wantsProtobuf {
                return response(document("v2.pb") { Bytes(GnosticEncoder.encode(swagger())) }, Self.protobuf)
            }
            return response(document("v2") { JSON.encodeBytes(swagger()) }, "application/json")
        }
        guard segments.count >= 2, segments[1] == "v3" else { throw .noSuchPath }
        if segments.count == 2 { return response(document("v3") { JSON.encodeBytes(index()) }, "application/json") }
        let path = segments.dropFirst(2).joined(separator: "/")
        guard groupVersions.contains(where: { Self.path($0) == path }) else { throw .noSuchPath }
        return response(document(path) { JSON.encodeBytes(groupDocument(path)) }, "application/json")
    }

    private func response(_ document: Bytes, _ type: String) -> ServerResponse {
        ServerResponse(status: 200, headers: ["Content-Type": type, "Cache-Control": "no-cache, private"], body: .bytes(document))
    }

    private func document(_ name: String, _ make: () -> Bytes) -> Bytes {
        let revision = registry.revision
        let known = state.withLock { state -> Bytes? in
            if state.revision != revision {
                state.revision = revision
                state.documents = [:]
            }
            return state.documents[name]
        }
        if let known { return known }
        let made = make()
        state.withLock { state in if state.revision == revision { state.documents[name] = made } }
        return made
    }

    // MARK: OpenAPI v3

    private struct GroupVersion: Hashable {
        let group: String
        let version: String
    }

    private var groupVersions: [GroupVersion] {
        var result: [GroupVersion] = []
        for definition in registry.all {
            let groupVersion = GroupVersion(group: definition.group, version: definition.version)
            if !result.contains(groupVersion) { result.append(groupVersion) }
        }
        return result
    }

    private static func path(_ groupVersion: GroupVersion) -> String {
        groupVersion.group.isEmpty ? "api/\(groupVersion.version)" : "apis/\(groupVersion.group)/\(groupVersion.version)"
    }

    private func index() -> JSONValue {
        var paths = JSONObject()
        for groupVersion in groupVersions {
            let path = Self.path(groupVersion)
            let content = document(path) { JSON.encodeBytes(groupDocument(path)) }
            // Clients keep a document for as long as its hash stays.
            let hash = String(content.withUnsafeBytes { Checksum.crc32($0) }, radix: 16, uppercase: true)
            paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(hash)")]
        }
        return ["paths": .object(paths)]
    }

    private func groupDocument(_ path: String) -> JSONValue {
        let definitions = registry.all.filter { Self.path(GroupVersion(group: $0.group, version: $0.version)) == path }
        let prefix = "#/components/schemas/"
        return [
            "openapi": "3.0.0", "info": ["title": "Levee development control plane", "version": "v1.32.0"],
            "paths": .object(OpenAPIPaths.of(definitions, .v3)),
            "components": ["schemas": .object(OpenAPISchemas.of(definitions, prefix: prefix))],
        ]
    }

    // MARK: OpenAPI v2

    private func swagger() -> JSONValue {
        let definitions = registry.all
        var schemas = JSONObject()
        for (name, schema) in OpenAPISchemas.of(definitions, prefix: "#/definitions/") { schemas[name] = OpenAPISchemas.version2(schema) }
        return [
            "swagger": "2.0", "info": ["title": "Levee development control plane", "version": "v1.32.0"],
            "paths": .object(OpenAPIPaths.of(definitions, .v2)), "definitions": .object(schemas),
        ]
    }
}

/// The operations that clients look for in the documents: which kind a path serves, and which parameters its PATCH knows.
enum OpenAPIPaths {
    enum Version {
        case v2, v3
    }

    static func of(_ definitions: [ResourceDefinition], _ version: Version) -> JSONObject {
        var paths = JSONObject()
        for definition in definitions {
            let root = definition.group.isEmpty ? "/api/\(definition.version)" : "/apis/\(definition.group)/\(definition.version)"
            let collection = definition.isNamespaced ? "\(root)/namespaces/{namespace}/\(definition.plural)" : "\(root)/\(definition.plural)"
            if definition.isNamespaced { paths["\(root)/\(definition.plural)"] = ["get": operation(definition, "list", version)] }
            paths[collection] = ["get": operation(definition, "list", version), "post": operation(definition, "create", version)]
            paths["\(collection)/{name}"] = [
                "get": operation(definition, "read", version), "put": operation(definition, "replace", version),
                "patch": operation(definition, "patch", version),
                "delete": operation(definition, "delete", version),
            ]
        }
        return paths
    }

    private static func operation(_ definition: ResourceDefinition, _ verb: String, _ version: Version) -> JSONValue {
        let action = ["read": "get", "replace": "put", "create": "post"][verb] ?? verb
        var parameters: [JSONValue] = []
        if ["create", "replace", "patch"].contains(verb) {
            for name in ["dryRun", "fieldManager", "fieldValidation"] {
                parameters.append(
                    version == .v2
                        ? ["name": .string(name), "in": "query", "type": "string", "uniqueItems": true]
                        : ["name": .string(name), "in": "query", "schema": ["type": "string", "uniqueItems": true]])
            }
        }
        var operation: JSONValue = [
            "operationId": .string("\(verb)\(definition.group)\(definition.version)\(definition.isNamespaced ? "Namespaced" : "")\(definition.kind)"),
            "x-kubernetes-action": .string(action),
            "x-kubernetes-group-version-kind": ["group": .string(definition.group), "version": .string(definition.version), "kind": .string(definition.kind)],
            "responses": ["200": ["description": "OK"]],
        ]
        if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
        return operation
    }
}

/// Named schemas of resources and of all types that they refer to.
enum OpenAPISchemas {
    static func of(_ definitions: [ResourceDefinition], prefix: String) -> JSONObject {
        var schemas = JSONObject()
        var needed: [String] = ["ObjectMeta"]
        for definition in definitions {
            let kind: JSONValue = [["group": .string(definition.group), "version": .string(definition.version), "kind": .string(definition.kind)]]
            var schema: JSONValue
            if let type = definition.openAPI["$type"]?.stringValue {
                schema = BuiltInTypes.all.referring(type, prefix: prefix + namePrefix)
                needed.append(type)
            } else {
                schema = definition.openAPI
                schema.set("properties", "metadata", to: ["$ref": .string("\(prefix)\(namePrefix)ObjectMeta")])
                schema.set("properties", "apiVersion", to: ["type": "string", "description": "The version of this object's schema."])
                schema.set("properties", "kind", to: ["type": "string", "description": "The kind of this object."])
            }
            schema["x-kubernetes-group-version-kind"] = kind
            schemas[name(of: definition)] = schema
        }
        var seen: Set<String> = []
        while let type = needed.popLast() {
            guard seen.insert(type).inserted else { continue }
            let isRoot = BuiltInResources.all.contains { $0.openAPI["$type"]?.stringValue == type }
            if !isRoot { schemas[namePrefix + type] = BuiltInTypes.all.referring(type, prefix: prefix + namePrefix) }
            needed += BuiltInTypes.all.references(of: type)
        }
        return schemas
    }

    private static let namePrefix = "io.k8s."

    /// As the API server names definitions: the group's parts reversed, the version, the kind.
    private static func name(of definition: ResourceDefinition) -> String {
        let group = definition.group.isEmpty ? "io.k8s.api.core" : definition.group.split(separator: ".").reversed().joined(separator: ".")
        return "\(group).\(definition.version).\(definition.kind)"
    }

    /// OpenAPI v2 cannot say all that v3 can: nullable and int-or-string lose their type, free-form objects their members, combinations go.
    static func version2(_ schema: JSONValue) -> JSONValue {
        guard let object = schema.objectValue else { return schema }
        if object["$ref"] != nil { return .object(JSONObject(object.filter { $0.key == "$ref" })) }
        var result = JSONObject()
        let isOpen = object["nullable"]?.boolValue == true || object["x-kubernetes-int-or-string"]?.boolValue == true
        let keepsUnknown = object["x-kubernetes-preserve-unknown-fields"]?.boolValue == true
        for (key, value) in object {
            switch key {
            case "description", "format", "enum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum":
                if !isOpen { result[key] = value }
            case "type": if !isOpen, !(keepsUnknown && value == "object") { result[key] = value }
            case "required": if !isOpen, !keepsUnknown { result[key] = value }
            case "properties":
                if isOpen || keepsUnknown { continue }
                var properties = JSONObject()
                for (name, property) in value.objectValue ?? JSONObject() { properties[name] = version2(property) }
                result[key] = .object(properties)
            case "items", "additionalProperties": if !isOpen, !keepsUnknown { result[key] = version2(value) }
            case let key where key.hasPrefix("x-kubernetes-") && key != "x-kubernetes-validations": result[key] = value
            default: break
            }
        }
        if let description = object["description"] { result["description"] = description }
        return .object(result)
    }
}
