import Base
import HTTP

/// Azure Storage's Shared Key: an HMAC over what a request asks for ("Authorize with Shared Key" in the service's reference).
enum SharedKey {
    /// The `Authorization` header's value.
    ///
    /// - Parameter contentLength: the body's, by default.
    static func authorization(of request: RemoteRequest, account: String, key: [UInt8], contentLength: Int? = nil) -> String {
        let text = stringToSign(request, account: account, contentLength: contentLength ?? request.body.count)
        return "SharedKey \(account):\(Base64.encode(Digest.hmacSHA256(key: key, text)))"
    }

    private static func stringToSign(_ request: RemoteRequest, account: String, contentLength: Int) -> String {
        var text = "\(request.method)\n"
        for name in signedHeaders {
            switch name {
            // Empty bodies have no length since version 2015-02-21; the time is in x-ms-date, and then only there.
            case "Content-Length": text += contentLength == 0 ? "\n" : "\(contentLength)\n"
            case "Date" where request.headers["x-ms-date"] != nil: text += "\n"
            default: text += "\(request.headers[name] ?? "")\n"
            }
        }
        for (name, value) in serviceHeaders(request.headers) { text += "\(name):\(value)\n" }
        return text + canonicalResource(request.url, account: account)
    }

    private static let signedHeaders = [
        "Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date", "If-Modified-Since", "If-Match", "If-None-Match",
        "If-Unmodified-Since", "Range",
    ]

    /// The `x-ms-` headers in the order of the service, which leaves hyphens out at first when it compares names.
    private static func serviceHeaders(_ headers: HTTPHeaders) -> [(name: String, value: String)] {
        headers
            .map { (name: $0.name.lowercased(), value: $0.value.trimmingWhiteSpace) }
            .filter { $0.name.hasPrefix("x-ms-") }
            .map { (key: $0.name.utf8.filter { $0 != UInt8(ascii: "-") }, field: $0) }
            .sorted { left, right in
                if left.key != right.key { return left.key.lexicographicallyPrecedes(right.key) }
                return left.field.name < right.field.name
            }
            .map(\.field)
    }

    /// The path as it is sent, percent escapes and all, behind the account; parameters decoded, by name, doubled ones together.
    private static func canonicalResource(_ url: RemoteURL, account: String) -> String {
        var text = "/\(account)\(url.path.isEmpty ? "/" : url.path)"
        var values: [String: [String]] = [:]
        for item in url.query { values[item.name.lowercased(), default: []].append(item.value) }
        for (name, values) in values.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            text += "\n\(name):\(values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.joined(separator: ","))"
        }
        return text
    }
}
