import Base
import DeltaEngine
import HTTP
import KubeClient
import ObjectStore

/// The operator: watches Levee's kinds, observes tables, and has done what is due. Ends when its task is cancelled; what it was about to do, the next
/// operator does.
public struct OperatorProcess: Sendable {
    private let client: KubeClient
    private let options: OperatorOptions
    private let environment: EngineEnvironment
    private let election: LeaderElection?
    private let metrics: OperatorMetrics

    /// - Parameters:
    ///   - election: among the replicas; nil where there is one. `client` must ask its leadership before it writes.
    ///   - environment: clock, randomness and logger for the controllers too.
    ///   - registry: what the operator's metrics are shown with.
    public init(
        client: KubeClient, options: OperatorOptions, election: LeaderElection? = nil, environment: EngineEnvironment,
        registry: MetricsRegistry = MetricsRegistry()
    ) {
        self.client = client
        self.options = options
        self.election = election
        self.environment = environment
        metrics = OperatorMetrics(registry: registry)
    }

    /// Runs until the task is cancelled, or throws ``LeadershipLost``.
    ///
    /// A replica that does not lead watches and observes nothing but the API server: it serves metrics and health, and its lists are complete when it is its turn.
    public func run() async throws {
        let logger = environment.logger
        let executor = BlockingExecutor(threads: max(4, options.concurrentObservations), name: "levee-operator")
        // What the process itself may is nobody else's, unless the options say so.
        let factory = StoreFactory(executor: executor, options: StoreOptions(usesAmbientIdentity: false), metrics: metrics.registry)
        let secrets = SecretWatcher(client: client)
        let stores = ProfileStores(stores: factory, secrets: secrets, clock: environment.clock, environment: ProcessEnvironment.current)
        let observer = TableObserver(stores: stores, environment: environment, concurrency: options.concurrentObservations)
        let events = EventRecorder(client: client, component: "levee")
        let scopes = options.namespaces.isEmpty ? [nil] : options.namespaces.map(Optional.some)
        let wirings = scopes.map { namespace in
            Wiring(
                namespace: namespace, cluster: KubeCluster(client: client, events: events), observer: observer, stores: stores, secrets: secrets,
                options: options, environment: environment, metrics: metrics)
        }
        let servers = try endpoints(wirings)
        logger.info("the operator starts", ["namespaces": options.namespaces.isEmpty ? "all" : options.namespaces.joined(separator: ",")])
        let watching = Task {
            await withTaskGroup { group in
                for wiring in wirings { group.addTask { await wiring.watch() } }
            }
        }
        let result: Result<Void, any Error>
        do {
            try await lead {
                await withTaskGroup { group in
                    for wiring in wirings { group.addTask { await wiring.control() } }
                }
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        watching.cancel()
        await watching.value
        await secrets.stop()
        for server in servers { await server.stop() }
        await events.flush()
        logger.info("the operator has ended")
        try result.get()
    }

    private func lead(_ work: @escaping @Sendable () async -> Void) async throws {
        guard let election else { return await work() }
        try await election.run(work)
    }

    /// A leader that hangs is to be killed: it holds nobody up, since its lease has run out, and does nothing either.
    private var health: ServerResponse {
        if let problem = election?.problem() { .text(503, "\(problem)\n") } else { .text(200, "ok\n") }
    }

    private func endpoints(_ wirings: [Wiring]) throws -> [HTTPServer] {
        var servers: [HTTPServer] = []
        for text in Set([options.metricsAddress, options.healthAddress].compactMap { $0 }) {
            let address = try ListenAddress(text)
            let serves = (metrics: text == options.metricsAddress, health: text == options.healthAddress)
            servers.append(
                try HTTPServer(address: address.host, port: address.port) { request in
                    switch request.path {
                    case "/metrics" where serves.metrics: metrics.response(wirings.map(\.cluster))
                    case "/healthz" where serves.health: health
                    case "/readyz" where serves.health:
                        wirings.allSatisfy(\.cluster.isSynced) ? .text(200, "ok\n") : .text(503, "the first lists have not all arrived\n")
                    default: .text(404, "not found\n")
                    }
                })
        }
        return servers
    }
}

extension ServerResponse {
    static func text(_ status: Int, _ text: String, contentType: String = "text/plain; charset=utf-8") -> ServerResponse {
        ServerResponse(status: status, headers: ["Content-Type": contentType], body: .bytes(Bytes(text)))
    }
}
