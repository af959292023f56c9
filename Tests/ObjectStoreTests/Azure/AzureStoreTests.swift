import Base
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// What Azure's backend does beyond what every store does, against the test server. One after the other: faults are set for the whole server.
@Suite(.serialized, .enabled(if: StoreServer.isAvailable)) struct AzureStoreTests {
    private func server() throws -> StoreServer { try AzureBackend.flat.get() }

    @Test func allWaysInLeadIn() async throws {
        let server = try server()
        let directory = try TemporaryDirectory()
        try directory.write("token", "a federated token\n")
        let client = [
            "account_key": "", "tenant_id": server.fact("tenant"), "client_id": server.fact("client"), "authority_host": server.fact("authority") + "/",
        ]
        let ways = [
            "secret": client.merging(["client_secret": server.fact("secret")]) { $1 },
            "workload": client.merging(["azure_federated_token_file": directory.appending("token")]) { $1 },
            "managed": ["account_key": "", "account-key": "", "msi_endpoint": server.fact("metadata")],
            "sas": ["account-key": "", "sas-token": "?" + server.fact("sas")],
        ]
        for (name, way) in ways {
            let store = try AzureBackend.store(server, way.merging(["account-key": ""]) { $1 })
            let paths = try ["x y", "z/ü", "z/+&="].map { try ObjectPath($0) }
            for path in paths { try await store.put(path, Bytes(name), mode: .ifAbsent) }
            #expect(try await store.get(paths[1]).text == name)
            #expect(try await store.list(prefix: "z/", startAfter: nil).all().count == 2, "\(name)")
            #expect(try await store.delete(paths).isEmpty, "\(name)")
            #expect(try await store.list(prefix: "", startAfter: nil).all().isEmpty)
        }
        let wrong = [
            client.merging(["client_secret": "wrong"]) { $1 }, ["account-key": "d3Jvbmc="],
            ["account-key": "", "sas-token": server.fact("sas").replacing("sp=", with: "sp=r")],
        ]
        for way in wrong {
            let store = try AzureBackend.store(server, ["account-key": ""].merging(way) { $1 })
            do {
                try await store.put(try ObjectPath("x"), Bytes("1"), mode: .ifAbsent)
                Issue.record("let in")
            } catch let error as ObjectStoreError {
                guard case .invalidCredentials = error else { throw error }
                let shown = "\(error)"
                for secret in way.values
                where secret.count > 4 && secret != server.fact("tenant") && secret != server.fact("client") && !secret.hasPrefix("http") {
                    #expect(!shown.contains(secret))
                }
            }
        }
    }

    @Test func tokensThatTheServerForgotAreRenewed() async throws {
        let server = try server()
        let way = [
            "account-key": "", "tenant_id": server.fact("tenant"), "client_id": server.fact("client"), "authority_host": server.fact("authority"),
            "client_secret": server.fact("secret"),
        ]
        let store = try AzureBackend.store(server, way)
        try await store.put(try ObjectPath("x"), Bytes("1"), mode: .ifAbsent)
        try await server.control("revoke", [:], at: server.fact("authority"))
        #expect(try await store.get(try ObjectPath("x")).text == "1")
    }

    /// A secret as Kubernetes mounts it, with the keys of the vendor's own CSI driver: another key in its files is used as soon as the old one is refused.
    @Test func aRotatedSecretTakesEffect() async throws {
        let server = try StoreServer("azure")
        let directory = try TemporaryDirectory()
        try directory.write("account-name", server.fact("account") + "\n")
        try directory.write("account-key", server.fact("key") + "\n")
        let options = StoreOptions(
            ["levee_credentials_directory": directory.path, "endpoint": server.fact("endpoint"), "allow_http": "true"], usesAmbientIdentity: false)
        let store = try StoreFactory(executor: Backend.executor, options: options).open(TableLocation("az://lake/rotated"))
        let path = try ObjectPath("x")
        try await store.put(path, Bytes("1"), mode: .ifAbsent)
        let rotated = try await server.control("rotate", [:])
        await #expect(performing: { _ = try await store.get(path) }, throws: { if case .invalidCredentials? = $0 as? ObjectStoreError { true } else { false } })
        try directory.write("account-key", rotated["key"]?.stringValue ?? "")
        #expect(try await store.get(path).text == "1")
    }

    /// Signed years ago by this machine's clock: the refusal tells the time.
    @Test func aWrongClockIsSetByTheServers() async throws {
        let options = StoreOptions(AzureBackend.options(try server()))
        let stores = RemoteStores(
            options: options, loop: try HTTPClientLoop(), executor: Backend.executor, metrics: MetricsRegistry(), clock: ManualClock())
        let store = try stores.azure(TableLocation("az://lake/clock"))
        let paths = try (0..<3).map { try ObjectPath("\($0)") }
        for path in paths { try await store.put(path, Bytes("1"), mode: .ifAbsent) }
        #expect(try await store.delete(paths).isEmpty)
        #expect(try await store.list(prefix: "", startAfter: nil).all().isEmpty)
    }

    @Test func errorsNameOperationObjectStatusCodeAndRequest() async throws {
        let server = try server()
        let store = try AzureBackend.store(server, path: "errors")
        try await server.fail(
            "^GET .*/errors/x", ["status": 403, "headers": ["x-ms-error-code": "AuthorizationPermissionMismatch", "x-ms-request-id": "abc-1"]])
        do {
            _ = try await store.get(try ObjectPath("x"))
            Issue.record("no error")
        } catch let error as ObjectStoreError {
            let text = "\(error)"
            for part in ["az://lake/errors/x", "reading", "403", "AuthorizationPermissionMismatch", "abc-1"] { #expect(text.contains(part), "\(text)") }
            #expect(!text.contains(server.fact("key")))
        }
        let other = try StoreFactory(executor: Backend.executor, options: StoreOptions(AzureBackend.options(server))).open(TableLocation("az://nowhere/x"))
        try await server.expectMissingContainer(other, says: "ContainerNotFound")
    }

    @Test(arguments: StoreServer.lostAnswers) func anAmbiguousCommitIsReadBack(fault: [String: JSONValue]) async throws {
        let server = try server()
        try await server.expectLostCommitsAreReadBack(
            try AzureBackend.store(server, path: "ambiguous-\(StoreServer.nextNumber())"), fault, match: "^PUT .*ambiguous")
    }

    /// The connection breaks at each byte of the answer to a commit, and of the commit itself.
    @Test func aCommitSurvivesABreakAtEveryByte() async throws {
        let server = try server()
        let store = try AzureBackend.store(server, path: "bytes-\(StoreServer.nextNumber())")
        try await StoreServer.breakCommits(on: server, store, match: "^PUT .*/bytes-")
    }

    @Test func aFailedConditionMayBe412() async throws {
        let server = try server()
        try await server.configure(["existing_status": 412])
        let store = try AzureBackend.store(server)
        let path = try ObjectPath("x")
        try await store.put(path, Bytes("1"), mode: .ifAbsent)
        await #expect(
            performing: { try await store.put(path, Bytes("2"), mode: .ifAbsent) },
            throws: { if case .alreadyExists? = $0 as? ObjectStoreError { true } else { false } })
        try await server.configure(["existing_status": 409])
    }

    @Test func largeObjectsGoInBlocksAndComeInRanges() async throws {
        let server = try server()
        let store = try AzureBackend.store(server, path: "large-\(StoreServer.nextNumber())")
        let content = StoreServer.content((20 << 20) + 77)
        let path = try ObjectPath("part.parquet")
        try await server.forget()
        try await server.fail("^PUT .*comp=block&", ["status": 503])
        try await server.fail("^PUT .*comp=blocklist", ["after": true])
        let writer = try await store.write(path)
        for start in stride(from: 0, to: content.count, by: 3 << 20) { try await writer.write(content.dropFirst(start).prefix(3 << 20)) }
        try await writer.finish()
        #expect(try await server.requests("comp=block&.* 201").count == 5)
        try await server.fail("^GET .*/part", ["truncate": 1000])
        #expect(try await store.get(path) == content)
        #expect(try await store.get(path, ranges: [0..<5, (9 << 20)..<(9 << 20) + 3]) == [content.prefix(5), content.dropFirst(9 << 20).prefix(3)])
        // Another one is there by now.
        let second = try await store.write(path)
        try await second.write(content)
        await #expect(throws: ObjectStoreError.alreadyExists(path: "\(store.rootDescription)/part.parquet")) { try await second.finish() }
    }

    @Test func listingsBeginWhereTheyAreTold() async throws {
        let server = try server()
        let store = try AzureBackend.store(server, path: "start")
        for version in 0..<30 { try await store.put(try ObjectPath("_delta_log/\(version + 10).json"), .empty, mode: .ifAbsent) }
        for honours in [true, false] {
            try await server.configure(["honours_start_from": .bool(honours)])
            try await server.forget()
            let found = try await store.list(prefix: "_delta_log/", startAfter: "_delta_log/35.json").all()
            #expect(found.map(\.path.string) == (36..<40).map { "_delta_log/\($0).json" })
            #expect(try await server.requests("startFrom=start%2F_delta_log%2F35[^.]").count == 1)
        }
        // A service that does not know the version.
        try await server.fail("startFrom", ["status": 400, "headers": ["x-ms-error-code": "InvalidHeaderValue"]])
        #expect(try await store.list(prefix: "_delta_log/", startAfter: "_delta_log/38.json").all().count == 1)
        try await server.configure(["honours_start_from": true])
    }

    @Test func foldersThatHadoopLeavesAreNoObjects() async throws {
        let server = try server()
        let store = try AzureBackend.store(server, path: "hadoop")
        guard let azure = store as? RemoteStore<AzureService> else { throw XMLError(reason: "no Azure store", offset: 0) }
        var request = azure.service.request("put", "writing", "PUT", "hadoop/folder", target: "folder")
        request.headers["x-ms-blob-type"] = "BlockBlob"
        request.headers["x-ms-meta-hdi_isfolder"] = "true"
        _ = try await azure.service.client.send(request)
        try await store.put(try ObjectPath("folder/x\u{1}"), Bytes("1"), mode: .ifAbsent)
        #expect(try await store.list(prefix: "", startAfter: nil).all().map(\.path.string) == ["folder/x\u{1}"])
        await #expect(throws: ObjectStoreError.notFound(path: "az://lake/hadoop/folder")) { try await store.head(try ObjectPath("folder")) }
    }

    @Test func manyAreDeletedInBatchesOrOneByOne() async throws {
        let server = try server()
        try await server.expectBatchDeletion(try AzureBackend.store(server, path: "batch"), objects: 600, part: "batch/d/", batch: "comp=batch")
    }
}
