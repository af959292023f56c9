import Base

/// Kubeconfig files, merged: clusters, users and contexts by name, and which context is meant.
struct KubeconfigFile: Sendable {
    /// A named entry and the directory that its relative paths start from.
    private struct Entry {
        var fields: JSONValue
        var file: String
    }

    private var clusters: [String: Entry] = [:]
    private var users: [String: Entry] = [:]
    private var contexts: [String: Entry] = [:]
    private var currentContext: String?
    private var files: [String] = []

    /// Reads and merges files as kubectl does: the first to name a thing wins.
    static func load(_ paths: [String]) throws(KubeError) -> KubeconfigFile {
        var merged = KubeconfigFile()
        for path in paths { try merged.merge(FileContents.read(path), file: path) }
        return merged
    }

    /// - Parameter file: Where `content` comes from, for messages and relative paths.
    mutating func merge(_ content: Bytes, file: String) throws(KubeError) {
        files.append(file)
        let documents: [JSONValue]
        do {
            documents = try YAML.parseAll(content)
        } catch {
            throw .invalidConfiguration(source: file, reason: "not YAML: \(error)")
        }
        for document in documents where !document.isNull {
            guard document.objectValue != nil else { throw .invalidConfiguration(source: file, reason: "no kubeconfig but \(document.kindDescription)") }
            try Self.collect(document["clusters"], member: "cluster", file, into: &clusters)
            try Self.collect(document["users"], member: "user", file, into: &users)
            try Self.collect(document["contexts"], member: "context", file, into: &contexts)
            if currentContext == nil, let name = document["current-context"]?.stringValue, !name.isEmpty { currentContext = name }
        }
    }

    private static func collect(_ list: JSONValue?, member: String, _ file: String, into entries: inout [String: Entry]) throws(KubeError) {
        for item in list?.arrayValue ?? [] {
            guard let name = item["name"]?.stringValue else { throw .invalidConfiguration(source: file, reason: "a \(member) has no name") }
            if entries[name] == nil { entries[name] = Entry(fields: item[member] ?? [:], file: file) }
        }
    }

    /// What a context amounts to; nil: the current one.
    func configuration(context name: String?) throws(KubeError) -> KubeConfiguration {
        let source = files.joined(separator: ", ")
        guard let contextName = name ?? currentContext else {
            throw .invalidConfiguration(source: source, reason: "no current-context; name one of \(known(contexts))")
        }
        guard let context = contexts[contextName] else {
            throw .invalidConfiguration(source: source, reason: "no context \(contextName); there are \(known(contexts))")
        }
        guard let clusterName = context.fields["cluster"]?.stringValue, let cluster = clusters[clusterName] else {
            throw .invalidConfiguration(source: context.file, reason: "context \(contextName) names no cluster of the file; there are \(known(clusters))")
        }
        guard let server = cluster.fields["server"]?.stringValue, server.hasPrefix("https://") || server.hasPrefix("http://") else {
            throw .invalidConfiguration(source: cluster.file, reason: "cluster \(clusterName) has no http or https server")
        }
        var configuration = KubeConfiguration(server: server)
        if let namespace = context.fields["namespace"]?.stringValue, !namespace.isEmpty { configuration.namespace = namespace }
        configuration.certificateAuthority = try material(cluster, "certificate-authority", of: "cluster \(clusterName)")
        configuration.tlsServerName = nonEmpty(cluster, "tls-server-name")
        configuration.insecureSkipTLSVerify = cluster.fields["insecure-skip-tls-verify"]?.boolValue ?? false
        configuration.proxyURL = nonEmpty(cluster, "proxy-url")
        if let userName = context.fields["user"]?.stringValue, !userName.isEmpty {
            guard let user = users[userName] else {
                throw .invalidConfiguration(source: context.file, reason: "context \(contextName) names the user \(userName); there are \(known(users))")
            }
            try apply(user, userName, to: &configuration)
        }
        return configuration
    }

    private func apply(_ user: Entry, _ name: String, to configuration: inout KubeConfiguration) throws(KubeError) {
        for unsupported in ["exec", "auth-provider"] where user.fields[unsupported].map({ !$0.isNull }) ?? false {
            let plugin = user.fields[unsupported]?["command"]?.stringValue ?? user.fields[unsupported]?["name"]?.stringValue ?? unsupported
            throw .invalidConfiguration(
                source: user.file,
                reason: "user \(name) gets its credentials from \(plugin) (\(unsupported)), which is not supported yet; use a token or a client certificate")
        }
        configuration.clientCertificate = try material(user, "client-certificate", of: "user \(name)")
        configuration.clientKey = try material(user, "client-key", of: "user \(name)")
        guard (configuration.clientCertificate == nil) == (configuration.clientKey == nil) else {
            throw .invalidConfiguration(source: user.file, reason: "user \(name) needs both a client certificate and its key")
        }
        // The file wins over the token beside it, as in client-go: the token is only its first value.
        if let path = nonEmpty(user, "tokenFile") {
            configuration.credentials = .tokenFile(resolve(path, user.file))
        } else if let token = nonEmpty(user, "token") {
            configuration.credentials = .token(token)
        } else if let username = nonEmpty(user, "username") {
            configuration.credentials = .basic(user: username, password: user.fields["password"]?.stringValue ?? "")
        }
    }

    /// Inline data wins over a path, as in client-go.
    private func material(_ entry: Entry, _ field: String, of owner: String) throws(KubeError) -> KubeConfiguration.Material? {
        if let data = nonEmpty(entry, "\(field)-data") {
            guard let bytes = Base64.decode(data) else { throw .invalidConfiguration(source: entry.file, reason: "\(owner): \(field)-data is no base64") }
            return .inline(bytes)
        }
        return nonEmpty(entry, field).map { .file(resolve($0, entry.file)) }
    }

    private func nonEmpty(_ entry: Entry, _ field: String) -> String? {
        entry.fields[field]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Relative paths start at the file that names them.
    private func resolve(_ path: String, _ file: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let slash = file.lastIndex(of: "/") else { return path }
        return "\(file[...slash])\(path)"
    }

    private func known(_ entries: [String: Entry]) -> String {
        entries.isEmpty ? "none" : entries.keys.sorted().joined(separator: ", ")
    }
}
