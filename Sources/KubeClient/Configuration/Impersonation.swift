import HTTP

/// Whom to be instead, where the server lets us. As kubectl's `--as`.
public struct Impersonation: Sendable, Hashable {
    public var user: String
    public var uid: String?
    public var groups: [String]
    public var extra: [String: [String]]

    public init(user: String, uid: String? = nil, groups: [String] = [], extra: [String: [String]] = [:]) {
        self.user = user
        self.uid = uid
        self.groups = groups
        self.extra = extra
    }

    func apply(to headers: inout HTTPHeaders) {
        headers["Impersonate-User"] = user
        headers["Impersonate-Uid"] = uid
        for group in groups { headers.append(name: "Impersonate-Group", value: group) }
        for (key, values) in extra.sorted(by: { $0.key < $1.key }) {
            // Keys may be URLs; a header's name may not.
            let name = "Impersonate-Extra-\(PercentEncoding.encode(key.lowercased()))"
            for value in values { headers.append(name: name, value: value) }
        }
    }
}
