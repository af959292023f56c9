import Base
import DeltaEngine
import Glibc
import KubeClient
import Operator

/// `levee operator`: the controller.
enum OperatorCommand {
    private static let kubeconfig = Option<String>.text("kubeconfig", "FILE", "the cluster's kubeconfig (default: the pod's own, KUBECONFIG, ~/.kube/config)")
    private static let namespaces = Option<String>.text("namespace", "NAME", repeatable: true, "look after this namespace only; may be repeated (default all)")
    private static let metricsAddress = Option<String>.text("metrics-address", "ADDRESS", "where to serve /metrics (default :8080; 0 for nowhere)")
    private static let healthAddress = Option<String>.text("health-address", "ADDRESS", "where to serve /healthz and /readyz (default :8081; 0 for nowhere)")
    private static let workerImage = Option<String>.text("worker-image", "IMAGE", "the image that worker pods run (default LEVEE_WORKER_IMAGE)")
    private static let logURL = Option<LogLinks>(
        name: "log-url-template", placeholder: "URL",
        help: "a page with a worker's log, for operations' statuses; {namespace}, {pod}, {container}, {job}, {operation} are filled in"
    ) { (text: String) throws(InvalidValue) -> LogLinks in
        do throws(LogLinks.BadTemplate) { return try LogLinks(template: text) } catch { throw InvalidValue("it \(error.reason)") }
    }
    private static let hostFilesystem = Option<Bool>.flag(
        "allow-host-filesystem", "accept StorageProfiles without a claim: directories of this machine. For `levee dev` beside it only")
    private static let lendIdentity = Option<Bool>.flag(
        "lend-identity", "open the stores of profiles without credentials with this process's own cloud identity; all who write profiles see what it may see")
    private static let requestsPerSecond = Option<Int64>.integer(
        "kube-api-qps", "N", atLeast: 0, "send at most so many requests a second to the API server, 0 for no limit of our own (default 500)")
    private static let requestBurst = Option<Int64>.integer("kube-api-burst", "N", atLeast: 1, "so many at once after a rest (default 1000)")
    private static let resyncPeriod = Option<Duration>.duration(
        "resync-period", "how often everything is looked at again though nothing has changed, give or take a tenth; 0s for never (default 10h)")
    private static let logFormat = Option<LogFormat>.choice("log-format", "how log records look (default json)")
    private static let logLevel = Option<LogLevel>.choice("log-level", "what to report (default info)")

    static let command = Command(
        name: "operator", summary: "run the controller of Levee's resources",
        discussion: """
            Watches StorageProfiles, DeltaTables, MaintenancePolicies and TableOperations, observes the tables, and has done what is due. It may be
            killed at any time: the next one goes on where it was. Run one at a time, or several with --leader-elect.
            """,
        options: [
            kubeconfig, namespaces, metricsAddress, healthAddress, workerImage, logURL, hostFilesystem, lendIdentity, requestsPerSecond, requestBurst,
            resyncPeriod, logFormat, logLevel,
        ]
            + ClusterOptions.all + LeaderElectionOptions.all,
        examples: ["levee operator --worker-image registry.example/levee:0.1.0", "levee operator --kubeconfig .dev/kubeconfig --allow-host-filesystem"]
    ) { arguments, _ in
        let logger = Logger(
            label: "levee.operator", sink: StandardErrorSink(format: arguments[logFormat] ?? .json), minimum: arguments[logLevel] ?? .info)
        var options = OperatorOptions(workerImage: arguments[workerImage] ?? environmentVariable("LEVEE_WORKER_IMAGE") ?? "levee:\(Levee.version)")
        options.logLinks = arguments[logURL] ?? .none
        options.namespaces = arguments.all(namespaces)
        options.reach = OperatorReach(hostFilesystem: arguments[hostFilesystem], ownIdentity: arguments[lendIdentity])
        options.metricsAddress = address(arguments[metricsAddress], default: ":8080")
        options.healthAddress = address(arguments[healthAddress], default: ":8081")
        let timing = try LeaderElectionOptions.timing(arguments)
        if let period = arguments[resyncPeriod] { options.resyncPeriod = period > .zero ? period : nil }
        var configuration = try KubeConfiguration.load(kubeconfig: arguments[kubeconfig], environment: ProcessEnvironment.current)
        try ClusterOptions.apply(arguments, to: &configuration, command: "levee operator")
        let rate = arguments[requestsPerSecond] ?? 500
        options.requestRate = rate == 0 ? nil : RequestRate(perSecond: Double(rate), burst: Int(clamping: arguments[requestBurst] ?? 1000))
        let election = timing.map { LeaderElectionOptions.candidacy(arguments, $0, configuration) }
        do {
            try await run(configuration, options, election: election, logger)
        } catch is CancellationError {
            // A signal ended it, which is how an operator ends.
        }
    }

    /// Runs until the task is cancelled, or throws ``LeadershipLost``.
    static func run(
        _ configuration: KubeConfiguration, _ options: OperatorOptions, election candidacy: LeaderElection.Options? = nil, _ logger: Logger
    ) async throws {
        let resources = AvailableResources.current()
        var client = KubeClient.Options()
        client.userAgent = "levee-operator/\(Levee.version)"
        client.logger = logger
        let registry = MetricsRegistry()
        client.rate = options.requestRate
        client.metrics = registry
        var election: LeaderElection?
        if let candidacy {
            let lease = try LeaderElectionOptions.client(configuration, client, candidacy.timing)
            let chosen = LeaderElection(client: lease, options: candidacy, metrics: registry)
            client.mayWrite = { [leadership = chosen.leadership] in leadership.isHeld }
            election = chosen
        }
        let process = OperatorProcess(
            client: try KubeClient(configuration: configuration, options: client), options: options, election: election,
            environment: EngineEnvironment(
                logger: logger, parallelism: resources.cpuCount, memoryBudget: resources.memoryLimit / 4, engineInfo: "Levee/\(Levee.version)"),
            registry: registry)
        try await process.run()
    }

    private static func address(_ given: String?, default address: String) -> String? {
        given == "0" ? nil : given ?? address
    }
}
