import Base
import HTTP

/// A request before it meets a server: path, query, and a JSON body.
struct KubeRequest: Sendable {
    var method = "GET"
    var path: String
    var query: [(name: String, value: String)] = []
    var body: JSONValue?
    var contentType = "application/json"
    var accept = "application/json"

    /// Asks for objects' metadata without the rest of them. A server that does not know this sends them whole.
    static func metadataOnly(_ kind: String) -> String { "application/json;as=\(kind);g=meta.k8s.io;v=v1,application/json" }

    /// What errors call it.
    var label: String { "\(method) \(path)" }

    /// Whether repeating it can do no harm.
    var isRead: Bool { method == "GET" }

    /// - Parameter namespace: nil or empty for all namespaces, or for cluster-scoped kinds.
    static func path(_ gvr: GroupVersionResource, namespace: String?, name: String? = nil, subresource: String? = nil) -> String {
        var path = gvr.group.isEmpty ? "/api/\(gvr.version)" : "/apis/\(PercentEncoding.encode(gvr.group))/\(PercentEncoding.encode(gvr.version))"
        if let namespace, !namespace.isEmpty { path += "/namespaces/\(PercentEncoding.encode(namespace))" }
        path += "/\(PercentEncoding.encode(gvr.resource))"
        if let name { path += "/\(PercentEncoding.encode(name))" }
        if let subresource { path += "/\(subresource)" }
        return path
    }

    func httpRequest(server: String) -> HTTPRequest {
        let suffix = query.isEmpty ? "" : "?" + PercentEncoding.query(query)
        var request = HTTPRequest(method: method, url: server + path + suffix, headers: ["Accept": accept])
        if let body {
            request.headers["Content-Type"] = contentType
            request.body = .bytes(JSON.encodeBytes(body))
        }
        return request
    }
}
