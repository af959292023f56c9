import Base

extension KubeConfiguration {
    /// Where Kubernetes puts a pod's service account.
    public static let serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// What a pod finds in its environment and its service account's files.
    ///
    /// - Throws: ``KubeError/invalidConfiguration(source:reason:)`` outside a cluster.
    public static func inCluster(
        environment: [String: String], serviceAccountDirectory directory: String = serviceAccountDirectory
    ) throws(KubeError) -> KubeConfiguration {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], let port = environment["KUBERNETES_SERVICE_PORT"], !host.isEmpty, !port.isEmpty else {
            throw .invalidConfiguration(source: "the environment", reason: "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod")
        }
        let authority = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        var configuration = KubeConfiguration(server: "https://\(authority)", credentials: .tokenFile("\(directory)/token"))
        configuration.certificateAuthority = .file("\(directory)/ca.crt")
        if let namespace = try? FileContents.read("\(directory)/namespace").text.trimmedWhitespace, !namespace.isEmpty { configuration.namespace = namespace }
        return configuration
    }

    /// The variables of this process that matter here.
    public static var processEnvironment: [String: String] {
        var environment: [String: String] = [:]
        for name in ["KUBECONFIG", "HOME", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"] { environment[name] = environmentVariable(name) }
        return environment
    }

    /// The configuration to use, as Kubernetes tools look for it: the given file; the files in `KUBECONFIG`; the pod's own; `~/.kube/config`.
    ///
    /// - Parameters:
    ///   - kubeconfig: A file that must exist; nil to look further.
    ///   - context: Instead of the file's current context.
    public static func load(
        kubeconfig: String? = nil, context: String? = nil, environment: [String: String] = processEnvironment,
        serviceAccountDirectory: String = serviceAccountDirectory
    ) throws(KubeError) -> KubeConfiguration {
        if let kubeconfig { return try KubeconfigFile.load([kubeconfig]).configuration(context: context) }
        if let variable = environment["KUBECONFIG"], !variable.isEmpty {
            let paths = variable.split(separator: ":").map(String.init)
            let existing = paths.filter { FileContents.exists($0) }
            guard !existing.isEmpty else { throw .invalidConfiguration(source: "KUBECONFIG", reason: "none of \(paths.joined(separator: ", ")) exists") }
            return try KubeconfigFile.load(existing).configuration(context: context)
        }
        if environment["KUBERNETES_SERVICE_HOST"] != nil, FileContents.exists("\(serviceAccountDirectory)/token") {
            return try inCluster(environment: environment, serviceAccountDirectory: serviceAccountDirectory)
        }
        let standard = "\(environment["HOME"] ?? "")/.kube/config"
        guard FileContents.exists(standard) else {
            throw .invalidConfiguration(
                source: "kubeconfig", reason: "no cluster is configured: give --kubeconfig, set KUBECONFIG, or put a file at ~/.kube/config")
        }
        return try KubeconfigFile.load([standard]).configuration(context: context)
    }
}
