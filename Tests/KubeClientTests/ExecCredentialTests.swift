import Base
import HTTP
import TestSupport
import Testing

@testable import KubeClient

/// Credentials that a program gives.
@Suite struct ExecCredentialTests {
    private static let version = "client.authentication.k8s.io/v1"

    private static func plugin(_ command: String, _ arguments: [String] = []) -> ExecPlugin {
        ExecPlugin(apiVersion: version, command: command, arguments: arguments, installHint: "get it from example.org", source: "/etc/kubeconfig")
    }

    /// A program that runs a few lines of shell.
    private static func shell(_ script: String) -> ExecPlugin { plugin("sh", ["-c", script, "plugin"]) }

    private static func answer(_ status: String, version: String = version, kind: String = "ExecCredential") -> String {
        #"{"apiVersion":"\#(version)","kind":"\#(kind)","status":\#(status)}"#
    }

    private static func run(_ plugin: ExecPlugin, timeout: Duration = .seconds(20), environment: [String: String] = ProcessEnvironment.current) throws
        -> ExecCredential
    {
        try ExecCredential(try PluginProcess(plugin: plugin, environment: environment, timeout: timeout).run(), of: plugin)
    }

    // MARK: - The program

    @Test func whatItWritesIsRead() throws {
        let token = try Self.run(Self.shell("echo '\(Self.answer(#"{"token":"t","expirationTimestamp":"2026-01-01T00:00:00Z"}"#))'"))
        #expect(token.token == "t" && token.certificate == nil && token.expires == Timestamp(rfc3339: "2026-01-01T00:00:00Z"))
        let certificate = try Self.run(Self.shell("echo '\(Self.answer(#"{"clientCertificateData":"c","clientKeyData":"k"}"#))'"))
        #expect(certificate.token == nil && certificate.certificate == Bytes("c") && certificate.key == Bytes("k") && certificate.expires == nil)
        #expect(!"\(token)\(certificate)".contains("t\"") && "\(certificate)" == "credentials")
    }

