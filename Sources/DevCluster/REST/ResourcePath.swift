import Base

/// What a path below `/api` or `/apis` names.
struct ResourcePath: Sendable {
    let group: String
    let version: String
    let plural: String
    /// Nil for cluster-scoped requests, and for requests across namespaces.
    let namespace: String?
    let name: String?
    let subresource: String?

    /// Nil for paths of another form: discovery, for instance.
    init?(_ segments: [String]) {
        var rest = segments[...]
        switch rest.popFirst() {
        case "api"?: group = ""
        case "apis"?:
            guard let group = rest.popFirst() else { return nil }
            self.group = group
        default: return nil
        }
        guard let version = rest.popFirst(), !rest.isEmpty else { return nil }
        self.version = version
        // `namespaces/x` and `namespaces/x/status` are about the namespace itself.
        let isNamespaceItself = group.isEmpty && rest.count == 3 && ["status", "finalize"].contains(rest[rest.startIndex + 2])
        if rest.first == "namespaces", rest.count >= 3, !isNamespaceItself {
            namespace = rest[rest.startIndex + 1]
            rest = rest.dropFirst(2)
        } else {
            namespace = nil
        }
        guard let plural = rest.popFirst() else { return nil }
        self.plural = plural
        name = rest.popFirst()
        subresource = rest.popFirst()
        if !rest.isEmpty { return nil }
    }
}
