import Base

extension ClusterAPI {
    /// Replaces an object (PUT).
    func update(
        _ definition: ResourceDefinition, _ namespace: String, _ name: String, _ body: JSONValue, _ options: WriteOptions
    ) async throws(APIError) -> WriteResult {
        var warnings: [String] = []
        var object = try accept(body, definition, options, &warnings)
        if object.name.isEmpty { object.setMeta("name", .string(name)) }
        guard object.name == name else {
            throw .badRequest("the name of the object (\(object.name)) does not match the name on the URL (\(name))")
        }
        if definition.isNamespaced, object.namespace.isEmpty { object.setMeta("namespace", .string(namespace)) }
        if definition.isNamespaced, object.namespace != namespace {
            throw .badRequest("the namespace of the provided object does not match the namespace sent on the request")
        }
        let wanted = object
        let given = warnings
        return try await change(definition, namespace, name, options) { current throws(APIError) in
            if definition.isCustom, wanted.resourceVersion.isEmpty {
                throw .invalid(
                    group: definition.group, kind: definition.kind, name: name,
                    [.invalid(FieldPath("metadata.resourceVersion"), 0, "must be specified for an update")])
            }
            return Change(object: wanted, warnings: given, ownership: .update)
        }
    }

    /// What a write wants an object to become.
    struct Change {
        enum Ownership {
            /// Changed fields go to the request's manager.
            case update
            /// Server-side apply has settled it.
            case applied(ManagedFields)
        }

        /// A `resourceVersion` in it must be the current one.
        let object: JSONValue
        var warnings: [String] = []
        let ownership: Ownership
    }

    /// Reads, changes and writes an object, again when somebody else was faster, unless the change names the version that it is for.
    func change(
        _ definition: ResourceDefinition, _ namespace: String, _ name: String, _ options: WriteOptions,
        _ make: (_ current: JSONValue) throws(APIError) -> Change
    ) async throws(APIError) -> WriteResult {
        let key = definition.key(namespace, name)
        for _ in 0..<64 {
            guard let stored = store.get(key) else { throw .notFound(definition.name, name) }
            let current = read(definition, stored)
            let change = try make(current)
            try checkPreconditions(change.object, current, definition)
            let next = try merged(change, current, definition, options)
            if next == current || options.isDryRun {
                var shown = next
                if options.isDryRun, next != current { shown.setMeta("resourceVersion", .string(current.resourceVersion)) }
                return WriteResult(object: shown, warnings: change.warnings)
            }
            let isGone = next.isBeingDeleted && next.finalizers.isEmpty && definition.behaviour.deletionHold(of: next, requestedGrace: nil) == nil
            do throws(ClusterStore.WriteError) {
                let written = try await store.write(key, isGone ? .removed : .object(definition.stored(next)), expecting: .version(stored.resourceVersion))
                if isGone { removed(definition, written) }
                return WriteResult(object: read(definition, isGone ? next : written), warnings: change.warnings)
            } catch {
                switch error {
                case let .storage(failure): throw storageFailure(failure)
                case .expectationFailed(nil): throw .notFound(definition.name, name)
                case .expectationFailed: if !change.object.resourceVersion.isEmpty { throw .conflict(definition.name, name) }
                }
            }
        }
        throw .conflict(definition.name, name)
    }

    private func checkPreconditions(_ object: JSONValue, _ current: JSONValue, _ definition: ResourceDefinition) throws(APIError) {
        if !object.uid.isEmpty, object.uid != current.uid {
            throw .conflict(
                definition.name, current.name, "Precondition failed: UID in precondition: \(object.uid), UID in object meta: \(current.uid)")
        }
        if !object.resourceVersion.isEmpty, object.resourceVersion != current.resourceVersion { throw .conflict(definition.name, current.name) }
    }

