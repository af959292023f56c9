import Base

extension ClusterAPI {
    enum Finalizer {
        static let foreground = "foregroundDeletion"
        static let orphan = "orphan"
    }

    struct DeleteResult: Sendable {
        let object: JSONValue
        /// False while finalizers or a grace period keep it.
        let isGone: Bool
    }

    func delete(_ definition: ResourceDefinition, _ namespace: String, _ name: String, _ options: DeleteOptions) async throws(APIError) -> DeleteResult {
        let key = definition.key(namespace, name)
        for _ in 0..<64 {
            guard let current = store.get(key) else { throw .notFound(definition.name, name) }
            if let uid = options.uid, uid != current.uid {
                throw .conflict(
                    definition.name, name,
                    "Precondition failed: UID in precondition: \(uid), UID in object meta: \(current.uid)")
            }
            if let version = options.resourceVersion, version != current.resourceVersion {
                throw .conflict(
                    definition.name, name,
                    "Precondition failed: ResourceVersion in precondition: \(version), ResourceVersion in object meta: \(current.resourceVersion)")
            }
            let doomed = marked(current, definition, options)
            let isGone = doomed == nil
            if options.isDryRun || doomed == current { return DeleteResult(object: read(definition, doomed ?? current), isGone: isGone) }
            do throws(ClusterStore.WriteError) {
                let written = try await store.write(key, doomed.map { .object($0) } ?? .removed, expecting: .version(current.resourceVersion))
                if isGone { removed(definition, written) }
                return DeleteResult(object: read(definition, written), isGone: isGone)
            } catch {
                switch error {
                case let .storage(failure): throw storageFailure(failure)
                case .expectationFailed(nil): throw .notFound(definition.name, name)
                case .expectationFailed: if options.resourceVersion != nil { throw .conflict(definition.name, name) }
                }
            }
        }
        throw .conflict(definition.name, name)
    }

    /// The object with the marks of a deletion; nil where nothing keeps it.
    private func marked(_ current: JSONValue, _ definition: ResourceDefinition, _ options: DeleteOptions) -> JSONValue? {
        var object = current
        switch options.propagation {
        case .foreground?: object.finalizers = object.finalizers.filter { $0 != Finalizer.orphan && $0 != Finalizer.foreground } + [Finalizer.foreground]
        case .orphan?: object.finalizers = object.finalizers.filter { $0 != Finalizer.orphan && $0 != Finalizer.foreground } + [Finalizer.orphan]
        case .background?: object.finalizers = object.finalizers.filter { $0 != Finalizer.orphan && $0 != Finalizer.foreground }
        case nil: break
        }
        let hold = definition.behaviour.deletionHold(of: object, requestedGrace: options.gracePeriodSeconds)
        if hold == nil, object.finalizers.isEmpty { return nil }
        let grace = hold ?? 0
        if object.isBeingDeleted {
            // A grace period can be shortened, never extended.
            let present = object.meta("deletionGracePeriodSeconds")?.intValue ?? 0
            if grace < present, options.gracePeriodSeconds != nil {
                object.setMeta("deletionGracePeriodSeconds", .integer(grace))
                object.setMeta("deletionTimestamp", (now + .seconds(grace)).kubernetes)
            }
            return object
        }
        object.setMeta("deletionTimestamp", (now + .seconds(grace)).kubernetes)
        object.setMeta("deletionGracePeriodSeconds", .integer(grace))
        if definition.hasGeneration { object.setMeta("generation", .integer(object.generation + 1)) }
        if definition.kind == "Namespace" { object.set("status", "phase", to: "Terminating") }
        return object
    }

    /// What follows when an object has left the store.
    func removed(_ definition: ResourceDefinition, _ object: JSONValue) {
        if definition.storage == Self.definitions { store.endWatches(object.name) }
    }
}
