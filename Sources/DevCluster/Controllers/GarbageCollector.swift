import Base

/// Deletes objects whose owners are gone, and holds owners for foreground deletion and orphaning. (Kubernetes' documentation, "Garbage Collection".)
final class GarbageCollector: Controller {
    private struct Node {
        let key: StoredKey
        var owners: [String]
    }

    private struct Graph {
        var nodes: [String: Node] = [:]
        var dependents: [String: Set<String>] = [:]

        mutating func put(_ uid: String, _ key: StoredKey, _ owners: [String]) {
            for owner in nodes[uid]?.owners ?? [] where !owners.contains(owner) { dependents[owner]?.remove(uid) }
            for owner in owners { dependents[owner, default: []].insert(uid) }
            nodes[uid] = Node(key: key, owners: owners)
        }

        mutating func remove(_ uid: String) {
            for owner in nodes[uid]?.owners ?? [] {
                dependents[owner]?.remove(uid)
                if dependents[owner]?.isEmpty == true { dependents[owner] = nil }
            }
            nodes[uid] = nil
        }
    }

    let name = "garbage-collector"
    let workers = 4
    private let api: ClusterAPI
    private let graph = Lock(Graph())
    private static let options = WriteOptions.controller("garbage-collector")

    init(_ api: ClusterAPI) { self.api = api }

    func load(_ objects: [(key: StoredKey, object: JSONValue)]) -> [String] {
        graph.withLock { graph in
            for (key, object) in objects { graph.put(object.uid, key, object.ownerReferences.map(\.uid)) }
        }
        return objects.map(\.object.uid)
    }

    func keys(for event: StoreEvent) -> [String] {
        let uid = event.object.uid
        let owners = event.object.ownerReferences.map(\.uid)
        return graph.withLock { graph in
            if event.kind == .deleted {
                let dependents = graph.dependents[uid] ?? []
                graph.remove(uid)
                return Array(dependents) + owners
            }
            // One path may hold another object within one batch of events.
            graph.put(uid, event.key, owners)
            let isHeld = event.object.isBeingDeleted && !event.object.finalizers.isEmpty
            return (owners.isEmpty && !isHeld ? [] : [uid]) + (event.object.isBeingDeleted ? owners : [])
        }
    }

    func reconcile(_ uid: String) async throws(APIError) -> Duration? {
        guard let (definition, object) = live(uid) else { return nil }
        if object.isBeingDeleted {
            if object.finalizers.contains(ClusterAPI.Finalizer.orphan) { return try await orphanDependents(of: uid, definition, object) }
            if object.finalizers.contains(ClusterAPI.Finalizer.foreground) { return try await deleteDependents(of: uid, definition, object) }
            return nil
        }
        return try await checkOwners(definition, object)
    }

    private func live(_ uid: String) -> (ResourceDefinition, JSONValue)? {
        guard let key = graph.withLock({ $0.nodes[uid]?.key }), let object = api.store.get(key), object.uid == uid,
            let definition = api.registry.find(storage: key.resource)
        else { return nil }
        return (definition, object)
    }

    private func dependents(of uid: String) -> [(ResourceDefinition, JSONValue)] {
        graph.withLock { Array($0.dependents[uid] ?? []) }.compactMap(live)
    }

    // MARK: Objects whose owners go

    private func checkOwners(_ definition: ResourceDefinition, _ object: JSONValue) async throws(APIError) -> Duration? {
        let owners = object.ownerReferences
        guard !owners.isEmpty else { return nil }
        let dangling = owners.filter { owner in
            // An owner of a kind that is not served cannot be known to be gone.
            api.registry.find(apiVersion: owner.apiVersion, kind: owner.kind) != nil && live(owner.uid) == nil
        }
        if dangling.isEmpty { return nil }
        if dangling.count == owners.count {
            var options = DeleteOptions()
            options.uid = object.uid
            options.propagation = .background
            _ = try await api.delete(definition, object.namespace, object.name, options)
            return nil
        }
        try await removeOwners(Set(dangling.map(\.uid)), from: definition, object)
        return nil
    }

    private func removeOwners(_ uids: Set<String>, from definition: ResourceDefinition, _ object: JSONValue) async throws(APIError) {
        _ = try await api.change(definition, object.namespace, object.name, Self.options) { current in
            var next = current
            let kept = (current.meta("ownerReferences")?.arrayValue ?? []).filter { !uids.contains($0["uid"]?.stringValue ?? "") }
            next.setMeta("ownerReferences", JSONValue.removingIfEmpty(kept))
            return ClusterAPI.Change(object: next, ownership: .update)
        }
    }

    // MARK: Owners that wait

    private func orphanDependents(of uid: String, _ definition: ResourceDefinition, _ object: JSONValue) async throws(APIError) -> Duration? {
        for (dependentDefinition, dependent) in dependents(of: uid) { try await removeOwners([uid], from: dependentDefinition, dependent) }
        try await removeFinalizer(ClusterAPI.Finalizer.orphan, from: definition, object)
        return nil
    }

    private func deleteDependents(of uid: String, _ definition: ResourceDefinition, _ object: JSONValue) async throws(APIError) -> Duration? {
        let dependents = dependents(of: uid)
        for (dependentDefinition, dependent) in dependents where !dependent.isBeingDeleted {
            var options = DeleteOptions()
            options.uid = dependent.uid
            options.propagation = .foreground
            do throws(APIError) {
                _ = try await api.delete(dependentDefinition, dependent.namespace, dependent.name, options)
            } catch {
                if error.code != 404 { throw error }
            }
        }
        let isBlocked = dependents.contains { _, dependent in
            live(dependent.uid) != nil && dependent.ownerReferences.contains { $0.uid == uid && $0.blocksDeletion }
        }
        if isBlocked { return nil }
        try await removeFinalizer(ClusterAPI.Finalizer.foreground, from: definition, object)
        return nil
    }

    private func removeFinalizer(_ finalizer: String, from definition: ResourceDefinition, _ object: JSONValue) async throws(APIError) {
        _ = try await api.change(definition, object.namespace, object.name, Self.options) { current in
            var next = current
            next.finalizers = current.finalizers.filter { $0 != finalizer }
            return ClusterAPI.Change(object: next, ownership: .update)
        }
    }
}
