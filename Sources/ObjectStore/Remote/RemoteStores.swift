import Base
import HTTP

/// What the Azure and Google stores of one ``StoreFactory`` share: a client and a credential for each container or bucket.
final class RemoteStores: Sendable {
    private struct Services {
        var azure: [String: AzureService] = [:]
        var gcs: [String: GCSService] = [:]
    }

    let options: StoreOptions
    private let loop: HTTPClientLoop
    let executor: BlockingExecutor
    let clock: any WallClock
    let random: any RandomSource
    private let metrics: MetricsRegistry
    /// nil: that of the options.
    private let policy: RetryPolicy?
    /// Of objects that are written in pieces.
    let partSize: Int
    private let services = Lock(Services())

    init(
        options: StoreOptions, loop: HTTPClientLoop, executor: BlockingExecutor, metrics: MetricsRegistry, clock: any WallClock = SystemClock(),
        random: any RandomSource = SystemRandomSource(), policy: RetryPolicy? = nil, partSize: Int = MultipartRules().partSize
    ) {
        self.options = options
        self.policy = policy
        self.partSize = partSize
        self.loop = loop
        self.executor = executor
        self.metrics = metrics
        self.clock = clock
        self.random = random
    }

    func azure(_ location: TableLocation) throws(ObjectStoreError) -> RemoteStore<AzureService> {
        let place = try AzureLocation(location)
        let known = services.withLock { $0.azure[place.authority] }
        let service = if let known { known } else { try AzureService.open(place, with: self) }
        // Two callers at once may both have made one; they agree on the first.
        let shared = services.withLock { services -> AzureService in
            let shared = services.azure[place.authority] ?? service
            services.azure[place.authority] = shared
            return shared
        }
        return RemoteStore(service: shared, root: place.path, description: location.description)
    }

    func gcs(_ location: TableLocation) throws(ObjectStoreError) -> RemoteStore<GCSService> {
        let known = services.withLock { $0.gcs[location.authority] }
        let service = if let known { known } else { try GCSService.open(location.authority, with: self) }
        let shared = services.withLock { services -> GCSService in
            let shared = services.gcs[location.authority] ?? service
            services.gcs[location.authority] = shared
            return shared
        }
        return RemoteStore(service: shared, root: String(location.path.dropFirst()), description: location.description)
    }

    /// A client for a store's own requests.
    func client(_ store: String, signer: any RequestSigner, dialect: any RemoteDialect) throws(ObjectStoreError) -> RemoteClient {
        var configuration = try configuration()
        configuration.bufferSize = RemoteClient.bufferSize
        let policy = if let policy { policy } else { try RetryPolicy(options) }
        return RemoteClient(
            http: HTTPClient(configuration: configuration, loop: loop), signer: signer, dialect: dialect,
            metrics: RemoteMetrics(registry: metrics, store: store), policy: policy, clock: clock, random: random)
    }

    /// A client for services that give out tokens.
    ///
    /// - Parameter isMetadata: the service is the machine's own: it answers at once or not at all, and no proxy knows the way to it.
    func tokenEndpoint(isMetadata: Bool = false) throws(ObjectStoreError) -> TokenEndpoint {
        var configuration = isMetadata ? HTTPClientConfiguration() : try configuration()
        var policy = try RetryPolicy(options)
        policy.deadline = min(policy.deadline, .seconds(60))
        if isMetadata {
            configuration.proxy = .direct
            configuration.connectTimeout = .seconds(2)
            policy.attemptTimeout = .seconds(10)
            policy.maximumAttempts = 5
            policy.deadline = .seconds(20)
        }
        let client = RemoteClient(
            http: HTTPClient(configuration: configuration, loop: loop), signer: UnsignedRequests(), dialect: TokenDialect(),
            metrics: RemoteMetrics(registry: metrics, store: "credentials"), policy: policy, clock: clock, random: random)
        return TokenEndpoint(client: client, executor: executor)
    }

    /// Whom to trust, and through which proxy.
    private func configuration() throws(ObjectStoreError) -> HTTPClientConfiguration {
        var configuration = HTTPClientConfiguration()
        configuration.tls.insecure = try options.flag("allow_invalid_certificates") ?? false
        configuration.connectTimeout = try options.connectTimeout ?? configuration.connectTimeout
        if let text = options.givenValue("ca_certificates") {
            configuration.tls.caPEM = Bytes(text)
        } else if let file = options.givenValue("ca_bundle", "ssl_cert_file") ?? (options.usesAmbientIdentity ? options.environmentValue("ssl_cert_file") : nil)
        {
            do throws(SystemError) {
                configuration.tls.caPEM = try readFile(file, limit: 4 << 20)
            } catch {
                throw .unsupportedLocation(location: file, reason: "the authorities' certificates cannot be read: \(error)")
            }
        }
        if let proxy = options.givenValue("proxy_url") { configuration.proxy = .url(proxy, bypass: options.givenValue("proxy_excludes") ?? "") }
        return configuration
    }
}
