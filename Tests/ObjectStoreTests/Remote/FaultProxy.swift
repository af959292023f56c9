import Base
import Foundation
import HTTP
import TestSupport

@testable import ObjectStore

/// `Tests/Interop/fault_proxy.py` before a store's server, as a process that ends with this one.
final class FaultProxy: Sendable {
    let endpoint: String
    private let process: Process
    /// Held open: the proxy ends when it closes.
    private let input = Pipe()

    static let seed = environmentVariable("LEVEE_SEED") ?? "20261121"
    static let isSoak = environmentVariable("LEVEE_SOAK") == "1"

    private struct Failed: Error {}

    init(upstream: String, rate: Double, seed: String = FaultProxy.seed) throws {
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "\(S3TestServer.repository)/Tests/Interop/fault_proxy.py", upstream, "--rate", "\(rate)", "--seed", seed]
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while !line.contains(10) {
            let piece = output.fileHandleForReading.availableData
            if piece.isEmpty { throw Failed() }
            line += piece
        }
        endpoint = String(decoding: line, as: UTF8.self).trimmingWhiteSpace
    }

    deinit { process.terminate() }

    /// What a run met, for its record.
    static func counts(_ endpoint: String) async throws -> String {
        try await HTTPClient().execute(HTTPRequest(url: "\(endpoint)/-/counts")).body.text
    }
}
