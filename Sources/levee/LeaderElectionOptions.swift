import Base
import Glibc
import KubeClient

/// `levee operator --leader-elect …`, by the names that Kubernetes' own components have for them.
enum LeaderElectionOptions {
    private static let isOn = Option<Bool>.flag("leader-elect", "run several replicas, of which one at a time works: the one that has the Lease")
    private static let leaseDuration = Option<Duration>.duration(
        "leader-elect-lease-duration", "how long the others wait for a leader that is not heard of before one takes over (default 15s)")
    private static let renewDeadline = Option<Duration>.duration(
        "leader-elect-renew-deadline", "how long a leader that cannot renew the lease goes on before it ends (default 10s)")
    private static let retryPeriod = Option<Duration>.duration("leader-elect-retry-period", "between two attempts to get or renew the lease (default 2s)")
    private static let name = Option<String>.text("leader-elect-resource-name", "NAME", "the Lease's name (default levee-operator)")
    private static let namespace = Option<String>.text(
        "leader-elect-resource-namespace", "NAME", "the Lease's namespace (default the pod's own, or the kubeconfig's)")

    static let all: [any AnyOption] = [isOn, leaseDuration, renewDeadline, retryPeriod, name, namespace]

    /// nil where there is no election.
    static func timing(_ arguments: Arguments) throws -> ElectionTiming? {
        do throws(InvalidElectionTiming) {
            let standard = try ElectionTiming()
            let timing = try ElectionTiming(
                leaseDuration: arguments[leaseDuration] ?? standard.leaseDuration, renewDeadline: arguments[renewDeadline] ?? standard.renewDeadline,
                retryPeriod: arguments[retryPeriod] ?? standard.retryPeriod)
            return arguments[isOn] ? timing : nil
        } catch {
            throw UsageError(command: "levee operator", message: "\(error)")
        }
    }

    static func candidacy(_ arguments: Arguments, _ timing: ElectionTiming, _ configuration: KubeConfiguration) -> LeaderElection.Options {
        let lease = ObjectKey(namespace: arguments[namespace] ?? configuration.namespace, name: arguments[name] ?? "levee-operator")
        return LeaderElection.Options(lease: lease, process: hostName(), timing: timing)
    }

    /// A client for the lease alone, which says at once what went wrong: trying again is the election's.
    static func client(_ configuration: KubeConfiguration, _ options: KubeClient.Options, _ timing: ElectionTiming) throws(KubeError) -> KubeClient {
        var options = options
        options.retry = .never
        // Renewals must not wait for their turn.
        options.rate = nil
        // So that there is time for another try, over another connection, before the leader has to end.
        options.requestTimeout = max(.seconds(1), timing.renewDeadline / 2)
        options.logger = options.logger.labelled("levee.leader-election")
        return try KubeClient(configuration: configuration, options: options)
    }

    /// In a pod its name.
    private static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "levee" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
