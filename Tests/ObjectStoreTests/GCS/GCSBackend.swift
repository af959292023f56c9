import Base
import HTTP
import TestSupport

@testable import ObjectStore

/// A bucket of a test server, each time below a path of its own.
enum GCSBackend {
    static let server = Result { try StoreServer("gcs") }

    static func options(_ server: StoreServer) -> [String: String] {
        ["google_service_account_key": server.fact("serviceAccount"), "google_base_url": server.fact("endpoint"), "allow_http": "true"]
    }

    /// - Parameter changes: to the options of a store that is let in by a service account's key; an empty value removes one.
    static func store(_ server: StoreServer, path: String? = nil, _ changes: [String: String] = [:]) throws -> any ObjectStore {
        let options = StoreOptions(options(server).merging(changes) { $1 }, usesAmbientIdentity: !changes.isEmpty)
        let location = try TableLocation("gs://lake/\(path ?? "t \(StoreServer.nextNumber())")")
        return try StoreFactory(executor: Backend.executor, options: options).open(location)
    }

    static func smallPages(_ server: StoreServer) throws -> RemoteStore<GCSService> {
        let path = "conformance/\(StoreServer.nextNumber())"
        let stores = RemoteStores(
            options: StoreOptions(options(server), usesAmbientIdentity: false), loop: try HTTPClientLoop(), executor: Backend.executor,
            metrics: MetricsRegistry())
        return RemoteStore(service: try stores.gcs(TableLocation("gs://lake/")).service, root: path, description: "gs://lake/\(path)", pageSize: 100)
    }
}

extension Backend {
    static var gcs: [Backend] {
        guard StoreServer.isAvailable else { return [] }
        return [Backend(name: "gcs", pageSize: 100) { (try GCSBackend.smallPages(GCSBackend.server.get()), true) }]
    }
}
