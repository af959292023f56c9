import Base
import Foundation
import HTTP
import TestSupport

@testable import ObjectStore

/// An S3 server: one that LEVEE_S3_ENDPOINT names (with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and a bucket `lake`), else moto from the tests' Python
/// environment, which checks signatures.
final class S3TestServer: Sendable {
    let endpoint: String
    let accessKeyID: String
    let secretAccessKey: String
    let bucket = "lake"
    private let process: Process?
    /// The server behind a proxy.
    let behind: String?
    private let server: Process?

    /// Nil, said on standard output, where this machine has neither.
    static let shared: S3TestServer? = {
        do { return try S3TestServer() } catch {
            print("skipped: S3 (\(error)); `scripts/install-dependencies --python` installs a server")
            return nil
        }
    }()

    static let python = "\(repository)/.venv/s3/bin/python"

    static let repository: String = "/" + #filePath.split(separator: "/").prefix { $0 != "Tests" }.joined(separator: "/")

    private struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    private init() throws {
        if let endpoint = environmentVariable("LEVEE_S3_ENDPOINT") {
            self.endpoint = endpoint
            accessKeyID = environmentVariable("AWS_ACCESS_KEY_ID") ?? ""
            secretAccessKey = environmentVariable("AWS_SECRET_ACCESS_KEY") ?? ""
            (process, server, behind) = (nil, nil, nil)
            return
        }
        let (process, line) = try Self.start("s3_server.py", ["--bucket", bucket])
        let told = try JSON.parse(line)
        endpoint = told["endpoint"]?.stringValue ?? ""
        accessKeyID = told["access_key_id"]?.stringValue ?? ""
        secretAccessKey = told["secret_access_key"]?.stringValue ?? ""
        (self.process, server, behind) = (process, nil, nil)
    }

    /// One that takes any signature, and a proxy before it that makes faults; what is sent to `endpoint` passes the proxy, what is sent to `behind` does not.
    init(faultRate: Double, seed: String) throws {
        let (server, line) = try Self.start("s3_server.py", ["--bucket", bucket, "--unsigned"])
        let upstream = try JSON.parse(line)["endpoint"]?.stringValue ?? ""
        let (proxy, address) = try Self.start("fault_proxy.py", [upstream, "--rate", "\(faultRate)", "--seed", seed])
        endpoint = address.trimmingWhiteSpace
        behind = upstream
        accessKeyID = "AKIAIOSFODNN7EXAMPLE"
        secretAccessKey = "none"
        process = proxy
        self.server = server
    }

    /// Starts a program of the interop tests; returns when it has written its first line. It ends when this process does.
    private static func start(_ script: String, _ arguments: [String]) throws -> (Process, String) {
        guard FileManager.default.isExecutableFile(atPath: python) else { throw Missing(description: "\(python) is not there") }
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = ["\(repository)/Tests/Interop/\(script)"] + arguments
        let output = Pipe()
        process.standardInput = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        var line = Data()
        while !line.contains(10) {
            let piece = output.fileHandleForReading.availableData
            if piece.isEmpty { throw Missing(description: "\(script) did not start") }
            line += piece
        }
        return (process, String(decoding: line, as: UTF8.self))
    }

    func options(_ more: [String: String] = [:]) -> StoreOptions {
        let base = [
            "endpoint": endpoint, "allow_http": "true", "region": "us-east-1", "access_key_id": accessKeyID, "secret_access_key": secretAccessKey,
        ]
        return StoreOptions(base.merging(more) { $1 }, usesAmbientIdentity: false)
    }

    func makeBucket(_ more: [String: String] = [:], policy: RetryPolicy = RetryPolicy()) throws -> S3Bucket {
        try S3Bucket(name: bucket, options: options(more), loop: try HTTPClientLoop(), metrics: MetricsRegistry(), policy: policy)
    }

    /// A store below a prefix of its own.
    func makeStore(_ more: [String: String] = [:], multipart: MultipartRules = MultipartRules(), pageSize: Int = 1000) throws -> S3Store {
        S3Store(bucket: try makeBucket(more), prefix: "tests/\(UUID().uuidString)/", multipart: multipart, pageSize: pageSize)
    }
}

extension Backend {
    static var s3: [Backend] {
        guard let server = S3TestServer.shared else { return [] }
        return [Backend(name: "s3", pageSize: 100) { (try server.makeStore(pageSize: 100), true) }]
    }
}
