import Base

/// Deletes the objects of a CustomResourceDefinition that is being deleted, then lets it go.
final class CustomResourceCleanup: Controller {
    let name = "custom-resource-cleanup"
    let workers = 1
    private let api: ClusterAPI

    init(_ api: ClusterAPI) { self.api = api }

    func load(_ objects: [(key: StoredKey, object: JSONValue)]) -> [String] { objects.filter { $0.key.resource == ClusterAPI.definitions }.map(\.key.name) }

    func keys(for event: StoreEvent) -> [String] { event.key.resource == ClusterAPI.definitions && event.kind != .deleted ? [event.key.name] : [] }

    func reconcile(_ name: String) async throws(APIError) -> Duration? {
        guard let crd = api.store.get(StoredKey(resource: ClusterAPI.definitions, namespace: "", name: name)), crd.isBeingDeleted,
            crd.finalizers.contains(CustomResourceDefinitionBehaviour.cleanupFinalizer)
        else { return nil }
        let objects = api.store.objects(name)
        if let definition = api.registry.find(storage: name) {
            for object in objects where !object.isBeingDeleted {
                do throws(APIError) {
                    _ = try await api.delete(definition, object.namespace, object.name, DeleteOptions())
                } catch {
                    if error.code != 404 { throw error }
                }
            }
        }
        if !api.store.objects(name).isEmpty { return .milliseconds(200) }
        guard let definitions = api.registry.find(storage: ClusterAPI.definitions) else { return nil }
        _ = try await api.change(definitions, "", name, .controller("custom-resource-cleanup")) { current in
            var next = current
            next.finalizers = current.finalizers.filter { $0 != CustomResourceDefinitionBehaviour.cleanupFinalizer }
            return ClusterAPI.Change(object: next, ownership: .update)
        }
        return nil
    }
}
