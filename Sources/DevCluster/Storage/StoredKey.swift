/// Where an object is stored: its resource (`jobs.batch`, versions share it) and `namespace/name`, or the name alone.
struct StoredKey: Sendable, Hashable {
    let resource: String
    let path: String

    init(resource: String, namespace: String, name: String) {
        self.resource = resource
        path = namespace.isEmpty ? name : "\(namespace)/\(name)"
    }

    init(resource: String, path: String) {
        self.resource = resource
        self.path = path
    }

    var namespace: String { path.firstIndex(of: "/").map { String(path[..<$0]) } ?? "" }

    var name: String { path.firstIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path }
}
