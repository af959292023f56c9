import Base

extension KubeClient {
    /// Creates the object in the namespace that its metadata names.
    @discardableResult
    public func create(_ gvr: GroupVersionResource, _ object: Resource, _ options: WriteOptions = WriteOptions()) async throws(KubeError) -> Resource {
        var request = KubeRequest(method: "POST", path: KubeRequest.path(gvr, namespace: object.namespace), query: query(options))
        request.body = object.json
        return Resource(json: try await send(request))
    }

    @discardableResult
    public func create<T: KubeResource>(_ object: T, _ options: WriteOptions = WriteOptions()) async throws(KubeError) -> T {
        try await create(T.gvr, Resource(object), options).decoded(as: T.self)
    }

    /// Replaces the object. Its `resourceVersion` must be that of the object as read; if the object has changed since, the server answers with a conflict.
    @discardableResult
    public func update(
        _ gvr: GroupVersionResource, _ object: Resource, subresource: String? = nil, _ options: WriteOptions = WriteOptions()
    ) async throws(KubeError) -> Resource {
        let path = KubeRequest.path(gvr, namespace: object.namespace, name: try name(of: object), subresource: subresource)
        var request = KubeRequest(method: "PUT", path: path, query: query(options))
        request.body = object.json
        return Resource(json: try await send(request))
    }

    /// Replaces the object's status; everything else in `object` is ignored by the server.
    @discardableResult
    public func updateStatus(_ gvr: GroupVersionResource, _ object: Resource, _ options: WriteOptions = WriteOptions()) async throws(KubeError) -> Resource {
        try await update(gvr, object, subresource: "status", options)
    }

    @discardableResult
    public func patch(
        _ gvr: GroupVersionResource, _ key: ObjectKey, _ patch: Patch, subresource: String? = nil, _ options: WriteOptions = WriteOptions()
    ) async throws(KubeError) -> Resource {
        let path = KubeRequest.path(gvr, namespace: key.namespace, name: key.name, subresource: subresource)
        var request = KubeRequest(method: "PATCH", path: path, query: query(options))
        if case .apply(_, let force) = patch, force { request.query.append(("force", "true")) }
        request.body = patch.body
        request.contentType = patch.contentType
        return Resource(json: try await send(request))
    }

    @discardableResult
    public func patch<T: KubeResource>(
        _ type: T.Type, _ key: ObjectKey, _ patch: Patch, subresource: String? = nil, _ options: WriteOptions = WriteOptions()
    ) async throws(KubeError) -> T {
        try await self.patch(T.gvr, key, patch, subresource: subresource, options).decoded(as: type)
    }

    /// Server-side apply: the object is created, or gets the fields that are set here; fields this manager applied before and does not any more are removed.
    /// Leave `resourceVersion` empty unless the object must not have changed.
    @discardableResult
    public func apply(
        _ gvr: GroupVersionResource, _ object: Resource, force: Bool = true, subresource: String? = nil, _ options: WriteOptions = WriteOptions()
    ) async throws(KubeError) -> Resource {
        let key = ObjectKey(namespace: object.namespace, name: try name(of: object))
        var json = object.json
        // The server refuses an apply that carries other managers' bookkeeping.
        json["metadata"]?["managedFields"] = nil
        return try await patch(gvr, key, .apply(json, force: force), subresource: subresource, options)
    }

    @discardableResult
    public func apply<T: KubeResource>(_ object: T, force: Bool = true, _ options: WriteOptions = WriteOptions()) async throws(KubeError) -> T {
        try await apply(T.gvr, Resource(object), force: force, options).decoded(as: T.self)
    }

    /// Server-side apply of a status: what this manager set before and is not in `status` any more goes.
    ///
    /// - Parameter resourceVersion: When given, the server refuses with a conflict if the object has changed since: a status computed from an older state
    ///   then never overwrites a newer one.
    @discardableResult
    public func applyStatus<T: KubeResource>(
        _ type: T.Type, _ key: ObjectKey, status: some Encodable, resourceVersion: String? = nil, _ options: WriteOptions = WriteOptions()
    ) async throws(KubeError) -> T {
        var json: JSONValue = ["apiVersion": .string(T.gvr.apiVersion), "kind": .string(T.kind), "metadata": ["name": .string(key.name)]]
        if !key.namespace.isEmpty { json["metadata"]?["namespace"] = .string(key.namespace) }
        if let resourceVersion { json["metadata"]?["resourceVersion"] = .string(resourceVersion) }
        do {
            json["status"] = try JSON.value(of: status)
        } catch {
            throw .invalidObject(object: "the status of \(T.kind) \(key)", reason: "\(error)")
        }
        return try await patch(type, key, .apply(json, force: true), subresource: "status", options)
    }

    /// Reads the object, lets `change` edit what the type knows, and writes the difference, on top of whatever else the object holds. When the object changed
    /// meanwhile, all of it is done again. Nothing is written where nothing changed. An edited list is written whole.
    @discardableResult
    public func modify<T: KubeResource>(
        _ type: T.Type, _ key: ObjectKey, subresource: String? = nil, attempts: Int = 5, _ options: WriteOptions = WriteOptions(),
        _ change: @Sendable (inout T) -> Void
    ) async throws(KubeError) -> T {
        try await retryingConflicts(attempts: attempts) { () throws(KubeError) in
            let old = try await get(type, key)
            var new = old
            change(&new)
            guard var difference = JSONMergePatch.between(try Resource(old).json, try Resource(new).json) else { return old }
            if difference["metadata"] == nil { difference["metadata"] = [:] }
            difference["metadata"]?["resourceVersion"] = .string(old.metadata.resourceVersion)
            return try await patch(type, key, .merge(difference), subresource: subresource, options)
        }
    }

    /// Does `body` again, after a short pause, when it loses a race with another writer (client-go's `RetryOnConflict`). It must read anew what it writes.
    public func retryingConflicts<Result>(attempts: Int = 5, _ body: () async throws(KubeError) -> Result) async throws(KubeError) -> Result {
        var attempt = 0
        while true {
            attempt += 1
            do throws(KubeError) {
                return try await body()
            } catch {
                guard error.isConflict, attempt < attempts else { throw error }
            }
            do {
                // Two that met once are not to meet again.
                try await self.options.clock.sleep(for: .milliseconds(10) + self.options.random.duration(upTo: .milliseconds(10)))
            } catch {
                throw .cancelled
            }
        }
    }

    /// Asks for the object's deletion; with finalizers or foreground propagation it stays for a while.
    public func delete(_ gvr: GroupVersionResource, _ key: ObjectKey, _ options: DeleteOptions = DeleteOptions()) async throws(KubeError) {
        var request = KubeRequest(method: "DELETE", path: KubeRequest.path(gvr, namespace: key.namespace, name: key.name))
        request.body = options.body
        _ = try await send(request)
    }

    public func delete<T: KubeResource>(_ type: T.Type, _ key: ObjectKey, _ options: DeleteOptions = DeleteOptions()) async throws(KubeError) {
        try await delete(T.gvr, key, options)
    }

    private func query(_ options: WriteOptions) -> [(name: String, value: String)] {
        var query: [(name: String, value: String)] = [("fieldManager", options.fieldManager ?? self.options.fieldManager)]
        if options.dryRun { query.append(("dryRun", "All")) }
        if let validation = options.fieldValidation { query.append(("fieldValidation", validation.rawValue)) }
        return query
    }

    private func name(of object: Resource) throws(KubeError) -> String {
        guard !object.name.isEmpty else { throw .invalidObject(object: object.kind, reason: "metadata.name is missing") }
        return object.name
    }
}
