import Base
import HTTP
import Testing

@testable import KubeClient

/// What a Lease is on the wire.
@Suite struct ClusterLeaseTests {
    private static let key = ObjectKey(namespace: "levee", name: "levee-operator")
    private static let object: JSONValue = [
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": ["name": "levee-operator", "namespace": "levee", "resourceVersion": "7", "uid": "u", "annotations": ["note": "keep"]],
        "spec": ["holderIdentity": "other", "leaseDurationSeconds": 15, "leaseTransitions": 2, "strategy": "OldestEmulationVersion"],
    ]

    private func spec(_ holder: String) -> Lease.Spec {
        var spec = ElectionMachineTests.lease(holder)
        spec.leaseTransitions = 3
        return spec
    }

    @Test func itIsMadeWhereThereIsNone() async throws {
        let server = try ScriptedAPIServer { seen, _ in seen.method == "GET" ? .failure(404, "NotFound") : .json(seen.body ?? [:], status: 201) }
        let lease = ClusterLease(client: try server.client(), key: Self.key)
        #expect(await lease.send(.read) == .missing)
        #expect(await lease.send(.create(spec("me"))) == .accepted(spec("me")))
        #expect(server.seen.map(\.method) == ["GET", "POST"])
        #expect(server.seen.last?.path == "/apis/coordination.k8s.io/v1/namespaces/levee/leases")
        #expect(server.seen.last?.body?["spec"]?["renewTime"]?.stringValue == "2023-11-14T22:13:20.000000Z")
        await server.stop()
    }

    @Test func anUpdateIsOfWhatWasReadAndKeepsWhatItDoesNotKnow() async throws {
        let server = try ScriptedAPIServer { seen, _ in .json(seen.method == "GET" ? Self.object : seen.body ?? [:]) }
        let lease = ClusterLease(client: try server.client(), key: Self.key)
        guard case let .found(found) = await lease.send(.read) else { return #expect(Bool(false)) }
        #expect(found.holderIdentity == "other" && found.leaseTransitions == 2)
        #expect(lease.reference.uid == "u")
        #expect(await lease.send(.update(spec("me"))) == .accepted(spec("me")))
        let put = try #require(server.seen.last)
        #expect(put.method == "PUT" && put.path.hasSuffix("/leases/levee-operator"))
        #expect(put.body?["metadata"]?["resourceVersion"] == "7" && put.body?["metadata"]?["annotations"]?["note"] == "keep")
        #expect(put.body?["spec"]?["strategy"] == "OldestEmulationVersion" && put.body?["spec"]?["holderIdentity"] == "me")
        await server.stop()
    }

    @Test(arguments: [(409, "Conflict", true), (409, "AlreadyExists", true), (404, "NotFound", true), (403, "Forbidden", false), (500, "InternalError", false)])
    func refusalsAreToldApart(code: Int, reason: String, isConflict: Bool) async throws {
        let server = try ScriptedAPIServer { seen, _ in seen.method == "GET" ? .json(Self.object) : .failure(code, reason) }
        let lease = ClusterLease(client: try server.client { $0.retry = .never }, key: Self.key)
        _ = await lease.send(.read)
        for request in [ElectionMachine.Request.update(spec("me")), .create(spec("me"))] {
            let answer = await lease.send(request)
            if isConflict {
                #expect(answer == .conflict)
            } else if case .failed(let text) = answer {
                #expect(text.contains(reason))
            } else {
                #expect(Bool(false))
            }
        }
        await server.stop()
    }

    /// The last look before a request goes out.
    @Test func whoDoesNotLeadWritesNothing() async throws {
        let server = try ScriptedAPIServer { _, _ in .json(.configMap("a", version: 1)) }
        let leads = Lock(false)
        let client = try server.client { $0.mayWrite = { leads.withLock { $0 } } }
        let key = ObjectKey(namespace: "ns", name: "a")
        _ = try await client.get(ConfigMap.self, key)
        let writes: [@Sendable () async throws -> Void] = [
            { try await client.create(ConfigMap(metadata: ObjectMeta(name: "a", namespace: "ns"))) },
            { try await client.patch(ConfigMap.self, key, .merge(["data": ["k": "v"]])) },
            { try await client.apply(ConfigMap(metadata: ObjectMeta(name: "a", namespace: "ns"))) },
            { try await client.delete(ConfigMap.self, key) },
        ]
        for write in writes {
            let error = await #expect(throws: KubeError.self) { try await write() }
            #expect(error?.isCancelled == true && error?.isRetryable == false)
        }
        #expect(server.seen.map(\.method) == ["GET"])
        leads.withLock { $0 = true }
        for write in writes { try await write() }
        #expect(server.seen.map(\.method) == ["GET", "POST", "PATCH", "PATCH", "DELETE"])
        await server.stop()
    }
}
