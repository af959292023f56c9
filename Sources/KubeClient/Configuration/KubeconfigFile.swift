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
        if let proxy = nonEmpty(cluster, "proxy-url") {
            guard ["http://", "https://", "socks5://"].contains(where: { proxy.hasPrefix($0) }) else {
                throw .invalidConfiguration(
                    source: cluster.file, reason: "cluster \(clusterName) has a proxy-url that begins with neither http://, https:// nor socks5://")
            }
            configuration.proxyURL = proxy
        }
        if let userName = context.fields["user"]?.stringValue, !userName.isEmpty {
            guard let user = users[userName] else {
                throw .invalidConfiguration(source: context.file, reason: "context \(contextName) names the user \(userName); there are \(known(users))")
            }
            try apply(user, userName, cluster, to: &configuration)
        }
        return configuration
    }

    private func apply(_ user: Entry, _ name: String, _ cluster: Entry, to configuration: inout KubeConfiguration) throws(KubeError) {
        if let provider = user.fields["auth-provider"], !provider.isNull {
            throw .invalidConfiguration(
                source: user.file,
                reason:
                    "user \(name) gets its credentials from \(provider["name"]?.stringValue ?? "an auth-provider") (auth-provider), which Kubernetes no longer has; "
                    + "use exec, a token or a client certificate")
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
        } else if let exec = user.fields["exec"], !exec.isNull {
            configuration.credentials = .exec(try plugin(exec, user, name, cluster, configuration))
        }
        configuration.impersonation = try impersonation(user, name)
    }

    private func plugin(
        _ exec: JSONValue, _ user: Entry, _ name: String, _ cluster: Entry, _ configuration: KubeConfiguration
    ) throws(KubeError) -> ExecPlugin {
        func failure(_ reason: String) -> KubeError { .invalidConfiguration(source: user.file, reason: "user \(name): exec \(reason)") }
        guard let command = exec["command"]?.stringValue, !command.isEmpty else { throw failure("has no command") }
        guard let version = exec["apiVersion"]?.stringValue, ExecPlugin.apiVersions.contains(version) else {
            throw failure("has the apiVersion \(exec["apiVersion"]?.stringValue ?? ""); known are \(ExecPlugin.apiVersions.joined(separator: " and "))")
        }
        if exec["interactiveMode"]?.stringValue == "Always" { throw failure("runs \(command), which wants to ask a person (interactiveMode: Always)") }
        // A path with a slash that does not begin with one starts at the file, as in client-go.
        let path = command.contains("/") ? resolve(command, user.file) : command
        return ExecPlugin(
            apiVersion: version, command: path, arguments: (exec["args"]?.arrayValue ?? []).compactMap(\.stringValue),
            environment: (exec["env"]?.arrayValue ?? []).compactMap { variable in
                variable["name"]?.stringValue.map { .init(name: $0, value: variable["value"]?.stringValue ?? "") }
            },
            installHint: exec["installHint"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 },
            cluster: exec["provideClusterInfo"]?.boolValue ?? false ? try told(of: cluster, configuration) : nil, source: user.file)
    }

    /// What a program is told of the cluster: its fields as the kubeconfig has them, the authority's certificate in place of its file.
    private func told(of cluster: Entry, _ configuration: KubeConfiguration) throws(KubeError) -> JSONValue {
        var told: JSONValue = ["server": .string(configuration.server)]
        for field in ["tls-server-name", "insecure-skip-tls-verify", "proxy-url"] {
            if let value = cluster.fields[field], !value.isNull { told[field] = value }
        }
        if let authority = try configuration.certificateAuthority?.read() { told["certificate-authority-data"] = .string(Base64.encode(authority)) }
        let extensions = cluster.fields["extensions"]?.arrayValue ?? []
        if let config = extensions.first(where: { $0["name"] == "client.authentication.k8s.io/exec" })?["extension"] { told["config"] = config }
        return told
    }

    private func impersonation(_ user: Entry, _ name: String) throws(KubeError) -> Impersonation? {
        func texts(_ value: JSONValue?) -> [String] { (value?.arrayValue ?? []).compactMap(\.stringValue) }
        let (uid, groups) = (nonEmpty(user, "as-uid"), texts(user.fields["as-groups"]))
        var extra: [String: [String]] = [:]
        for (key, values) in user.fields["as-user-extra"]?.objectValue ?? JSONObject() { extra[key] = texts(values) }
        guard let whom = nonEmpty(user, "as") else {
            guard uid == nil, groups.isEmpty, extra.isEmpty else {
                throw .invalidConfiguration(source: user.file, reason: "user \(name) has as-uid, as-groups or as-user-extra and no as: whom to act as")
            }
            return nil
        }
        return Impersonation(user: whom, uid: uid, groups: groups, extra: extra)
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
