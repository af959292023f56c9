import Base
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// Azure and Google behind the proxy that makes faults; S3 has its own in ``S3FaultTests``. With LEVEE_SOAK=1 thousands of requests each.
@Suite(.serialized, .enabled(if: StoreServer.isAvailable)) struct RemoteFaultTests {
    private static let rate = 0.25

    private static func stores(_ endpoint: String, _ options: [String: String], partSize: Int, patient: Bool) throws -> RemoteStores {
        RemoteStores(
            options: StoreOptions(options, usesAmbientIdentity: false), loop: try HTTPClientLoop(), executor: Backend.executor, metrics: MetricsRegistry(),
            policy: patient ? FaultyRuns.policy() : RetryPolicy(), partSize: partSize)
    }

    @Test(arguments: [false, true]) func azureBearsABadNetwork(hierarchical: Bool) async throws {
        let server = try (hierarchical ? AzureBackend.hierarchical : AzureBackend.flat).get()
        // The endpoint has the account in its path.
        let upstream = server.fact("control")
        let proxy = try FaultProxy(upstream: upstream, rate: Self.rate)
        let location = try TableLocation("az://lake/faults-\(StoreServer.nextNumber())")
        func store(_ endpoint: String) throws -> any ObjectStore {
            let options = AzureBackend.options(server).merging(["azure_endpoint": server.fact("endpoint").replacing(upstream, with: endpoint)]) { $1 }
            return try Self.stores(endpoint, options, partSize: 20_000, patient: endpoint != upstream).azure(location)
        }
        let runs = FaultyRuns(
            name: hierarchical ? "Azure, hierarchical" : "Azure", faulty: try store(proxy.endpoint), clean: try store(upstream), endpoint: proxy.endpoint)
        try await runs.race(versions: FaultProxy.isSoak ? 600 : 12)
        try await runs.operate(objects: FaultProxy.isSoak ? 600 : 16)
    }

    @Test func googleBearsABadNetwork() async throws {
        let server = try GCSBackend.server.get()
        let upstream = server.fact("endpoint")
        let proxy = try FaultProxy(upstream: upstream, rate: Self.rate)
        let location = try TableLocation("gs://lake/faults-\(StoreServer.nextNumber())")
        func store(_ endpoint: String) throws -> any ObjectStore {
            let options = GCSBackend.options(server).merging(["google_base_url": endpoint]) { $1 }
            return try Self.stores(endpoint, options, partSize: 256 << 10, patient: endpoint != upstream).gcs(location)
        }
        let runs = FaultyRuns(
            name: "Google", faulty: try store(proxy.endpoint), clean: try store(upstream), endpoint: proxy.endpoint, largestObject: 900_000)
        try await runs.race(versions: FaultProxy.isSoak ? 600 : 12)
        try await runs.operate(objects: FaultProxy.isSoak ? 600 : 16)
    }
}
