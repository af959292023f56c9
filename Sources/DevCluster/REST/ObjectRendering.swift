import Base

/// Objects and lists in the format that the client negotiated.
struct ObjectRendering: Sendable {
    let definition: ResourceDefinition
    let format: ResponseFormat
    /// Table rows carry the object's metadata, all of it, or nothing.
    let includeObject: String
    let now: Timestamp

    func object(_ object: JSONValue) -> JSONValue {
        switch format {
        case .object, .aggregatedDiscovery: return object
        case let .table(version): return table([object], version: version, resourceVersion: object.resourceVersion)
        case let .partialMetadata(version): return partial(object, version)
        }
    }

    func list(_ objects: [JSONValue], metadata: JSONObject) -> JSONValue {
        switch format {
        case .object, .aggregatedDiscovery:
            return [
                "kind": .string(definition.listKind), "apiVersion": .string(definition.apiVersion), "metadata": .object(metadata), "items": .array(objects),
            ]
        case let .table(version):
            var table = table(objects, version: version, resourceVersion: "")
            table["metadata"] = .object(metadata)
            return table
        case let .partialMetadata(version):
            return [
                "kind": "PartialObjectMetadataList", "apiVersion": .string("meta.k8s.io/\(version)"), "metadata": .object(metadata),
                "items": .array(objects.map { partial($0, version) }),
            ]
        }
    }

    private func partial(_ object: JSONValue, _ version: String) -> JSONValue {
        ["kind": "PartialObjectMetadata", "apiVersion": .string("meta.k8s.io/\(version)"), "metadata": object["metadata"] ?? [:]]
    }

    private func table(_ objects: [JSONValue], version: String, resourceVersion: String) -> JSONValue {
        let columns = definition.columns ?? [.name, .age]
        let rows: [JSONValue] = objects.map { object in
            var row: JSONObject = ["cells": .array(columns.map { $0.cell(object, now) })]
            switch includeObject {
            case "Object": row["object"] = object
            case "None": break
            default: row["object"] = partial(object, version)
            }
            return .object(row)
        }
        return [
            "kind": "Table", "apiVersion": .string("meta.k8s.io/\(version)"), "metadata": ["resourceVersion": .string(resourceVersion)],
            "columnDefinitions": .array(columns.map(\.definition)), "rows": .array(rows),
        ]
    }
}
