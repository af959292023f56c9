import Base
import Glibc
import HTTP

/// A Kubernetes control plane in this process, on loopback, for laptops and tests: an API server that kubectl and clients take for real as far as Levee
/// needs one, and a node that runs Jobs as local processes. Its state is in a directory and survives restarts and crashes.
public final class DevCluster: Sendable {
    public struct Options: Sendable {
        /// Where everything is kept; made if it is missing. One control plane at a time.
        public var dataDirectory: String
        /// Nil: the port of the last run, or a free one.
        public var port: Int?
        /// CustomResourceDefinitions, as YAML or JSON objects, that are installed (or brought up to date) before the server answers.
        public var customResourceDefinitions: [JSONValue] = []
        /// The program that pods run whose image or command is `levee`.
        public var workerBinary: String
        /// Pods that run at the same time; others wait.
        public var maximumPods: Int
        /// The wait after a Job's first failed pod; doubles up to ``maximumRetryDelay``. Kubernetes waits 10 s, which is long for a laptop.
        public var retryDelay: Duration = .seconds(1)
        public var maximumRetryDelay: Duration = .seconds(60)

        public init(dataDirectory: String, port: Int? = nil, workerBinary: String, maximumPods: Int = 16) {
            self.dataDirectory = dataDirectory
            self.port = port
            self.workerBinary = workerBinary
            self.maximumPods = maximumPods
        }
    }

    /// For clients: server, token and namespace. Only its owner can read it.
    public let kubeconfigPath: String
    /// `https://127.0.0.1:PORT`.
    public let address: String

    private let api: ClusterAPI
    private let http: HTTPServer
    private let node: PodRunner
    private let controllers: [ControllerRunner]

    /// How long pods may take to end when the control plane stops.
    private static let stopPatience = Duration.seconds(5)

    /// Reads the state, installs the definitions, takes up Jobs and pods where they stood, and serves.
    public static func start(
        _ options: Options, logger: Logger, clock: any WallClock = SystemClock(), random: any RandomSource = SystemRandomSource()
    ) async throws -> DevCluster {
        let data = try absolute(options.dataDirectory)
        let store = try ClusterStore(directory: "\(data)/state")
        let api = ClusterAPI(store: store, registry: ResourceRegistry(), clock: clock, random: random)
        try await Bootstrap(api: api).run(options.customResourceDefinitions)
        let identity = try ClusterIdentity(dataDirectory: data, now: clock.now())
        let directories = PodDirectories(dataDirectory: data)
        let logs = PodLogs(directories: directories, store: store, clock: clock)
        let server = RESTServer(api: api, logs: logs, token: identity.token, logger: logger.labelled("api"))
        let http = try listen(wanted: options.port, last: identity.port, identity.tls) { await server.handle($0) }
        let address = "https://127.0.0.1:\(http.port)"
        let kubeconfig = try identity.write(port: http.port, address: address)
        let node = PodRunner(api, directories, options)
        let controllers = [
            ControllerRunner(GarbageCollector(api), api, logger), ControllerRunner(NamespaceController(api), api, logger),
            ControllerRunner(CustomResourceCleanup(api), api, logger), ControllerRunner(EventExpiry(api), api, logger),
            ControllerRunner(JobController(api, options), api, logger), ControllerRunner(node, api, logger),
        ]
        return DevCluster(api: api, http: http, node: node, controllers: controllers, kubeconfigPath: kubeconfig, address: address)
    }

    private init(api: ClusterAPI, http: HTTPServer, node: PodRunner, controllers: [ControllerRunner], kubeconfigPath: String, address: String) {
        self.api = api
        self.http = http
        self.kubeconfigPath = kubeconfigPath
        self.address = address
        self.node = node
        self.controllers = controllers
    }

    /// Ends watches and requests, then pods. What was acknowledged is on disk already.
    public func stop() async {
        api.store.endWatches()
        await http.stop()
        for controller in controllers { await controller.stop() }
        await node.stopAll(patience: Self.stopPatience)
    }

    private static func absolute(_ path: String) throws(StorageError) -> String {
        try StateFiles.makeDirectory(path)
        guard let resolved = realpath(path, nil) else { throw .system(operation: "resolve", path: path, errno: errno) }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// A port that was not asked for by number gives way when it is taken.
    private static func listen(wanted: Int?, last: Int?, _ tls: ServerTLS, _ handler: @escaping @Sendable (ServerRequest) async -> ServerResponse) throws
        -> HTTPServer
    {
        var options = HTTPServer.Options()
        options.tls = tls
        if let wanted { return try HTTPServer(port: wanted, options: options, handler: handler) }
        if let last, let server = try? HTTPServer(port: last, options: options, handler: handler) { return server }
        return try HTTPServer(port: 0, options: options, handler: handler)
    }
}
