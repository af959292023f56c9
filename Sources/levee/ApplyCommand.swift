import Base
import KubeClient

/// `levee apply`.
enum ApplyCommand {
    private static let filename = Option<String>(
        name: "filename", short: "f", placeholder: "FILE", help: "a YAML or JSON file, a directory of them, or - for standard input", isRepeatable: true
    ) { (text: String) throws(InvalidValue) -> String in text }
    private static let kubeconfig = Option.text("kubeconfig", "FILE", "which cluster (default: KUBECONFIG, the pod's own, ~/.kube/config)")
    private static let context = Option.text("context", "NAME", "the kubeconfig's context (default: its current one)")
    private static let namespace = Option.text("namespace", "NAME", "for objects that name none (default: the context's)")
    private static let force = Option.flag("force-conflicts", "take fields over that other managers own")
    private static let dryRun = Option.flag("dry-run", "let the server check everything and keep nothing")

    static let command = Command(
        name: "apply", summary: "apply Kubernetes objects on the server's side, for machines without kubectl",
        discussion: "Namespaces and CRDs go first. Fields that were applied before and are no longer in the files are removed.",
        options: [filename, kubeconfig, context, namespace, force, dryRun] + ClusterOptions.all,
        examples: ["levee apply -f examples/quickstart", "levee apply -f table.yaml -f policy.yaml --kubeconfig data/kubeconfig"]
    ) { arguments, console in
        let paths = arguments.all(filename)
        guard !paths.isEmpty else { throw UsageError(command: "levee apply", message: "which files? Give -f FILE") }
        let manifests = try Manifest.load(paths)
        guard !manifests.isEmpty else { throw UsageError(command: "levee apply", message: "there is no object in \(paths.joined(separator: ", "))") }
        var configuration = try KubeConfiguration.load(kubeconfig: arguments[kubeconfig], context: arguments[context])
        if let namespace = arguments[namespace] { configuration.namespace = namespace }
        try ClusterOptions.apply(arguments, to: &configuration, command: "levee apply")
        var options = KubeClient.Options()
        options.userAgent = "levee/\(Levee.version)"
        options.onWarning = { Console.note("Warning: \($0.withoutControlCharacters)") }
        let applier = ManifestApplier(
            client: try KubeClient(configuration: configuration, options: options), fieldManager: "levee-apply", force: arguments[force],
            dryRun: arguments[dryRun])
        try await apply(manifests, applier, arguments[dryRun], console)
    }

    private static func apply(_ manifests: [Manifest], _ applier: ManifestApplier, _ isDryRun: Bool, _ console: Console) async throws {
        var failures: [KubeError] = []
        var results: [JSONValue] = []
        try await applier.apply(manifests) { applied in
            switch applied.result {
            case .success(let resource):
                results.append(resource.json)
                if console.format == .text { try console.print("\(resource.title) applied\(isDryRun ? " (server dry run)" : "")\n") }
            case .failure(let error):
                failures.append(error)
                Console.note("error: \(applied.manifest.source): \(applied.manifest.resource.title): \(error)")
            }
        }
        if console.format == .json { try console.print(JSON.encode(.array(results), pretty: true) + "\n") }
        if !failures.isEmpty { throw NotApplied(failures: failures, total: manifests.count) }
    }
}

/// Some of the objects were not applied; each has been named on standard error.
struct NotApplied: Error, CustomStringConvertible {
    let failures: [KubeError]
    let total: Int

    /// Whether the same command may succeed later.
    var isRetryable: Bool { failures.allSatisfy { $0.isRetryable } }

    var description: String { "\(failures.count) of \(total) objects were not applied" }
}

extension Resource {
    /// As kubectl names objects: `deltatable.levee.dev/orders`.
    fileprivate var title: String {
        let group = apiVersion.contains("/") ? "." + apiVersion.prefix { $0 != "/" } : ""
        return "\(kind.lowercased())\(group)/\(name)"
    }
}
