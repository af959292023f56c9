import Base

/// What the API server does with objects, without HTTP: the REST layer and the control plane's own controllers write through the same code.
final class ClusterAPI: Sendable {
    let store: ClusterStore
    let registry: ResourceRegistry
    let clock: any WallClock
    let random: any RandomSource

    init(store: ClusterStore, registry: ResourceRegistry, clock: any WallClock, random: any RandomSource) {
        self.store = store
        self.registry = registry
        self.clock = clock
        self.random = random
        for crd in store.objects(Self.definitions) { registry.install(crd) }
        // With the change itself: who sees a definition come or go finds its resources served, or not, from then on; and no older state is installed over a newer one.
        store.follow(Self.definitions) { event in
            if event.kind == .deleted { registry.remove(event.key.name) } else { registry.install(event.object) }
        }
    }

    static let definitions = "customresourcedefinitions.apiextensions.k8s.io"

    // MARK: Reading

    func get(_ definition: ResourceDefinition, _ namespace: String, _ name: String) throws(APIError) -> JSONValue {
        guard let stored = store.get(definition.key(namespace, name)) else { throw .notFound(definition.name, name) }
        return read(definition, stored)
    }

    /// A stored object as it is shown: at the version asked for, and with the defaults that its schema has gained since it was written.
    func read(_ definition: ResourceDefinition, _ stored: JSONValue) -> JSONValue {
        var object = definition.shown(stored)
        if definition.isCustom { SchemaDefaulter.apply(definition.schema, to: &object) }
        return object
    }

    // MARK: Steps that writes share

    /// The object of a request's body, checked and pruned; what was pruned is refused, warned of or forgotten.
    func accept(
        _ body: JSONValue, _ definition: ResourceDefinition, _ options: WriteOptions, _ warnings: inout [String]
    ) throws(APIError) -> JSONValue {
        try MetadataValidation.checkShape(of: body)
        var object = body
        if object.kind.isEmpty { object["kind"] = .string(definition.kind) }
        if object.apiVersion.isEmpty { object["apiVersion"] = .string(definition.apiVersion) }
        guard object.apiVersion == definition.apiVersion else {
            throw .badRequest(
                "the API version in the data (\(object.apiVersion)) does not match the expected API version (\(definition.apiVersion))")
        }
        guard object.kind == definition.kind else {
            throw .badRequest(
                "\(object.kind) in version \"\(definition.version)\" cannot be handled as a \(definition.kind): no kind \"\(object.kind)\" is served here")
        }
        let unknown = SchemaPruner.prune(&object, definition.schema).map { "unknown field \"\($0)\"" }
        if !unknown.isEmpty {
            switch options.fieldValidation {
            case .ignore: break
            case .warn: warnings += unknown
            case .strict:
                throw .badRequest(
                    "\(definition.kind) in version \"\(definition.version)\" cannot be handled as a \(definition.kind): strict decoding error: \(unknown.joined(separator: ", "))"
                )
            }
        }
        return object
    }

    func fail(_ errors: [FieldError], _ definition: ResourceDefinition, _ object: JSONValue) throws(APIError) {
        if !errors.isEmpty { throw .invalid(group: definition.group, kind: definition.kind, name: object.name, errors) }
    }

    func validate(_ object: JSONValue, old: JSONValue?, _ definition: ResourceDefinition) -> [FieldError] {
        var errors = MetadataValidation.validate(object, definition: definition)
        errors += SchemaValidator.validate(object, definition.schema)
        // Rules read fields that the schema promises: they are evaluated on objects that keep it.
        if errors.isEmpty { errors += RuleValidator.validate(object, old: old, definition.schema) }
        return errors + definition.behaviour.validate(object, old: old)
    }

    func ownership(_ definition: ResourceDefinition, _ subresource: WriteOptions.Subresource) -> FieldOwnership {
        var ignored = FieldSet()
        switch subresource {
        case .none: if definition.hasStatus { ignored.insert([.field("status")]) }
        case .status:
            for field in definition.schema.properties.keys where field != "status" { ignored.insert([.field(field)]) }
        }
        return FieldOwnership(schema: definition.schema, ignored: ignored, time: now.kubernetes.stringValue ?? "")
    }

    func manager(_ options: WriteOptions, _ operation: ManagedFields.Operation, _ definition: ResourceDefinition) -> ManagedFields.Manager {
        ManagedFields.Manager(
            name: options.fieldManager, operation: operation, apiVersion: definition.apiVersion, subresource: options.subresource.rawValue)
    }

    var now: Timestamp { clock.now() }

    /// Failures of ownership tracking come from the object: a list that its schema keys, without the key.
    func tracked<Result>(_ definition: ResourceDefinition, _ object: JSONValue, _ body: () throws(FieldError) -> Result) throws(APIError) -> Result {
        do {
            return try body()
        } catch {
            throw .invalid(group: definition.group, kind: definition.kind, name: object.name, [error])
        }
    }

    func storageFailure(_ error: StorageError) -> APIError { .internalError("\(error)") }
}
