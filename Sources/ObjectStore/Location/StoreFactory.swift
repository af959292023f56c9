import Base
import HTTP

/// Opens the store that a location's scheme asks for. What a process opens by one factory shares connections, credentials and what was learnt of each bucket.
public struct StoreFactory: Sendable {
    private let executor: BlockingExecutor
    private let options: StoreOptions
    private let metrics: MetricsRegistry
    private let transport: Transport
    private let services = Lock(Services())

    private struct Services {
        var buckets: [String: S3Bucket] = [:]
        var others: RemoteStores?
    }

    /// - Parameters:
    ///   - executor: runs the blocking calls of the stores that have them.
    ///   - options: how stores are reached, and who asks.
    ///   - metrics: is told of requests, bytes, retries and latency.
    public init(executor: BlockingExecutor, options: StoreOptions = StoreOptions(), metrics: MetricsRegistry = MetricsRegistry()) {
        self.init(executor: executor, options: options, metrics: metrics, transport: Transport())
    }

    private init(executor: BlockingExecutor, options: StoreOptions, metrics: MetricsRegistry, transport: Transport) {
        self.executor = executor
        self.options = options
        self.metrics = metrics
        self.transport = transport
    }

    /// A factory for somebody else: it shares this one's threads and metrics, and nothing that was learnt or is known of who asks.
    public func with(_ options: StoreOptions) -> StoreFactory {
        StoreFactory(executor: executor, options: options, metrics: metrics, transport: transport)
    }

    /// A store whose root is the location. Does not look whether anything is there.
    public func open(_ location: TableLocation) throws(ObjectStoreError) -> any ObjectStore {
        switch location.scheme {
        case .file: return LocalStore(root: location.path, executor: executor)
        case .s3:
            let prefix = location.path.dropFirst()
            return S3Store(bucket: try bucket(location.authority), prefix: prefix.isEmpty ? "" : "\(prefix)/")
        case .azure: return try others().azure(location)
        case .gcs: return try others().gcs(location)
        }
    }

    private func others() throws(ObjectStoreError) -> RemoteStores {
        try services.withLock { services throws(ObjectStoreError) in
            if let others = services.others { return others }
            let others = RemoteStores(options: options, loop: try transport.loop(), executor: executor, metrics: metrics)
            services.others = others
            return others
        }
    }

    private func bucket(_ name: String) throws(ObjectStoreError) -> S3Bucket {
        try services.withLock { services throws(ObjectStoreError) in
            if let bucket = services.buckets[name] { return bucket }
            let bucket = try S3Bucket(name: name, options: options, loop: try transport.loop(), metrics: metrics)
            services.buckets[name] = bucket
            return bucket
        }
    }
}

/// A few threads move the bytes of all stores of a process.
private final class Transport: Sendable {
    private let known = Lock<HTTPClientLoop?>(nil)

    func loop() throws(ObjectStoreError) -> HTTPClientLoop {
        try known.withLock { known throws(ObjectStoreError) in
            if let known { return known }
            do throws(HTTPError) {
                let loop = try HTTPClientLoop(threads: min(4, AvailableResources.current().cpuCount))
                known = loop
                return loop
            } catch {
                throw .failed(path: "", operation: "starting the HTTP client", message: "\(error)", retryable: false)
            }
        }
    }
}
