import Base

/// What a cluster must hold before it serves: its first namespaces and the definitions it was started with.
struct Bootstrap {
    let api: ClusterAPI
    private static let options = WriteOptions.controller("levee-dev")

    func run(_ definitions: [JSONValue]) async throws {
        for name in ["default", "kube-system"] { try await ensureNamespace(name) }
        for definition in definitions { try await install(definition) }
    }

    private func ensureNamespace(_ name: String) async throws(APIError) {
        guard let namespaces = api.registry.find(group: "", version: "v1", plural: "namespaces"), api.store.get(namespaces.key("", name)) == nil else { return }
        _ = try await api.create(namespaces, "", ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]], Self.options)
    }

    /// Applied, so that a newer program brings its definitions up to date and a user's labels on them stay.
    private func install(_ definition: JSONValue) async throws(APIError) {
        guard let resource = api.registry.find(storage: ClusterAPI.definitions) else { return }
        var options = Self.options
        options.force = true
        _ = try await api.patch(resource, "", definition.name, .apply(definition), options)
    }
}
