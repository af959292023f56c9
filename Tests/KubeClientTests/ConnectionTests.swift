import Base
import HTTP
import TestSupport
import Testing

@testable import KubeClient

/// The way to the server: proxies, certificates, packed answers, and servers that fall silent.
struct ConnectionTests {
    private static let key = ObjectKey(namespace: "ns", name: "a")

    struct Proxied: Sendable {
        var server: String
        var scheme: String
        var seen: [String]
        var succeeds = true
    }

    @Test(arguments: [
        Proxied(server: "http://api.test:8080", scheme: "http", seen: ["GET http://api.test:8080/api/v1/namespaces/ns/configmaps/a HTTP/1.1"]),
        Proxied(server: "https://api.test:6443", scheme: "http", seen: ["CONNECT api.test:6443 HTTP/1.1"], succeeds: false),
        // The proxy looks the name up.
        Proxied(server: "http://api.test:8080", scheme: "socks5", seen: ["socks api.test:8080", "GET /api/v1/namespaces/ns/configmaps/a HTTP/1.1"]),
    ])
    func goesThroughTheClustersProxy(_ row: Proxied) async throws {
        let proxy = try ScriptedProxy()
        var configuration = KubeConfiguration(server: row.server)
        configuration.proxyURL = "\(row.scheme)://127.0.0.1:\(proxy.port)"
        var options = KubeClient.Options()
        options.retry = .never
        let client = try KubeClient(configuration: configuration, options: options)
        let found = try? await client.get(ConfigMap.self, Self.key)
        #expect((found != nil) == row.succeeds)
        #expect(proxy.seen == row.seen)
        proxy.stop()
    }

    @Test(
        arguments: [
            ("https://api.example:6443", nil, .environment), ("https://127.0.0.1:6443", nil, .direct), ("https://localhost", nil, .direct),
            ("https://[::1]:6443", nil, .direct), ("https://127.example:6443", nil, .environment), ("https://[fd00::1]:6443", nil, .environment),
            ("https://localhost", "http://p:3128", .url("http://p:3128", bypass: "")), ("https://api", "socks5://p:1080", .url("socks5h://p:1080", bypass: "")),
        ] as [(String, String?, HTTPClientConfiguration.Proxy)])
    func choosesTheProxyAsGoDoes(server: String, url: String?, proxy: HTTPClientConfiguration.Proxy) {
        var configuration = KubeConfiguration(server: server)
        configuration.proxyURL = url
        #expect(configuration.proxy == proxy)
    }

