import Base
import HTTP
import TestSupport

@testable import ObjectStore

/// A container of a test server, each time below a path of its own.
enum AzureBackend {
    static let flat = Result { try StoreServer("azure") }
    static let hierarchical = Result { try StoreServer("azure", "--hierarchical") }

    static func options(_ server: StoreServer) -> [String: String] {
        ["account_name": server.fact("account"), "account-key": server.fact("key"), "azure_endpoint": server.fact("endpoint"), "allow_http": "true"]
    }

    /// - Parameter changes: to the options of a store that is let in by the account's key; an empty value removes one.
    static func store(_ server: StoreServer, path: String? = nil, _ changes: [String: String] = [:]) throws -> any ObjectStore {
        let options = StoreOptions(options(server).merging(changes) { $1 }, usesAmbientIdentity: !changes.isEmpty)
        let location = try TableLocation("az://lake/\(path ?? "t \(StoreServer.nextNumber())")")
        return try StoreFactory(executor: Backend.executor, options: options).open(location)
    }

    static func smallPages(_ server: StoreServer) throws -> RemoteStore<AzureService> {
        let path = "conformance/\(StoreServer.nextNumber())"
        let stores = RemoteStores(
            options: StoreOptions(options(server), usesAmbientIdentity: false), loop: try HTTPClientLoop(), executor: Backend.executor,
            metrics: MetricsRegistry())
        return RemoteStore(service: try stores.azure(TableLocation("az://lake/")).service, root: path, description: "az://lake/\(path)", pageSize: 100)
    }
}

extension Backend {
    static var azure: [Backend] {
        guard StoreServer.isAvailable else { return [] }
        return [
            Backend(name: "azure", pageSize: 100) { (try AzureBackend.smallPages(AzureBackend.flat.get()), true) },
            Backend(name: "azure, hierarchical", pageSize: 100) { (try AzureBackend.smallPages(AzureBackend.hierarchical.get()), true) },
        ]
    }
}
