import Base

extension KubeClient {
    public func get(_ gvr: GroupVersionResource, _ key: ObjectKey) async throws(KubeError) -> Resource {
        Resource(json: try await send(KubeRequest(path: KubeRequest.path(gvr, namespace: key.namespace, name: key.name))))
    }

    public func get<T: KubeResource>(_ type: T.Type, _ key: ObjectKey) async throws(KubeError) -> T {
        try await get(T.gvr, key).decoded(as: type)
    }

    /// The object, or nil where there is none.
    public func find<T: KubeResource>(_ type: T.Type, _ key: ObjectKey) async throws(KubeError) -> T? {
        do throws(KubeError) {
            return try await get(type, key)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    /// One page. `namespace` nil means all of them.
    public func list(_ gvr: GroupVersionResource, namespace: String? = nil, _ options: ListOptions = ListOptions()) async throws(KubeError)
        -> ResourceList<Resource>
    {
        try await listPage(gvr, namespace: namespace, options, retry: nil)
    }

    /// All objects, page by page. When a page's token has expired meanwhile, everything is listed again in one go, as client-go does.
    public func listAll(_ gvr: GroupVersionResource, namespace: String? = nil, _ options: ListOptions = ListOptions()) async throws(KubeError)
        -> ResourceList<Resource>
    {
        var options = options
        options.limit = options.limit ?? 500
        var all = try await list(gvr, namespace: namespace, options)
        while !all.continueToken.isEmpty {
            options.continueToken = all.continueToken
            do throws(KubeError) {
                let page = try await list(gvr, namespace: namespace, options)
                all = ResourceList(items: all.items + page.items, resourceVersion: page.resourceVersion, continueToken: page.continueToken)
            } catch {
                guard error.isExpired else { throw error }
                options.continueToken = nil
                options.limit = nil
                all = try await list(gvr, namespace: namespace, options)
            }
        }
        return all
    }

    public func listAll<T: KubeResource>(_ type: T.Type, namespace: String? = nil, _ options: ListOptions = ListOptions()) async throws(KubeError)
        -> ResourceList<T>
    {
        let list = try await listAll(T.gvr, namespace: namespace, options)
        var items: [T] = []
        for item in list.items { items.append(try item.decoded(as: type)) }
        return ResourceList(items: items, resourceVersion: list.resourceVersion)
    }

    func listPage(_ gvr: GroupVersionResource, namespace: String?, _ options: ListOptions, retry: RetryPolicy?) async throws(KubeError)
        -> ResourceList<Resource>
    {
        var request = KubeRequest(path: KubeRequest.path(gvr, namespace: namespace), query: options.query)
        if options.metadataOnly { request.accept = KubeRequest.metadataOnly("PartialObjectMetadataList") }
        let json = try await send(request, retry: retry)
        guard let metadata = json["metadata"], let kind = json["kind"]?.stringValue, kind.hasSuffix("List") else {
            throw .unexpectedResponse(request: request.label, reason: "not a list but \(json["kind"]?.stringValue ?? json.kindDescription)")
        }
        // Items of built-in kinds come without their kind.
        let itemKind = JSONValue.string(String(kind.dropLast("List".count)))
        let items = (json["items"]?.arrayValue ?? []).map { item in
            var item = item
            if item["kind"] == nil { item["kind"] = itemKind }
            if item["apiVersion"] == nil { item["apiVersion"] = json["apiVersion"] }
            return Resource(json: item)
        }
        return ResourceList(
            items: items, resourceVersion: metadata["resourceVersion"]?.stringValue ?? "", continueToken: metadata["continue"]?.stringValue ?? "")
    }
}