    @Test func itKnowsWhatIsAskedAndItsVariables() throws {
        var plugin = Self.shell(
            #"printf '{"apiVersion":"%s","kind":"ExecCredential","status":{"token":"%s %s"}}' "$V" "$(echo "$KUBERNETES_EXEC_INFO" | tr '"' "'")" "$(cat | wc -c)""#
        )
        plugin.environment = [.init(name: "V", value: Self.version)]
        plugin.cluster = ["server": "https://api"]
        let token = try Self.run(plugin).token
        #expect(
            token
                == "{'apiVersion':'client.authentication.k8s.io/v1','kind':'ExecCredential','spec':{'interactive':false,'cluster':{'server':'https://api'}}} 0")
    }

    struct Failing: Sendable, CustomTestStringConvertible {
        let script: String
        let says: String
        var testDescription: String { says }
    }

    @Test(arguments: [
        Failing(script: "exit 3", says: "ended with code 3"),
        Failing(script: "kill -9 $$", says: "was ended by signal 9"),
        Failing(script: "echo '{'", says: "no JSON"),
        Failing(script: "true", says: "no JSON"),
        Failing(script: "echo '\(answer(#"{"token":"t"}"#, version: "client.authentication.k8s.io/v1beta1"))'", says: "v1beta1 instead of"),
        Failing(script: "echo '\(answer(#"{"token":"t"}"#, kind: "Pod"))'", says: "a Pod of"),
        Failing(script: "echo '\(answer("{}"))'", says: "neither a token nor a client certificate"),
        Failing(script: "echo '\(answer(#"{"clientCertificateData":"c"}"#))'", says: "without its key"),
        Failing(script: "echo '\(answer(#"{"token":"t","expirationTimestamp":"soon"}"#))'", says: "`soon`"),
        Failing(script: "head -c 2000000 /dev/zero", says: "more than 1048576 bytes"),
    ])
    func whatGoesWrongIsSaidWithTheHint(failing: Failing) throws {
        let error = #expect(throws: KubeError.self) { try Self.run(Self.shell(failing.script)) }
        let text = error?.description ?? ""
        #expect(
            text.contains(failing.says) && text.contains("/etc/kubeconfig: sh was to give credentials") && text.hasSuffix("get it from example.org"), "\(text)")
    }

    @Test(arguments: ["levee-no-such-program", "/levee/no/such/program"])
    func aProgramThatIsNotThereIsSaid(command: String) throws {
        let error = #expect(throws: KubeError.self) { try Self.run(Self.plugin(command)) }
        #expect(error?.description.contains("\(command) was to give credentials and is not to be found\nget it from example.org") == true)
    }

    /// With what it started.
    @Test(arguments: ["sleep 600", "sleep 600 & exec >&-; wait", "sleep 600 & exit 0"])
    func aProgramThatDoesNotEndIsEnded(script: String) throws {
        let start = ContinuousClock.now
        let error = #expect(throws: KubeError.self) { try Self.run(Self.shell(script), timeout: .milliseconds(300)) }
        #expect(error?.description.contains("did not end within") == true, "\(String(describing: error))")
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    // MARK: - When it is asked

    private static func credential(_ token: String, expires: Timestamp? = nil) throws -> ExecCredential {
        let expiry = expires.map { #","expirationTimestamp":"\#($0.rfc3339Seconds)""# } ?? ""
        return try ExecCredential(Bytes(answer(#"{"token":"\#(token)"\#(expiry)}"#)), of: plugin("x"))
    }

    @Test func itIsAskedOnceUntilItsAnswerExpires() async throws {
        let clock = ManualClock()
        let runs = Lock(0)
        let credentials = ExecCredentials(clock: clock) {
            let run = runs.withLock { runs in
                runs += 1
                return runs
            }
            try await Task.sleep(for: .milliseconds(20))
            return try Self.credential("t\(run)", expires: clock.now() + .seconds(60))
        }
        let tokens = try await withThrowingTaskGroup { group in
            for _ in 0..<20 { group.addTask { try await credentials.current().token } }
            return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
        }
        #expect(tokens == ["t1"] && runs.withLock { $0 } == 1)
        clock.advance(by: .seconds(50))
        #expect(try await credentials.current().token == "t1")
        clock.advance(by: .seconds(11))
        #expect(try await credentials.current().token == "t2")
        // What the server refuses is asked for anew; what was replaced meanwhile is not.
        let refused = try await credentials.current()
        credentials.forget(refused)
        #expect(try await credentials.current().token == "t3")
        credentials.forget(refused)
        #expect(try await credentials.current().token == "t3" && runs.withLock { $0 } == 3)
    }

    @Test func aFailureIsNotKept() async throws {
        let fails = Lock(true)
        let credentials = ExecCredentials(clock: ManualClock()) {
            if fails.withLock({ $0 }) { throw Self.plugin("x").failure("failed") }
            return try Self.credential("t")
        }
        await #expect(throws: KubeError.self) { try await credentials.current() }
        fails.withLock { $0 = false }
        #expect(try await credentials.current().token == "t")
    }

    // MARK: - On the wire

    /// The first token is refused, so that the program is asked once more.
    @Test func requestsCarryTheTokenAndA401AsksAnew() async throws {
        let server = try ScriptedAPIServer { seen, _ in
            seen.headers["Authorization"] == "Bearer t2" ? .json(.configMap("a", version: 1)) : .failure(401, "Unauthorized")
        }
        let directory = try TemporaryDirectory()
        let script = "n=$(($(cat \(directory.path)/n 2>/dev/null || echo 0)+1)); echo $n > \(directory.path)/n; echo '\(Self.answer(#"{"token":"t'$n'"}"#))'"
        var configuration = KubeConfiguration(server: "http://127.0.0.1:\(server.port)", credentials: .exec(Self.shell(script)))
        configuration.impersonation = Impersonation(user: "jane", uid: "7", groups: ["a", "b"], extra: ["example.org/scope": ["x", "y"]])
        let client = try KubeClient(configuration: configuration)
        for _ in 0..<3 { _ = try await client.get(ConfigMap.self, ObjectKey(namespace: "ns", name: "a")) }
        #expect(server.seen.map { $0.headers["Authorization"] } == ["Bearer t1", "Bearer t2", "Bearer t2", "Bearer t2"])
        let headers = try #require(server.seen.last).headers
        #expect(headers["Impersonate-User"] == "jane" && headers["Impersonate-Uid"] == "7" && headers.values("Impersonate-Group") == ["a", "b"])
        #expect(headers.values("Impersonate-Extra-example.org%2Fscope") == ["x", "y"])
        await server.stop()
    }
}