    @Test func readsPackedAnswers() async throws {
        let packed = try #require(
            Base64.decode(
                "H4sIAAAAAAACA0WMvQ6AIAyE3+VmF1ZWZ1f3RqohxEIouhje3TIYt7vvfh5QiStXjVngcTtMSFGC6TnLHo+FiqGTGwVqBP9A6GSL"
                    + "yfCQWmgbXtRAZc1X3fh/dOgTvmkyYPXEAb2/5qr+zXsAAAA="))
        let server = try ScriptedAPIServer { request, _ in
            #expect(request.headers["Accept-Encoding"] == "gzip")
            return ServerResponse(status: 200, headers: ["Content-Type": "application/json", "Content-Encoding": "gzip"], body: .bytes(packed))
        }
        #expect(try await server.client().get(ConfigMap.self, Self.key).data == ["k": "packed"])
        await server.stop()
    }

    /// Both are in their files before the first request that needs them; none fails.
    @Test func rotatedCertificatesAreTakenUpWhenTheOldOnesFail() async throws {
        let (first, second) = (try TestCertificates(organization: "first"), try TestCertificates(organization: "second"))
        let directory = try TemporaryDirectory()
        func install(_ certificates: TestCertificates) throws {
            for (name, content) in [("ca.crt", certificates.authority), ("tls.crt", certificates.clientCertificate), ("tls.key", certificates.clientKey)] {
                try directory.write(name, content.text)
            }
        }
        func serve(_ certificates: TestCertificates, port: Int = 0) throws -> HTTPServer {
            var options = HTTPServer.Options()
            options.tls = ServerTLS(
                certificatePEM: certificates.serverCertificate, keyPEM: certificates.serverKey, clientAuthoritiesPEM: certificates.authority)
            options.stopGracePeriod = .zero
            return try HTTPServer(port: port, options: options) { _ in .json(.configMap("a", version: 1)) }
        }
        try install(first)
        let server = try serve(first)
        var configuration = KubeConfiguration(server: "https://127.0.0.1:\(server.port)")
        configuration.certificateAuthority = .file(directory.appending("ca.crt"))
        configuration.clientCertificate = .file(directory.appending("tls.crt"))
        configuration.clientKey = .file(directory.appending("tls.key"))
        var options = KubeClient.Options()
        // No time passes: only the failure can have made it read the files.
        options.clock = SteppedClock()
        options.retry = .never
        let client = try KubeClient(configuration: configuration, options: options)
        _ = try await client.get(ConfigMap.self, Self.key)
        let port = server.port
        await server.stop()
        let renewed = try serve(second, port: port)
        try install(second)
        _ = try await client.get(ConfigMap.self, Self.key)
        await renewed.stop()
    }

    // MARK: - Silence

    /// A stepped clock where time is counted.
    private struct Elapsed: ElapsedClock {
        let clock: SteppedClock

        func elapsed() -> Duration { clock.now() - Timestamp(microseconds: 1_700_000_000_000_000) }
        func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }
    }

    private func watch(
        _ server: ScriptedAPIServer, _ clock: SteppedClock, _ body: (WatchStream) async throws -> Void
    ) async throws {
        let client = try server.client { $0.livenessCheck = LivenessCheck(clock: Elapsed(clock: clock)) }
        let stream = try await client.watch(ConfigMap.gvr)
        await eventually("the check waits") { clock.sleepers(within: .seconds(30)) == 1 }
        try await body(stream)
        await server.stop()
    }

    @Test func aServerThatAnswersIsLeftInPeace() async throws {
        let server = try ScriptedAPIServer { request, _ in request.isWatch ? .events([], staysOpen: true) : .json(["major": "1"]) }
        let clock = SteppedClock()
        try await watch(server, clock) { stream in
            for round in 1...2 {
                // Silent for one interval, and for the next.
                clock.advance(by: .seconds(30))
                await eventually("it waits again") { clock.sleepers(within: .seconds(30)) == 1 }
                clock.advance(by: .seconds(30))
                await eventually("the server is asked") { server.seen.count { $0.path == "/version" } == round }
                await eventually("it waits again, for no answer") { clock.sleepers == 1 && clock.sleepers(within: .seconds(15)) == 0 }
            }
            #expect(server.seen.count { $0.isWatch } == 1)
            stream.cancel()
        }
    }

    @Test func aServerThatHasFallenSilentIsGivenUp() async throws {
        let server = try ScriptedAPIServer { request, _ in
            if request.path == "/version" { try? await Task.sleep(for: .seconds(60)) }
            return .events([], staysOpen: true)
        }
        let clock = SteppedClock()
        try await watch(server, clock) { stream in
            let reader = Task { try await stream.next() }
            clock.advance(by: .seconds(30))
            await eventually("it waits again") { clock.sleepers(within: .seconds(30)) == 1 }
            clock.advance(by: .seconds(30))
            await eventually("the server is asked") { server.seen.count { $0.path == "/version" } == 1 }
            await eventually("the answer is waited for") { clock.sleepers(within: .seconds(15)) == 1 }
            clock.advance(by: .seconds(15))
            let error = await #expect(throws: KubeError.self) { try await reader.value }
            guard case .transport(.interrupted) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        }
    }

    @Test func aRequestThatHearsNothingGivesItsConnectionUp() async throws {
        let server = try ScriptedAPIServer { request, index in
            if request.isWatch { return .events([], staysOpen: true) }
            if index == 1 { try? await Task.sleep(for: .seconds(60)) }
            return .json(.configMap("a", version: 1))
        }
        let client = try server.client {
            $0.requestTimeout = .milliseconds(300)
            $0.livenessCheck = nil
        }
        let stream = try await client.watch(ConfigMap.gvr)
        let reader = Task { try await stream.next() }
        await #expect(throws: KubeError.self) { try await client.get(ConfigMap.self, Self.key) }
        await #expect(throws: KubeError.self, "the watch was on a connection of that time") { try await reader.value }
        await server.stop()
    }
}
