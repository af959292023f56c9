import Base
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// What Cloud Storage's backend does beyond what every store does, against the test server. One after the other: faults are set for the whole server.
@Suite(.serialized, .enabled(if: StoreServer.isAvailable)) struct GCSStoreTests {
    private func server() throws -> StoreServer { try GCSBackend.server.get() }

    @Test func allWaysInLeadIn() async throws {
        let server = try server()
        let directory = try TemporaryDirectory()
        try directory.write("token", server.fact("subjectToken") + "\n")
        try directory.write("wrong", "another's token")
        func federated(_ name: String, _ token: String) throws -> [String: String] {
            try directory.write("\(name)-\(token).json", server.fact(name).replacing("TOKEN_FILE", with: directory.appending(token)))
            return ["google_service_account_key": "", "google_application_credentials": directory.appending("\(name)-\(token).json")]
        }
        try directory.write("key.json", server.fact("serviceAccount"))
        let host = server.fact("endpoint").replacing("http://", with: "")
        let ways = [
            "key": [:], "file": ["google_service_account_key": "", "GOOGLE_SERVICE_ACCOUNT": directory.appending("key.json")],
            "federated": try federated("federated", "token"), "impersonated": try federated("impersonated", "token"),
            "metadata": ["google_service_account_key": "", "gce_metadata_host": host],
        ]
        for (name, way) in ways {
            let store = try GCSBackend.store(server, way)
            let paths = try ["x y", "z/ü", "z/+&=#?"].map { try ObjectPath($0) }
            for path in paths { try await store.put(path, Bytes(name), mode: .ifAbsent) }
            #expect(try await store.get(paths[1]).text == name)
            #expect(try await store.list(prefix: "z/", startAfter: nil).all().count == 2, "\(name)")
            #expect(try await store.delete(paths).isEmpty, "\(name)")
            #expect(try await store.list(prefix: "", startAfter: nil).all().isEmpty)
        }
        let other = try JSON.parse(server.fact("serviceAccount"))
        var unknown = other
        unknown["client_email"] = "other@a-project.iam.gserviceaccount.com"
        for way in [["google_service_account_key": "\(unknown)"], try federated("federated", "wrong")] {
            let store = try GCSBackend.store(server, way)
            do {
                try await store.put(try ObjectPath("x"), Bytes("1"), mode: .ifAbsent)
                Issue.record("let in")
            } catch let error as ObjectStoreError {
                guard case .invalidCredentials = error else { throw error }
                #expect(!"\(error)".contains("PRIVATE KEY") && !"\(error)".contains("another's token"))
            }
        }
    }

    @Test func tokensThatTheServerForgotAreRenewed() async throws {
        let server = try server()
        let store = try GCSBackend.store(server)
        try await store.put(try ObjectPath("x"), Bytes("1"), mode: .ifAbsent)
        try await server.control("revoke", [:])
        #expect(try await store.get(try ObjectPath("x")).text == "1")
    }

    @Test func errorsNameOperationObjectStatusCodeAndRequest() async throws {
        let server = try server()
        let store = try GCSBackend.store(server, path: "errors")
        try await server.fail(
            "^GET .*errors%2Fx",
            ["status": 403, "headers": ["X-GUploader-UploadID": "abc-1"], "body": #"{"error": {"errors": [{"reason": "forbidden"}], "message": "no"}}"#])
        do {
            _ = try await store.get(try ObjectPath("x"))
            Issue.record("no error")
        } catch let error as ObjectStoreError {
            for part in ["gs://lake/errors/x", "reading", "403", "forbidden", "abc-1"] { #expect("\(error)".contains(part), "\(error)") }
        }
        let other = try StoreFactory(executor: Backend.executor, options: StoreOptions(GCSBackend.options(server))).open(TableLocation("gs://nowhere/x"))
        try await server.expectMissingContainer(other, says: "bucket does not exist")
    }

    @Test(arguments: StoreServer.lostAnswers) func anAmbiguousCommitIsReadBack(fault: [String: JSONValue]) async throws {
        let server = try server()
        try await server.expectLostCommitsAreReadBack(
            try GCSBackend.store(server, path: "ambiguous-\(StoreServer.nextNumber())"), fault, match: "^POST .*uploadType=multipart")
    }

    /// The connection breaks at each byte of the answer to a commit, and of the commit itself.
    @Test func aCommitSurvivesABreakAtEveryByte() async throws {
        let server = try server()
        let store = try GCSBackend.store(server, path: "bytes-\(StoreServer.nextNumber())")
        try await StoreServer.breakCommits(on: server, store, match: "^POST .*uploadType=multipart")
    }

    /// A resumable upload whose pieces are lost, cut, taken in part, and whose last answer does not come.
    @Test(
        arguments: [
            [:], ["after": true], ["status": 503], ["status": 503, "after": true], ["truncate": 5, "after": true], ["keeps": 700_000],
        ] as [[String: JSONValue]])
    func largeObjectsGoOnWhereTheyStopped(fault: [String: JSONValue]) async throws {
        let server = try server()
        let store = try GCSBackend.store(server, path: "large-\(StoreServer.nextNumber())")
        let content = StoreServer.content((9 << 20) + 77)
        let path = try ObjectPath("part.parquet")
        if let keeps = fault["keeps"] {
            // Of each piece only so much: many rounds.
            try await server.configure(["keeps_at_most": .integer((keeps.intValue ?? 0) << 2)])
        } else {
            try await server.fail("^PUT .*upload_id=", fault)
        }
        let writer = try await store.write(path)
        try await writer.write(content.prefix(9 << 20))
        try await server.fail("^PUT .*upload_id=", fault.filter { $0.key != "keeps" }.merging(["count": fault["keeps"] == nil ? 1 : 0]) { $1 })
        try await writer.write(content.dropFirst(9 << 20))
        if fault["keeps"] == nil { try await server.fail("^PUT .*upload_id=", fault) }
        try await writer.finish()
        try await server.configure(["keeps_at_most": .null])
        #expect(try await store.get(path) == content)
        let second = try await store.write(path)
        // Shows as soon as the upload begins.
        await #expect(throws: ObjectStoreError.alreadyExists(path: "\(store.rootDescription)/part.parquet")) {
            try await second.write(content)
            try await second.finish()
        }
        try await server.forget()
    }

    @Test func anAbortedUploadIsEnded() async throws {
        let server = try server()
        let store = try GCSBackend.store(server, path: "aborted")
        let writer = try await store.write(try ObjectPath("x"))
        try await writer.write(StoreServer.content(9 << 20))
        await writer.abort()
        #expect(try await server.requests("^DELETE .*upload_id=.* 499").count == 1)
        #expect(try await store.list(prefix: "", startAfter: nil).all().isEmpty)
    }

    @Test func manyAreDeletedInBatchesOrOneByOne() async throws {
        let server = try server()
        try await server.expectBatchDeletion(try GCSBackend.store(server, path: "batch"), objects: 250, part: "batch%2Fd%2F", batch: "^POST /batch")
    }
}

@Suite struct MultipartMessageTests {
    private static let message = "preamble\r\n--b\r\nContent-ID: 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\nlines\r\n--b--\r\n"

    @Test func readsParts() throws {
        let parts = try #require(MultipartMessage.parts(Bytes(Self.message), contentType: "multipart/mixed; boundary=\"b\""))
        #expect(parts.map(\.content.text) == ["one", "two\r\nlines"])
        #expect(parts[0].headers["content-id"] == "1")
        let response = MultipartMessage.response(Bytes("HTTP/1.1 404 Not There\r\nA: b\r\n\r\nbody"))
        #expect(response?.status == 404 && response?.headers["a"] == "b" && response?.body.text == "body")
    }

    /// Cut anywhere it is no message; damaged anywhere it is read or refused, and nothing worse.
    @Test func takesHostileBytes() {
        let whole = Bytes(Self.message)
        for length in 0..<(whole.count - 4) { #expect(MultipartMessage.parts(whole.prefix(length), contentType: "multipart/mixed; boundary=b") == nil) }
        let random = SeededRandomSource(seed: 7)
        for _ in 0..<2000 {
            var bytes = whole.array
            for _ in 0..<3 { bytes[random.integer(below: bytes.count)] = [0x0A, 0x0D, 0x2D, 0x62, 0][random.integer(below: 5)] }
            for part in MultipartMessage.parts(Bytes(bytes), contentType: "multipart/mixed; boundary=b") ?? [] { _ = MultipartMessage.response(part.content) }
        }
        for type in [nil, "", "multipart/mixed", "text/plain; boundary=b", "multipart/mixed; boundary="] {
            #expect(MultipartMessage.parts(whole, contentType: type) == nil)
        }
    }
}
