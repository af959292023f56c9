import Base
import KubeClient

/// Where to find what a run's pod has printed.
public struct LogLinks: Sendable, Hashable {
    /// A page of a log system, with `{namespace}`, `{pod}`, `{container}`, `{job}` and `{operation}` in it; nil: none.
    private let template: String?

    private static let names: Set<String> = ["namespace", "pod", "container", "job", "operation"]

    public static let none = LogLinks(checked: nil)

    private init(checked template: String?) { self.template = template }

    /// Why a template would make no links.
    public struct BadTemplate: Error, Sendable, Hashable {
        /// What is wrong with it, after "it".
        public let reason: String
    }

    public init(template: String) throws(BadTemplate) {
        guard template.hasPrefix("https://") || template.hasPrefix("http://") else { throw BadTemplate(reason: "does not begin with https://") }
        var rest = template[...]
        while let open = rest.firstIndex(of: "{") {
            rest = rest[rest.index(after: open)...]
            guard let close = rest.firstIndex(of: "}") else { throw BadTemplate(reason: "has a { without }") }
            guard Self.names.contains(String(rest[..<close])) else {
                throw BadTemplate(reason: "names {\(rest[..<close])}; there are \(Self.names.sorted().map { "{\($0)}" }.joined(separator: ", "))")
            }
            rest = rest[close...]
        }
        self.template = template
    }

    /// Of the pod that started last; nil where none is known.
    func logs(of operation: TableOperation, _ pods: [Pod]) -> TableOperationStatus.Logs? {
        let latest = pods.max { ($0.status?.startTime ?? .epoch, $0.metadata.name) < ($1.status?.startTime ?? .epoch, $1.metadata.name) }
        guard let pod = latest?.metadata.name else { return nil }
        let (namespace, container) = (operation.metadata.namespace, Names.workerContainer)
        var logs = TableOperationStatus.Logs(pod: pod, container: container)
        logs.command = "kubectl logs --namespace \(namespace) \(pod) --container \(container)"
        let values = ["namespace": namespace, "pod": pod, "container": container, "job": operation.jobName, "operation": operation.metadata.name]
        logs.url = template.map { Self.fill($0, values) }
        return logs
    }

    private static func fill(_ template: String, _ values: [String: String]) -> String {
        var text = ""
        var rest = template[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            // Names of Kubernetes' objects need no encoding in a URL.
            text += rest[..<open] + (values[String(rest[rest.index(after: open)..<close])] ?? "")
            rest = rest[rest.index(after: close)...]
        }
        return text + rest
    }
}
