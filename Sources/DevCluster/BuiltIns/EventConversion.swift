import Base

/// Events are one resource with two faces: stored as core `v1`, shown by `events.k8s.io/v1` under that group's names for the same fields.
struct EventConversion: ObjectConversion {
    private static let names: [(core: String, regarding: String)] = [
        ("involvedObject", "regarding"), ("message", "note"), ("reportingComponent", "reportingController"), ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"), ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"),
    ]

    func shown(_ stored: JSONValue, as definition: ResourceDefinition) -> JSONValue {
        renamed(stored, apiVersion: definition.apiVersion) { key in Self.names.first { $0.core == key }?.regarding }
    }

    func stored(_ object: JSONValue, as definition: ResourceDefinition) -> JSONValue {
        renamed(object, apiVersion: "v1") { key in Self.names.first { $0.regarding == key }?.core }
    }

    private func renamed(_ object: JSONValue, apiVersion: String, _ name: (String) -> String?) -> JSONValue {
        var result = JSONObject()
        for (key, value) in object.objectValue ?? JSONObject() { result[name(key) ?? key] = value }
        result["apiVersion"] = .string(apiVersion)
        return .object(result)
    }
}
