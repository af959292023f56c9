import Base

/// The rules of server-side apply: who owns what after a write, and what an apply may change. (Kubernetes' documentation, "Server-Side Apply"; structured-merge-diff.)
struct FieldOwnership {
    let schema: Schema
    /// Fields that the endpoint does not write (`status` on the main resource, all but `status` on the subresource): nobody comes to own them there.
    let ignored: FieldSet
    let time: String

    /// What no manager ever owns.
    private static let unowned: FieldSet = {
        var set = FieldSet()
        for path in ["apiVersion", "kind", "metadata"] { set.insert([.field(path)]) }
        let metadata = [
            "name", "namespace", "generateName", "creationTimestamp", "deletionTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion",
        ]
        for name in metadata + ["deletionGracePeriodSeconds"] { set.insert([.field("metadata"), .field(name)]) }
        return set
    }()

    private func strip(_ set: FieldSet) -> FieldSet {
        var result = set
        // `metadata` itself is no leaf: only the member goes, never what is below it.
        result.members.subtract(Self.unowned.members)
        if let metadata = result.children[.field("metadata")] {
            let rest = metadata.subtractingTrees(Self.unowned[.field("metadata")])
            result.children[.field("metadata")] = rest.isEmpty ? nil : rest
        }
        return result.subtractingTrees(ignored)
    }

    // MARK: Update

    /// After a create, update or patch by `manager`: what it changed is its own now, and nobody else's.
    func update(from old: JSONValue, to new: JSONValue, managed: ManagedFields, manager: ManagedFields.Manager) throws(FieldError) -> ManagedFields {
        let comparison = try FieldWalk.compare(old, new, schema)
        let changed = strip(comparison.added.union(comparison.modified))
        let removed = strip(comparison.removed)
        guard !changed.isEmpty || !removed.isEmpty else { return managed }
        var result = managed
        for entry in managed.entries where entry.manager != manager {
            result.set(entry.manager, entry.fields.subtracting(changed).subtracting(removed), time: time)
        }
        let own = (result[manager] ?? FieldSet()).subtracting(removed).union(changed)
        result.set(manager, own, time: time)
        return result
    }

    // MARK: Apply

    struct Applied {
        let object: JSONValue
        let managed: ManagedFields
    }

    enum ApplyError: Error {
        case conflicts([(manager: String, field: String)])
        case field(FieldError)
    }

    /// Merges `configuration` into `live`, removes what the same applier stated before and no longer does, and settles ownership.
    func apply(_ configuration: JSONValue, to live: JSONValue, managed: ManagedFields, manager: ManagedFields.Manager, force: Bool) throws(ApplyError)
        -> Applied
    {
        do {
            return try applied(configuration, to: live, managed: managed, manager: manager, force: force)
        } catch let error as FieldError {
            throw .field(error)
        } catch let error as ApplyError {
            throw error
        } catch {
            throw .field(FieldError(kind: .invalid, path: .root, body: "\(error)"))
        }
    }

    private func applied(
        _ configuration: JSONValue, to live: JSONValue, managed: ManagedFields, manager: ManagedFields.Manager, force: Bool
    ) throws -> Applied {
        let stated = strip(try FieldWalk.fields(of: configuration, schema))
        let before = managed[manager]
        var result = managed
        var object = try FieldMerge.merge(configuration, into: live, schema)
        result.set(manager, stated, time: time)
        if let before {
            let doomed = before.subtracting(result.owned)
            if !doomed.isEmpty { object = try FieldMerge.remove(doomed, keeping: result.owned, from: object, schema) }
        }
        let comparison = try FieldWalk.compare(live, object, schema)
        let changed = strip(comparison.added.union(comparison.modified))
        var conflicts: [(manager: String, field: String)] = []
        for entry in managed.entries where entry.manager != manager {
            let lost = entry.fields.intersection(changed)
            if !lost.isEmpty, !force {
                conflicts += lost.paths.map { (Self.shown(entry), $0.map(\.shown).joined()) }
            }
            result.set(entry.manager, entry.fields.subtracting(changed).subtracting(strip(comparison.removed)), time: time)
        }
        if !conflicts.isEmpty { throw ApplyError.conflicts(conflicts) }
        return Applied(object: object, managed: result)
    }

    /// A manager in a conflict's words: `"kubectl-client-side-apply" using v1`.
    private static func shown(_ entry: ManagedFields.Entry) -> String {
        var text = "\"\(entry.manager.name)\""
        if !entry.manager.subresource.isEmpty { text += " with subresource \"\(entry.manager.subresource)\"" }
        if entry.manager.operation == .update { text += " using \(entry.manager.apiVersion)" }
        return text
    }
}
