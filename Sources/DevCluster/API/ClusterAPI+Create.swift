import Base

extension ClusterAPI {
    func create(
        _ definition: ResourceDefinition, _ namespace: String, _ body: JSONValue, _ options: WriteOptions
    ) async throws(APIError) -> WriteResult {
        var warnings: [String] = []
        var object = try accept(body, definition, options, &warnings)
        try place(&object, definition, namespace)
        guard object.resourceVersion.isEmpty else { throw .badRequest("resourceVersion should not be set on objects to be created") }
        let generated = object.name.isEmpty ? object.meta("generateName")?.stringValue : nil
        // A few tries, should a generated name be taken.
        for _ in 0..<8 {
            if let generated, !generated.isEmpty { object.setMeta("name", .string(generatedName(generated))) }
            let complete = try completed(object, definition, options)
            try checkQuotas(complete, definition)
            if options.isDryRun {
                if store.get(definition.key(namespace, complete.name)) != nil { throw .alreadyExists(definition.name, complete.name) }
                return WriteResult(object: complete, warnings: warnings, isCreated: true)
            }
            do throws(ClusterStore.WriteError) {
                let stored = try await store.write(definition.key(namespace, complete.name), .object(definition.stored(complete)), expecting: .absent)
                return WriteResult(object: read(definition, stored), warnings: warnings, isCreated: true)
            } catch {
                switch error {
                case let .storage(failure): throw storageFailure(failure)
                case .expectationFailed: if generated == nil { throw .alreadyExists(definition.name, complete.name) }
                }
            }
        }
        throw .alreadyExists(definition.name, object.name)
    }

    /// Checks the namespace of the request against the object's and the cluster's.
    func place(_ object: inout JSONValue, _ definition: ResourceDefinition, _ namespace: String) throws(APIError) {
        guard definition.isNamespaced else {
            guard object.namespace.isEmpty else { throw .badRequest("namespace may not be set on objects of kind \(definition.kind)") }
            return
        }
        if object.namespace.isEmpty { object.setMeta("namespace", .string(namespace)) }
        guard object.namespace == namespace else { throw .badRequest("the namespace of the provided object does not match the namespace sent on the request") }
        let namespaces = ResourceName(group: "", plural: "namespaces")
        guard let home = store.get(StoredKey(resource: "namespaces", namespace: "", name: namespace)) else { throw .notFound(namespaces, namespace) }
        if home.isBeingDeleted {
            var error = APIError.forbidden(
                definition.name, object.name, "unable to create new content in namespace \(namespace) because it is being terminated")
            error.details["causes"] = [
                ["reason": "NamespaceTerminating", "message": .string("namespace \(namespace) is being terminated"), "field": "metadata.namespace"]
            ]
            throw error
        }
    }

    private func generatedName(_ base: String) -> String {
        // Without vowels and look-alikes, as the server's own suffixes.
        let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
        return String(base.prefix(58)) + String((0..<5).map { _ in alphabet[random.integer(below: alphabet.count)] })
    }

    private func completed(_ body: JSONValue, _ definition: ResourceDefinition, _ options: WriteOptions) throws(APIError) -> JSONValue {
        var object = body
        let managed = ManagedFields(object.meta("managedFields"))
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields", "resourceVersion"] { object.setMeta(field, nil) }
        object.setMeta("uid", .string(UUID.v4(random).description))
        object.setMeta("creationTimestamp", now.kubernetes)
        object.setMeta("generation", Optional<JSONValue>.none)
        if definition.hasGeneration { object.setMeta("generation", 1) }
        if definition.hasStatus { object["status"] = nil }
        SchemaDefaulter.apply(definition.schema, to: &object)
        definition.behaviour.prepareForCreate(&object)
        try fail(validate(object, old: nil, definition), definition, object)
        let ownership = ownership(definition, .none)
        let fields = try tracked(definition, object) { () throws(FieldError) in
            // An apply that creates has settled who owns what.
            if let managed, managed.entries.contains(where: { $0.manager.operation == .apply }) { return managed }
            let own = body.withoutServerFields
            return try ownership.update(from: .object([:]), to: own, managed: ManagedFields(), manager: manager(options, .update, definition))
        }
        object.setMeta("managedFields", fields.json)
        return object
    }
}

extension ResourceDefinition {
    /// Kinds whose `metadata.generation` counts the changes of what is desired.
    var hasGeneration: Bool { isCustom || ["Job", "CustomResourceDefinition"].contains(kind) }
}

extension JSONValue {
    /// What the writer wrote, without what the server adds.
    fileprivate var withoutServerFields: JSONValue {
        var object = self
        for field in ["uid", "creationTimestamp", "generation", "resourceVersion", "managedFields", "selfLink"] { object.setMeta(field, nil) }
        return object
    }
}
