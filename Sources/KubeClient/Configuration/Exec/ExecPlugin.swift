import Base

/// A program that gives credentials, as a kubeconfig's `user.exec` names it (client.authentication.k8s.io).
public struct ExecPlugin: Sendable, Hashable, CustomStringConvertible {
    public struct Variable: Sendable, Hashable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public var apiVersion: String
    /// A name to look for in PATH, or a path.
    public var command: String
    public var arguments: [String]
    /// Beside the variables of this process.
    public var environment: [Variable]
    /// For people who do not have the program.
    public var installHint: String?
    /// What it is told of the cluster; nil where it is not to be told.
    public var cluster: JSONValue?
    /// The kubeconfig, for messages.
    public var source: String

    public init(
        apiVersion: String, command: String, arguments: [String] = [], environment: [Variable] = [], installHint: String? = nil, cluster: JSONValue? = nil,
        source: String
    ) {
        self.apiVersion = apiVersion
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.installHint = installHint
        self.cluster = cluster
        self.source = source
    }

    public var description: String { "the program \(command)" }

    static let apiVersions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]

    /// What it finds in KUBERNETES_EXEC_INFO.
    var request: JSONValue {
        var spec: JSONValue = ["interactive": false]
        if let cluster { spec["cluster"] = cluster }
        return ["apiVersion": .string(apiVersion), "kind": "ExecCredential", "spec": spec]
    }

    func failure(_ reason: String) -> KubeError {
        let hint = installHint.map { "\n\($0)" } ?? ""
        return .invalidConfiguration(source: source, reason: "\(command) was to give credentials and \(reason)\(hint)")
    }
}

/// What such a program gave. Its description shows no secret.
struct ExecCredential: Sendable, Hashable, CustomStringConvertible {
    var token: String?
    var certificate: Bytes?
    var key: Bytes?
    /// nil: good for as long as the server takes it.
    var expires: Timestamp?

    var description: String { "credentials\(expires.map { " until \($0.rfc3339Seconds)" } ?? "")" }

    /// Reads the program's output.
    init(_ output: Bytes, of plugin: ExecPlugin) throws(KubeError) {
        let json: JSONValue
        do { json = try JSON.parse(output) } catch { throw plugin.failure("wrote something that is no JSON: \(error)") }
        guard json["kind"] == "ExecCredential", json["apiVersion"]?.stringValue == plugin.apiVersion else {
            throw plugin.failure(
                "wrote a \(json["kind"]?.stringValue ?? json.kindDescription) of \(json["apiVersion"]?.stringValue ?? "no version") instead of an ExecCredential of \(plugin.apiVersion)"
            )
        }
        func text(_ name: String) -> String? { json["status"]?[name]?.stringValue.flatMap { $0.isEmpty ? nil : $0 } }
        token = text("token")
        certificate = text("clientCertificateData").map { Bytes($0) }
        key = text("clientKeyData").map { Bytes($0) }
        guard (certificate == nil) == (key == nil) else { throw plugin.failure("gave a client certificate without its key, or the other way round") }
        guard token != nil || certificate != nil else { throw plugin.failure("gave neither a token nor a client certificate") }
        if let time = text("expirationTimestamp") {
            guard let expires = Timestamp(rfc3339: time) else { throw plugin.failure("gave `\(time)` as the time of expiry, which is none") }
            self.expires = expires
        }
    }
}
