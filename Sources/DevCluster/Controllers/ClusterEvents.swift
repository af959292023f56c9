import Base

/// Events about what the control plane itself does, counted up when they repeat.
struct ClusterEvents: Sendable {
    enum Kind: String, Sendable {
        case normal = "Normal"
        case warning = "Warning"
    }

    let api: ClusterAPI
    let component: String

    /// Never fails: an event that cannot be written is lost.
    func record(_ kind: Kind, _ reason: String, _ message: String, about object: JSONValue) async {
        guard let definition = api.registry.find(group: "", version: "v1", plural: "events") else { return }
        let namespace = object.namespace.isEmpty ? "default" : object.namespace
        let time = api.now.kubernetes
        let name = Self.name(object, kind, reason, message)
        if api.store.get(definition.key(namespace, name)) != nil {
            _ = try? await api.change(definition, namespace, name, .controller(component)) { current in
                var next = current
                next["count"] = .integer((current["count"]?.intValue ?? 1) + 1)
                next["lastTimestamp"] = time
                return ClusterAPI.Change(object: next, ownership: .update)
            }
            return
        }
        var regarding: JSONValue = [
            "apiVersion": .string(object.apiVersion), "kind": .string(object.kind), "name": .string(object.name), "uid": .string(object.uid),
        ]
        regarding["namespace"] = .string(namespace)
        regarding["resourceVersion"] = .string(object.resourceVersion)
        let event: JSONValue = [
            "apiVersion": "v1", "kind": "Event", "metadata": ["name": .string(name), "namespace": .string(namespace)], "involvedObject": regarding,
            "type": .string(kind.rawValue), "reason": .string(reason), "message": .string(message), "source": ["component": .string(component)], "count": 1,
            "firstTimestamp": time, "lastTimestamp": time, "reportingComponent": .string(component), "reportingInstance": "",
        ]
        _ = try? await api.create(definition, namespace, event, .controller(component))
    }

    /// The same for the same thing said about the same object.
    private static func name(_ object: JSONValue, _ kind: Kind, _ reason: String, _ message: String) -> String {
        let identity = Array("\(object.uid)/\(kind.rawValue)/\(reason)/\(message)".utf8)
        let first = String(Checksum.crc32(identity), radix: 16)
        let second = String(Checksum.crc32(identity.reversed()), radix: 16)
        return "\(object.name.prefix(200)).\(first)\(second)"
    }
}
