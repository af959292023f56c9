import Base
import KubeClient

/// The body of a PATCH, by its content type.
enum Patch: Sendable {
    case json(JSONValue)
    case merge(JSONValue)
    case strategic(JSONValue)
    case apply(JSONValue)
}

extension ClusterAPI {
    func patch(
        _ definition: ResourceDefinition, _ namespace: String, _ name: String, _ patch: Patch, _ options: WriteOptions
    ) async throws(APIError) -> WriteResult {
        if case let .apply(configuration) = patch { return try await apply(definition, namespace, name, configuration, options) }
        return try await change(definition, namespace, name, options) { current throws(APIError) in
            let patched = try self.patched(current, patch, definition)
            var warnings: [String] = []
            let object = try self.accept(patched, definition, options, &warnings)
            guard object.name == current.name, object.namespace == current.namespace else {
                throw .badRequest("metadata.name and metadata.namespace cannot be changed by a patch")
            }
            return Change(object: object, warnings: warnings, ownership: .update)
        }
    }

    private func patched(_ current: JSONValue, _ patch: Patch, _ definition: ResourceDefinition) throws(APIError) -> JSONValue {
        do {
            return try changed(current, patch, definition)
        } catch let error as PatchError {
            throw APIError(error)
        } catch let error as APIError {
            throw error
        } catch {
            throw .badRequest("\(error)")
        }
    }

    private func changed(_ current: JSONValue, _ patch: Patch, _ definition: ResourceDefinition) throws -> JSONValue {
        switch patch {
        case let .json(operations): return try JSONPatch.apply(operations, to: current.withoutOwnVersion(unless: operations))
        case let .merge(changes):
            guard changes.objectValue != nil else { throw PatchError.malformed("a merge patch must be an object") }
            return JSONMergePatch.apply(changes, to: current.withoutVersion)
        case let .strategic(changes):
            guard !definition.isCustom else {
                throw APIError.unsupportedMediaType("application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml")
            }
            return try StrategicMergePatch.apply(changes, to: current.withoutVersion, schema: definition.schema)
        case let .apply(configuration): return configuration
        }
    }

    // MARK: Server-side apply

    private func apply(
        _ definition: ResourceDefinition, _ namespace: String, _ name: String, _ body: JSONValue, _ options: WriteOptions
    ) async throws(APIError) -> WriteResult {
        let configuration = try accepted(body, definition, namespace, name)
        if store.get(definition.key(namespace, name)) == nil {
            guard options.subresource == .none else { throw .notFound(definition.name, name) }
            guard configuration.uid.isEmpty else {
                throw .conflict(definition.name, name, "uid mismatch: the provided object specified uid \(configuration.uid), and no existing object was found")
            }
            do throws(APIError) {
                return try await create(definition, namespace, try owned(configuration, definition, options), options)
            } catch {
                // Somebody created it meanwhile: apply to what is there now.
                guard error.reason == "AlreadyExists", !options.isDryRun else { throw error }
            }
        }
        return try await change(definition, namespace, name, options) { current throws(APIError) in
            let applied = try self.merge(configuration, into: current, definition, options)
            var object = applied.object
            // Apply is not for a version, unless the configuration names one.
            object.setMeta("resourceVersion", configuration.meta("resourceVersion"))
            return Change(object: object, ownership: .applied(applied.managed))
        }
    }

    private func accepted(_ body: JSONValue, _ definition: ResourceDefinition, _ namespace: String, _ name: String) throws(APIError) -> JSONValue {
        try MetadataValidation.checkShape(of: body)
        var configuration = body
        guard configuration.apiVersion == definition.apiVersion, configuration.kind == definition.kind else {
            throw .badRequest(
                "Incorrect version or kind specified in apply patch: \(configuration.apiVersion), Kind=\(configuration.kind). Expected: \(definition.apiVersion), Kind=\(definition.kind)"
            )
        }
        guard configuration.meta("managedFields") == nil else { throw .badRequest("metadata.managedFields must be nil") }
        if configuration.name.isEmpty { configuration.setMeta("name", .string(name)) }
        guard configuration.name == name else {
            throw .badRequest("the name of the object (\(configuration.name)) does not match the name on the URL (\(name))")
        }
        if definition.isNamespaced, configuration.namespace.isEmpty { configuration.setMeta("namespace", .string(namespace)) }
        // Clients serialise an unset time as null.
        if configuration.meta("creationTimestamp")?.isNull == true { configuration.setMeta("creationTimestamp", nil) }
        return configuration
    }

    /// A configuration that creates its object: the applier owns all of it.
    private func owned(_ configuration: JSONValue, _ definition: ResourceDefinition, _ options: WriteOptions) throws(APIError) -> JSONValue {
        let applied = try merge(configuration, into: .object([:]), definition, options)
        var object = applied.object
        object.setMeta("managedFields", applied.managed.json)
        return object
    }

    private func merge(
        _ configuration: JSONValue, into current: JSONValue, _ definition: ResourceDefinition, _ options: WriteOptions
    ) throws(APIError) -> FieldOwnership.Applied {
        var managed = ManagedFields(current.meta("managedFields")) ?? ManagedFields()
        let ownership = ownership(definition, options.subresource)
        let live = current.without("managedFields")
        do {
            if managed.entries.isEmpty, live.objectValue?.isEmpty == false {
                // Nobody was tracked so far: whoever wrote what is there keeps it.
                let before = ManagedFields.Manager(name: "before-first-apply", operation: .update, apiVersion: definition.apiVersion, subresource: "")
                managed = try ownership.update(from: .object([:]), to: live, managed: managed, manager: before)
            }
            return try ownership.apply(
                configuration, to: live, managed: managed, manager: manager(options, .apply, definition), force: options.force)
        } catch let error as FieldOwnership.ApplyError {
            switch error {
            case let .conflicts(conflicts): throw .applyConflict(conflicts)
            case let .field(error): throw untyped(error, configuration, definition)
            }
        } catch {
            throw .badRequest("\(error)")
        }
    }

    private func untyped(_ error: FieldError, _ configuration: JSONValue, _ definition: ResourceDefinition) -> APIError {
        .badRequest(
            "failed to create typed patch object (\(configuration.namespace)/\(configuration.name); \(definition.apiVersion), Kind=\(definition.kind)): \(error)"
        )
    }
}

extension Schema: MergeSchema {}

extension APIError {
    fileprivate init(_ error: PatchError) {
        switch error {
        case .malformed(let reason): self = .badRequest(reason)
        case let .tooManyOperations(count, limit):
            self.init(
                code: 413, reason: "RequestEntityTooLarge", message: "The allowed maximum operations in a JSON patch is \(limit), got \(count)")
        case .doesNotFit(let reason):
            self.init(code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request: \(reason)")
        }
    }
}

extension JSONValue {
    fileprivate func without(_ field: String) -> JSONValue {
        guard self["metadata"] != nil else { return self }
        var object = self
        object.setMeta(field, nil)
        return object
    }

    /// A patch that does not speak of the version applies to whichever there is.
    fileprivate var withoutVersion: JSONValue { without("resourceVersion") }

    /// JSON patches may test or replace the version: then it stays, and is compared when the object is written.
    fileprivate func withoutOwnVersion(unless operations: JSONValue) -> JSONValue {
        let names = (operations.arrayValue ?? []).compactMap { $0["path"]?.stringValue }
        return names.contains("/metadata/resourceVersion") ? self : withoutVersion
    }
}
