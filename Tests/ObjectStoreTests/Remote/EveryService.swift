import Base
import HTTP

@testable import ObjectStore

/// The three services as stores on an HTTP server that a test plays itself.
enum EveryService: String, CaseIterable, Sendable {
    case s3, azure, gcs

    /// - Parameters:
    ///   - endpoint: of the server, `http://127.0.0.1:PORT`.
    ///   - options: besides the place and, unless `credentials` are given, some key.
    func store(
        _ endpoint: String, _ options: [String: String] = [:], credentials: [String: String]? = nil, policy: RetryPolicy = FaultyRuns.policy(),
        partSize: Int = MultipartRules().partSize
    ) throws -> any ObjectStore {
        var all = ["allow_http": "true"].merging(options) { $1 }
        all.merge(credentials ?? self.credentials) { $1 }
        switch self {
        case .s3:
            all["endpoint"] = endpoint
            let bucket = try S3Bucket(
                name: "lake", options: StoreOptions(all, usesAmbientIdentity: false), loop: HTTPClientLoop(), metrics: MetricsRegistry(), policy: policy)
            return S3Store(bucket: bucket, prefix: "table/", multipart: MultipartRules(partSize: partSize))
        case .azure:
            all["azure_endpoint"] = "\(endpoint)/account"
            return try stores(all, policy, partSize).azure(TableLocation("az://lake/table"))
        case .gcs:
            all["google_base_url"] = endpoint
            return try stores(all, policy, partSize).gcs(TableLocation("gs://lake/table"))
        }
    }

    private var credentials: [String: String] {
        switch self {
        case .s3: ["access_key_id": "AKIA", "secret_access_key": "a secret"]
        case .azure: ["account_name": "account", "account_key": "a2V5"]
        case .gcs: ["google_skip_signature": "true"]
        }
    }

    private func stores(_ options: [String: String], _ policy: RetryPolicy, _ partSize: Int) throws -> RemoteStores {
        RemoteStores(
            options: StoreOptions(options, usesAmbientIdentity: options["gce_metadata_host"] != nil), loop: try HTTPClientLoop(), executor: Backend.executor,
            metrics: MetricsRegistry(), policy: policy, partSize: partSize)
    }
}
