import Base
import Foundation
import HTTP
import TestSupport
import Testing

/// HTTP/2 against a server of another make; libmicrohttpd speaks 1.1 only.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/sbin/nghttpd"), "needs nghttpd (Debian's nghttp2-server)"))
struct HTTP2Tests {
    /// nghttpd serving one directory; its log names every connection.
    private final class Server {
        let directory: TemporaryDirectory
        let certificates: TestCertificates
        let port: Int
        private let process = Process()

        init() async throws {
            directory = try TemporaryDirectory()
            certificates = try TestCertificates()
            try directory.write("key", certificates.serverKey.text)
            try directory.write("certificate", certificates.serverCertificate.text)
            // A port that was free a moment ago.
            let probe = try HTTPServer { _ in .text("") }
            port = probe.port
            await probe.stop()
            let log = directory.appending("log")
            try directory.write("log", "")
            process.executableURL = URL(filePath: "/usr/sbin/nghttpd")
            process.arguments = [
                "-v", "-a", "127.0.0.1", "-d", directory.path, "\(port)", directory.appending("key"), directory.appending("certificate"),
            ]
            process.standardOutput = FileHandle(forWritingAtPath: log)
            process.standardError = FileHandle.nullDevice
            try process.run()
        }

        deinit { process.terminate() }

        /// How many connections the server has seen.
        var connections: Int {
            let log = (try? String(contentsOfFile: directory.appending("log"), encoding: .utf8)) ?? ""
            return Set(log.matches(of: /\[id=(\d+)\]/).map(\.1)).count
        }

        func client() throws -> HTTPClient {
            var configuration = HTTPClientConfiguration()
            configuration.http2 = true
            configuration.tls = TLSConfiguration(caPEM: certificates.authority)
            return try HTTPClient(configuration: configuration)
        }

        /// Waits until it accepts connections.
        func ready(_ client: HTTPClient) async throws {
            for _ in 0..<200 {
                if await client.failure(HTTPRequest(url: "https://127.0.0.1:\(port)/log")) == nil { return }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test func manyRequestsShareOneConnection() async throws {
        let server = try await Server()
        try server.directory.write("hello", "hello")
        let client = try server.client()
        try await server.ready(client)
        let before = server.connections
        let url = "https://127.0.0.1:\(server.port)/hello"
        try await withThrowingTaskGroup { group in
            // nghttpd takes a hundred streams on one connection.
            for _ in 0..<60 {
                group.addTask {
                    for _ in 0..<5 {
                        let response = try await client.execute(HTTPRequest(url: url))
                        #expect(response.status == 200 && response.body.text == "hello")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(server.connections - before <= 1, "\(server.connections) connections, \(before) of them while it started")
    }

    @Test func aPausedStreamDoesNotHoldTheOthersUp() async throws {
        let server = try await Server()
        // More than what a paused HTTP/2 stream buffers.
        let size = 48 << 20
        try server.directory.write("large", String(repeating: String(repeating: "x", count: 1 << 16), count: size >> 16))
        try server.directory.write("small", "small")
        let client = try server.client()
        try await server.ready(client)
        let large = try await client.stream(HTTPRequest(url: "https://127.0.0.1:\(server.port)/large"))
        var read = try await large.body.next()?.count ?? 0
        for _ in 0..<20 {
            #expect(try await client.execute(HTTPRequest(url: "https://127.0.0.1:\(server.port)/small", timeout: .seconds(10))).body.text == "small")
        }
        while let piece = try await large.body.next() { read += piece.count }
        #expect(read == size)
    }
}
