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
    private let metrics: OperatorMetrics

    /// - Parameter environment: clock, randomness and logger for the controllers too.
    public init(client: KubeClient, options: OperatorOptions, environment: EngineEnvironment) {
        self.client = client
        self.options = options
        self.environment = environment
        metrics = OperatorMetrics()
    }

    /// Runs until the task is cancelled.
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
        await withTaskGroup { group in
            for wiring in wirings { group.addTask { await wiring.run() } }
        }
        await secrets.stop()
        for server in servers { await server.stop() }
        await events.flush()
        logger.info("the operator has ended")
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
                    case "/healthz" where serves.health: .text(200, "ok\n")
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
