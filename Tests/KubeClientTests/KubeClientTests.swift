import Base
import HTTP
import TestSupport
import Testing

@testable import KubeClient

/// What the client sends, and what it makes of answers.
struct KubeClientTests {
    private static let key = ObjectKey(namespace: "ns", name: "a")
    private static let widgets = GroupVersionResource(group: "levee.dev", version: "v1alpha1", resource: "widgets")

    struct Call: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var method: String
        var path: String
        var query: [String: String] = [:]
        var contentType: String?
        var body: JSONValue?
        var run: @Sendable (KubeClient) async throws -> Void
    }

    @Test(arguments: [
        Call(testDescription: "get", method: "GET", path: "/api/v1/namespaces/ns/configmaps/a") { _ = try await $0.get(ConfigMap.self, key) },
        Call(testDescription: "get a cluster-scoped object", method: "GET", path: "/api/v1/namespaces/ns") {
            _ = try await $0.get(Namespace.gvr, ObjectKey(namespace: "", name: "ns"))
        },
        Call(testDescription: "names are escaped", method: "GET", path: "/apis/levee.dev/v1alpha1/namespaces/ns/widgets/a%2Fb") {
            _ = try await $0.get(widgets, ObjectKey(namespace: "ns", name: "a/b"))
        },
        Call(
            testDescription: "create", method: "POST", path: "/api/v1/namespaces/ns/configmaps", query: ["fieldManager": "levee", "dryRun": "All"],
            contentType: "application/json",
            body: ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a", "namespace": "ns", "labels": ["l": "v"]], "data": ["k": "v"]]
        ) {
            try await $0.create(
                ConfigMap(metadata: ObjectMeta(name: "a", namespace: "ns", labels: ["l": "v"]), data: ["k": "v"]), WriteOptions(dryRun: true))
        },
        Call(
            testDescription: "update", method: "PUT", path: "/api/v1/namespaces/ns/configmaps/a", query: ["fieldManager": "m", "fieldValidation": "Strict"],
            contentType: "application/json", body: .configMap("a", version: 7)
        ) {
            try await $0.update(ConfigMap.gvr, Resource(json: .configMap("a", version: 7)), WriteOptions(fieldManager: "m", fieldValidation: .strict))
        },
        Call(
            testDescription: "update a status", method: "PUT", path: "/api/v1/namespaces/ns/configmaps/a/status", query: ["fieldManager": "levee"],
            contentType: "application/json", body: .configMap("a", version: 7)
        ) {
            try await $0.updateStatus(ConfigMap.gvr, Resource(json: .configMap("a", version: 7)))
        },
        Call(
            testDescription: "merge patch", method: "PATCH", path: "/api/v1/namespaces/ns/configmaps/a", query: ["fieldManager": "levee"],
            contentType: "application/merge-patch+json", body: ["data": ["k": .null]]
        ) {
            try await $0.patch(ConfigMap.self, key, .merge(["data": ["k": .null]]))
        },
        Call(
            testDescription: "strategic merge patch", method: "PATCH", path: "/api/v1/namespaces/ns/configmaps/a",
            query: ["fieldManager": "levee", "dryRun": "All", "fieldValidation": "Warn"], contentType: "application/strategic-merge-patch+json",
            body: ["data": ["k": "v"]]
        ) {
            try await $0.patch(ConfigMap.self, key, .strategicMerge(["data": ["k": "v"]]), WriteOptions(dryRun: true, fieldValidation: .warn))
        },
        Call(
            testDescription: "JSON patch of a subresource", method: "PATCH", path: "/api/v1/namespaces/ns/configmaps/a/status",
            query: ["fieldManager": "levee"], contentType: "application/json-patch+json", body: [["op": "remove", "path": "/status"]]
        ) {
            try await $0.patch(ConfigMap.gvr, key, .json([["op": "remove", "path": "/status"]]), subresource: "status")
        },
        Call(
            testDescription: "apply", method: "PATCH", path: "/api/v1/namespaces/ns/configmaps/a", query: ["fieldManager": "levee", "force": "true"],
            contentType: "application/apply-patch+yaml", body: ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a", "namespace": "ns"]]
        ) {
            var object = Resource(json: ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a", "namespace": "ns", "managedFields": []]])
            object.json["metadata"]?["managedFields"] = [["manager": "kubectl"]]
            try await $0.apply(ConfigMap.gvr, object)
        },
        Call(
            testDescription: "apply a status", method: "PATCH", path: "/api/v1/namespaces/ns/configmaps/a/status",
            query: ["fieldManager": "levee", "force": "true"], contentType: "application/apply-patch+yaml",
            body: [
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a", "namespace": "ns", "resourceVersion": "7"], "status": ["phase": "Running"],
            ]
        ) {
            try await $0.applyStatus(ConfigMap.self, key, status: ["phase": "Running"], resourceVersion: "7")
        },
        Call(
            testDescription: "delete", method: "DELETE", path: "/api/v1/namespaces/ns/configmaps/a", contentType: "application/json",
            body: [
                "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground", "gracePeriodSeconds": 5, "preconditions": ["uid": "u"],
            ]
        ) {
            try await $0.delete(ConfigMap.self, key, DeleteOptions(propagation: .foreground, gracePeriodSeconds: 5, uid: "u"))
        },
    ])
    func sends(call: Call) async throws {
        let server = try ScriptedAPIServer { _, _ in .json(.configMap("a", version: 1)) }
        try await call.run(server.client())
        let seen = try #require(server.seen.first)
        #expect(seen.method == call.method)
        #expect(seen.path == call.path)
        #expect(seen.query == call.query)
        #expect(seen.body == call.body)
        #expect(seen.headers["Content-Type"] == call.contentType)
        await server.stop()
    }

    @Test func listsAllPagesAndStartsOverWhenOneHasExpired() async throws {
        let server = try ScriptedAPIServer { request, _ in
            if request.query["continue"] != nil { return .failure(410, "Expired") }
            let isWhole = request.query["limit"] == nil
            return .json(.configMapList([.configMap(isWhole ? "whole" : "part", version: 1)], version: 5, next: isWhole ? nil : "t"))
        }
        let list = try await server.client().listAll(ConfigMap.self, namespace: "ns", ListOptions(labelSelector: "a=b,c", limit: 1))
        #expect(list.items.map(\.metadata.name) == ["whole"])
        #expect(server.seen.allSatisfy { $0.query["labelSelector"] == "a=b,c" })
        await server.stop()
    }

    @Test func readsStatusObjectsAndWhatProxiesSay() async throws {
        let server = try ScriptedAPIServer { request, _ in
            switch request.path.split(separator: "/").last {
            case "conflict": return .failure(409, "Conflict")
            case "exists": return .failure(409, "AlreadyExists")
            case "invalid":
                var status = JSONValue.status(422, "Invalid")
                status["details"] = ["causes": [["field": "spec.schedule", "message": "no cron", "reason": "FieldValueInvalid"]]]
                return .json(status, status: 422)
            case "proxy": return .text("<html>bad gateway</html>", status: 502)
            default: return .text("not JSON")
            }
        }
        let client = try server.client { $0.retry = .never }
        func failure(_ name: String) async -> KubeError? {
            await #expect(throws: KubeError.self) { try await client.get(ConfigMap.self, ObjectKey(namespace: "ns", name: name)) }
        }
        #expect(await failure("conflict")?.isConflict == true)
        let exists = await failure("exists")
        #expect(exists?.isAlreadyExists == true && exists?.isConflict == false)
        #expect(await failure("invalid")?.status?.causes.first?.field == "spec.schedule")
        let proxy = await failure("proxy")
        #expect(proxy?.isRetryable == true && proxy?.description == "GET /api/v1/namespaces/ns/configmaps/proxy: 502 <html>bad gateway</html>")
        guard case .unexpectedResponse = await failure("other") else { return #expect(Bool(false)) }
        await server.stop()
    }

    @Test func repeatsWhatTheServerAsksToRepeat() async throws {
        let clock = ManualClock()
        let server = try ScriptedAPIServer { _, index in
            index < 2 ? .failure(429, "TooManyRequests", headers: ["Retry-After": "7"]) : .json(.configMap("a", version: 1))
        }
        let client = try server.client { $0.clock = clock }
        try await client.create(ConfigMap(metadata: ObjectMeta(name: "a", namespace: "ns")))
        #expect(server.seen.count == 3)
        #expect(clock.slept.count == 2 && clock.slept.allSatisfy { $0 >= .seconds(7) })
        await server.stop()
    }

    struct Retry: Sendable {
        var error: KubeError
        var read: Bool
        var write: Bool
    }

    @Test(arguments: [
        Retry(error: .status(APIStatus(code: 429), request: ""), read: true, write: true),
        Retry(error: .status(APIStatus(code: 503, retryAfter: .seconds(1)), request: ""), read: true, write: true),
        Retry(error: .status(APIStatus(code: 500), request: ""), read: true, write: false),
        Retry(error: .status(APIStatus(code: 404), request: ""), read: false, write: false),
        Retry(error: .status(APIStatus(code: 409, reason: "Conflict"), request: ""), read: false, write: false),
        Retry(error: .transport(.connectionFailed(url: "", reason: "")), read: true, write: true),
        Retry(error: .transport(.interrupted(url: "", reason: "")), read: true, write: false),
        Retry(error: .transport(.timedOut(url: "", reason: "")), read: false, write: false),
        Retry(error: .transport(.cancelled(url: "")), read: false, write: false),
        Retry(error: .unexpectedResponse(request: "", reason: ""), read: false, write: false),
    ])
    func repeatsOnlyWhatDoesNoHarm(row: Retry) {
        let policy = RetryPolicy(maximumAttempts: 3)
        let random = SeededRandomSource(seed: 1)
        #expect((policy.delay(after: row.error, attempt: 1, isRead: true, random: random) != nil) == row.read)
        #expect((policy.delay(after: row.error, attempt: 1, isRead: false, random: random) != nil) == row.write)
        #expect(policy.delay(after: row.error, attempt: 3, isRead: true, random: random) == nil)
    }

    @Test func modifyKeepsWhatTheTypeDoesNotKnowAndRepeatsOnConflict() async throws {
        let server = try ScriptedAPIServer { request, index in
            var object = JSONValue.configMap("a", version: 10 + index, data: ["k": "v\(index)"])
            object["immutable"] = false
            object["extra"] = ["unknown": true]
            return request.method == "PATCH" && index == 1 ? .failure(409, "Conflict") : .json(object)
        }
        try await server.client().modify(ConfigMap.self, Self.key) { $0.metadata.finalizers.append("levee.dev/cleanup") }
        let patches = server.seen.filter { $0.method == "PATCH" }
        #expect(patches.map { $0.body?["metadata"]?["resourceVersion"]?.stringValue } == ["10", "12"])
        #expect(patches.last?.body == ["metadata": ["finalizers": ["levee.dev/cleanup"], "resourceVersion": "12"]])
        let before = server.seen.count
        try await server.client().modify(ConfigMap.self, Self.key) { _ in }
        #expect(server.seen.count == before + 1, "nothing changed, nothing is written")
        await server.stop()
    }

    /// A server that takes one token, and a client that has it from a file.
    private struct TokenSite {
        let directory: TemporaryDirectory
        let valid = Lock("Bearer one")
        let server: ScriptedAPIServer
        let clock = ManualClock()
        let client: KubeClient

        init() throws {
            directory = try TemporaryDirectory()
            try directory.write("token", "one\n")
            server = try ScriptedAPIServer { [valid] request, _ in
                request.headers["Authorization"] == valid.withLock { $0 } ? .json(.configMap("a", version: 1)) : .failure(401, "Unauthorized")
            }
            var options = KubeClient.Options()
            options.clock = clock
            let configuration = KubeConfiguration(server: "http://127.0.0.1:\(server.port)", credentials: .tokenFile(directory.appending("token")))
            client = try KubeClient(configuration: configuration, options: options)
        }

        func renew(_ token: String) throws {
            try directory.write("token", token)
            valid.withLock { $0 = "Bearer \(token)" }
        }
    }

    @Test func takesUpARenewedTokenAfterAMinuteOrARefusal() async throws {
        let site = try TokenSite()
        let (server, client) = (site.server, site.client)
        _ = try await client.get(ConfigMap.self, Self.key)

        try site.renew("two")
        _ = try await client.get(ConfigMap.self, Self.key)
        #expect(server.seen.map { $0.headers["Authorization"] } == ["Bearer one", "Bearer one", "Bearer two"], "a refusal reads the file again")

        try site.renew("three")
        site.clock.advance(by: .seconds(61))
        _ = try await client.get(ConfigMap.self, Self.key)
        #expect(server.seen.count == 4, "a minute reads the file again")

        site.valid.withLock { $0 = "Bearer four" }
        await #expect(throws: KubeError.self) { try await client.get(ConfigMap.self, Self.key) }
        #expect(server.seen.count == 6, "a second refusal is final")
        await server.stop()
    }

    @Test func takesUpARenewedClientCertificate() async throws {
        let (first, second) = (try TestCertificates(organization: "first"), try TestCertificates(organization: "second"))
        let directory = try TemporaryDirectory()
        try directory.write("tls.crt", first.clientCertificate.text)
        try directory.write("tls.key", first.clientKey.text)
        var options = HTTPServer.Options()
        options.tls = ServerTLS(certificatePEM: first.serverCertificate, keyPEM: first.serverKey, clientAuthoritiesPEM: first.authority)
        let server = try HTTPServer(options: options) { _ in .json(.configMap("a", version: 1)) }
        let clock = ManualClock()
        var clientOptions = KubeClient.Options()
        clientOptions.clock = clock
        var configuration = KubeConfiguration(server: "https://127.0.0.1:\(server.port)")
        configuration.certificateAuthority = .inline(first.authority)
        configuration.clientCertificate = .file(directory.appending("tls.crt"))
        configuration.clientKey = .file(directory.appending("tls.key"))
        let client = try KubeClient(configuration: configuration, options: clientOptions)
        _ = try await client.get(ConfigMap.self, Self.key)
        // A pair that does not fit is noticed on the next connection, which shows that the files were read.
        try directory.write("tls.crt", second.clientCertificate.text)
        _ = try await client.get(ConfigMap.self, Self.key)
        clock.advance(by: .seconds(61))
        let error = await #expect(throws: KubeError.self) { try await client.get(ConfigMap.self, Self.key) }
        guard case .transport(.tlsFailed) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        try directory.write("tls.crt", first.clientCertificate.text)
        clock.advance(by: .seconds(61))
        _ = try await client.get(ConfigMap.self, Self.key)
        await server.stop()
    }

    @Test(
        arguments: [
            ("7", Duration.seconds(7)), ("Tue, 14 Nov 2023 22:13:50 GMT", .seconds(30)), ("Tue, 14 Nov 2023 22:13:10 GMT", nil), ("86400", .seconds(300)),
            ("Wed, 14 Nov 2040 22:13:10 GMT", .seconds(300)), ("-5", nil), ("soon", nil), ("99999999999999999999", nil),
        ] as [(String, Duration?)])
    func waitsForSecondsOrUntilADate(header: String, expected: Duration?) {
        // ManualClock's start: 22:13:20.
        let response = HTTPResponse(status: 429, headers: ["Retry-After": header], body: .empty)
        #expect(KubeError.fromResponse(response, request: "", now: ManualClock().now()).retryAfter == expected)
    }

    @Test func conflictsAreTriedAgainAfterAPause() async throws {
        let clock = ManualClock()
        let server = try ScriptedAPIServer { request, index in
            request.method == "PUT" && index < 4 ? .failure(409, "Conflict") : .json(.configMap("a", version: 10 + index))
        }
        let client = try server.client { $0.clock = clock }
        let written = try await client.retryingConflicts { () throws(KubeError) in
            let read = try await client.get(ConfigMap.gvr, Self.key)
            return try await client.update(ConfigMap.gvr, read)
        }
        #expect(written.resourceVersion == "15" && server.seen.map(\.method) == ["GET", "PUT", "GET", "PUT", "GET", "PUT"])
        #expect(clock.slept.count == 2 && clock.slept.allSatisfy { $0 >= .milliseconds(10) && $0 <= .milliseconds(20) })
        await #expect(throws: KubeError.self) {
            try await client.retryingConflicts(attempts: 3) { () throws(KubeError) in throw .status(APIStatus(code: 409, reason: "Conflict"), request: "") }
        }
        #expect(clock.slept.count == 4)
        await server.stop()
    }

    /// The date of the machine is set back and forth: nobody waits for it.
    @Test func clockJumpsDoNoHarm() async throws {
        let site = try TokenSite()
        let (server, client, clock) = (site.server, site.client, site.clock)
        var expected = 0
        for (token, jump) in [("one", Duration.zero), ("two", .seconds(-86_400)), ("three", .seconds(400_000)), ("four", .seconds(-400_000))] {
            try site.renew(token)
            clock.advance(by: jump)
            _ = try await client.get(ConfigMap.self, Self.key)
            expected += 1
            #expect(server.seen.count == expected, "\(token): the file is read again, not only after a refusal")
        }
        let registry = MetricsRegistry()
        let queue = WorkQueue<String>(clock: clock, random: SeededRandomSource(seed: 1), metrics: WorkQueueMetrics(registry: registry, name: "q"))
        queue.add("a")
        clock.advance(by: .seconds(-1000))
        let key = await queue.next()
        clock.advance(by: .seconds(-1000))
        queue.report()
        queue.done(key ?? "")
        #expect(!registry.render().contains(" -"), "no time is negative")
        await server.stop()
    }

    @Test func readsLogsLineByLine() async throws {
        let server = try ScriptedAPIServer { _, _ in .pieces([Bytes("one\ntw"), Bytes("o\n\nlast")]) }
        let options = LogOptions(container: "worker", follow: true, tailLines: 5)
        var lines: [String] = []
        for try await line in try await server.client().logs(Self.key, options) { lines.append(line) }
        #expect(lines == ["one", "two", "", "last"])
        #expect(server.seen.first?.path == "/api/v1/namespaces/ns/pods/a/log")
        #expect(server.seen.first?.query == ["container": "worker", "follow": "true", "tailLines": "5"])
        await server.stop()
    }

    @Test func cancellingEndsAnEndlessLog() async throws {
        let server = try ScriptedAPIServer { _, _ in .pieces([Bytes("one\n")], staysOpen: true) }
        let client = try server.client()
        let count = Lock(0)
        let reader = Task {
            for try await _ in try await client.logs(Self.key) { count.withLock { $0 += 1 } }
        }
        await eventually("a line has come") { count.withLock { $0 } == 1 }
        reader.cancel()
        let error = await #expect(throws: KubeError.self) { try await reader.value }
        #expect(error?.isCancelled == true)
        await server.stop()
    }

    @Test func findsKindsByDiscovery() async throws {
        let server = try ScriptedAPIServer { request, _ in
            guard request.path == "/apis/levee.dev/v1alpha1" else { return .failure(404, "NotFound") }
            return .json([
                "kind": "APIResourceList",
                "resources": [
                    ["name": "deltatables", "kind": "DeltaTable", "namespaced": true, "verbs": ["get"]],
                    ["name": "deltatables/status", "kind": "DeltaTable", "namespaced": true, "verbs": ["get"]],
                ],
            ])
        }
        let client = try server.client()
        let found = try await client.resource(apiVersion: "levee.dev/v1alpha1", kind: "DeltaTable")
        #expect(found.gvr.resource == "deltatables" && found.isNamespaced)
        await #expect(throws: KubeError.unknownKind(apiVersion: "levee.dev/v1alpha1", kind: "Other")) {
            try await client.resource(apiVersion: "levee.dev/v1alpha1", kind: "Other")
        }
        await #expect(throws: KubeError.unknownKind(apiVersion: "gone/v1", kind: "Other")) { try await client.resource(apiVersion: "gone/v1", kind: "Other") }
        await server.stop()
    }
}