    /// The object as it will be: what the change may set from the change, the rest from the current object; completed, counted and validated.
    private func merged(_ change: Change, _ current: JSONValue, _ definition: ResourceDefinition, _ options: WriteOptions) throws(APIError) -> JSONValue {
        var object = change.object
        let managed = change.object.meta("managedFields")
        switch options.subresource {
        case .none:
            for field in Self.serverFields { object.setMeta(field, current.meta(field)) }
            if definition.hasStatus { object["status"] = current["status"] }
        case .status:
            var status = current
            status["status"] = object["status"]
            object = status
        }
        SchemaDefaulter.apply(definition.schema, to: &object)
        if options.subresource == .none { definition.behaviour.prepareForUpdate(&object, old: current) }
        if definition.hasGeneration, options.subresource == .none, !current.hasSameIntent(as: object) {
            object.setMeta("generation", .integer(current.generation + 1))
        }
        try fail(updateErrors(object, current, definition), definition, object)
        object.setMeta("managedFields", try settled(change, managed, object, current, definition, options).json)
        return object.hasSameContent(as: current) ? current : object
    }

    /// `metadata` that only the server writes.
    private static let serverFields = [
        "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion", "selfLink", "namespace", "generateName",
    ]

    private func updateErrors(_ object: JSONValue, _ current: JSONValue, _ definition: ResourceDefinition) -> [FieldError] {
        var errors: [FieldError] = []
        let added = Set(object.finalizers).subtracting(current.finalizers).sorted()
        if current.isBeingDeleted, !added.isEmpty {
            let list = added.map { "\"\($0)\"" }.joined(separator: ", ")
            errors.append(
                .forbidden(
                    FieldPath("metadata.finalizers"),
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{\(list)}"))
        }
        return errors + validate(object, old: current, definition)
    }

    private func settled(
        _ change: Change, _ given: JSONValue?, _ object: JSONValue, _ current: JSONValue, _ definition: ResourceDefinition, _ options: WriteOptions
    ) throws(APIError) -> ManagedFields {
        if case let .applied(managed) = change.ownership { return managed }
        var managed = ManagedFields(current.meta("managedFields")) ?? ManagedFields()
        // A writer may hand ownership over (kubectl does, from client-side to server-side apply) or give it up with an empty list; leaving it out changes nothing.
        if let given, given != current.meta("managedFields"), let parsed = ManagedFields(given.isCleared ? .array([]) : given) { managed = parsed }
        return try tracked(definition, object) { () throws(FieldError) in
            try ownership(definition, options.subresource).update(
                from: current, to: object, managed: managed, manager: manager(options, .update, definition))
        }
    }
}

extension JSONValue {
    /// `managedFields: [{}]`, by which clients clear it.
    fileprivate var isCleared: Bool { arrayValue?.count == 1 && arrayValue?.first?.objectValue?.isEmpty == true }

    /// Whether nothing differs but the server's metadata and the status.
    fileprivate func hasSameIntent(as other: JSONValue) -> Bool {
        var left = self
        var right = other
        for field in ["metadata", "status"] {
            left[field] = nil
            right[field] = nil
        }
        return left == right
    }

    /// Whether nothing differs but the times in `managedFields`.
    fileprivate func hasSameContent(as other: JSONValue) -> Bool {
        func timeless(_ object: JSONValue) -> JSONValue {
            var object = object
            guard let entries = object.meta("managedFields")?.arrayValue else { return object }
            object.setMeta(
                "managedFields",
                .array(
                    entries.map { entry in
                        var entry = entry
                        entry["time"] = nil
                        return entry
                    }))
            return object
        }
        return timeless(self) == timeless(other)
    }
}

extension ClusterAPI {
    /// Sets `spec.finalizers` of a namespace; a deleted one that has none left is removed.
    func finalizeNamespace(_ name: String, finalizers: [JSONValue]) async throws(APIError) -> JSONValue {
        let key = StoredKey(resource: "namespaces", namespace: "", name: name)
        for _ in 0..<64 {
            guard let current = store.get(key) else { throw .notFound(ResourceName(group: "", plural: "namespaces"), name) }
            var next = current
            next["spec"] = finalizers.isEmpty ? .object([:]) : ["finalizers": .array(finalizers)]
            let isGone = next.isBeingDeleted && finalizers.isEmpty && next.finalizers.isEmpty
            do throws(ClusterStore.WriteError) {
                _ = try await store.write(key, isGone ? .removed : .object(next), expecting: .version(current.resourceVersion))
                return next
            } catch {
                if case let .storage(failure) = error { throw storageFailure(failure) }
            }
        }
        throw .conflict(ResourceName(group: "", plural: "namespaces"), name)
    }
}
