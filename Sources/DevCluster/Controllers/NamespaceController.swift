import Base

/// Gives each namespace its service account, and empties deleted namespaces before they go.
final class NamespaceController: Controller {
    let name = "namespace-controller"
    let workers = 2
    private let api: ClusterAPI
    private static let options = WriteOptions.controller("namespace-controller")

    init(_ api: ClusterAPI) { self.api = api }

    func load(_ objects: [(key: StoredKey, object: JSONValue)]) -> [String] { objects.filter { $0.key.resource == "namespaces" }.map(\.key.name) }

    func keys(for event: StoreEvent) -> [String] { event.key.resource == "namespaces" && event.kind != .deleted ? [event.key.name] : [] }

    func reconcile(_ name: String) async throws(APIError) -> Duration? {
        guard let namespace = api.store.get(StoredKey(resource: "namespaces", namespace: "", name: name)) else { return nil }
        if !namespace.isBeingDeleted {
            try await ensureServiceAccount(in: name)
            return nil
        }
        var isEmpty = true
        for resource in api.store.resources {
            guard let definition = api.registry.find(storage: resource), definition.isNamespaced else { continue }
            for object in api.store.objects(resource, namespace: name) {
                isEmpty = false
                if object.isBeingDeleted { continue }
                var options = DeleteOptions()
                options.propagation = .background
                do throws(APIError) {
                    _ = try await api.delete(definition, name, object.name, options)
                } catch {
                    if error.code != 404 { throw error }
                }
            }
        }
        // Finalizers and grace periods end by events of other objects.
        if !isEmpty { return .milliseconds(200) }
        let others = (namespace.at("spec", "finalizers")?.arrayValue ?? []).filter { $0 != "kubernetes" }
        _ = try await api.finalizeNamespace(name, finalizers: others)
        return nil
    }

    private func ensureServiceAccount(in namespace: String) async throws(APIError) {
        guard let definition = api.registry.find(group: "", version: "v1", plural: "serviceaccounts"),
            api.store.get(definition.key(namespace, "default")) == nil
        else {
            return
        }
        do throws(APIError) {
            _ = try await api.create(
                definition, namespace, ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "default", "namespace": .string(namespace)]],
                Self.options)
        } catch {
            if error.reason != "AlreadyExists" { throw error }
        }
    }
}
