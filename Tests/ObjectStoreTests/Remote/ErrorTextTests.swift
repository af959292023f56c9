import Base
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// What errors say: the operation, the object, the status, the server's code and request id; and what they never say, however much of a request the server
/// repeats in its answer.
@Suite struct ErrorTextTests {
    /// Made up anew for each run; the seed is printed where one shows.
    private struct Secrets: Sendable {
        let seed: UInt64
        let values: [String: String]

        init() {
            seed = SystemRandomSource().next()
            let random = SeededRandomSource(seed: seed)
            let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
            var values: [String: String] = [:]
            for name in ["key", "session", "sas", "account", "token", "upload", "client"] {
                values[name] = String((0..<40).map { _ in letters[random.integer(below: letters.count)] })
            }
            self.values = values
        }

        subscript(name: String) -> String { values[name] ?? "" }
    }

    /// Says all that it was asked, in the service's own form.
    private static func echo(_ service: EveryService, _ request: ServerRequest, status: Int) -> ServerResponse {
        var said = "\(request.method) \(request.path)?"
        for (name, value) in request.query { said += "\(name)=\(value)&\(name)=\(PercentEncoding.encode(value))&" }
        for field in request.headers { said += " \(field.name): \(field.value);" }
        if request.body.count < 4096 { said += request.body.text }
        var response: ServerResponse
        switch service {
        case .gcs:
            let error: JSONValue = ["error": ["message": .string(said), "errors": .array([["reason": "aReason"]])]]
            response = .text(JSON.encode(error), status: status, contentType: "application/json")
            response.headers["X-GUploader-UploadID"] = "request-1"
        case .s3, .azure:
            let text = "<Error><Code>aReason</Code><Message>\(said.xmlEscaped)</Message><RequestId>request-1</RequestId></Error>"
            response = .text(text, status: status, contentType: "application/xml")
            response.headers["x-ms-request-id"] = "request-1"
        }
        response.headers["Location"] = "https://elsewhere.test/?\(said.filter { $0 > " " && $0 < "\u{7F}" })"
        return response
    }

    private static func ways(_ service: EveryService, _ secrets: Secrets, endpoint: String) -> [[String: String]] {
        switch service {
        case .s3: [["access_key_id": "AKIA", "secret_access_key": secrets["key"], "session_token": secrets["session"]]]
        case .azure:
            [
                ["account_name": "account", "account_key": secrets["account"]],
                ["account_name": "account", "sas_token": "sv=2022-11-02&sp=rwdl&sig=\(PercentEncoding.encode(secrets["sas"]))"],
                ["account_name": "account", "client_id": "me", "tenant_id": "us", "client_secret": secrets["client"], "authority_host": endpoint],
            ]
        case .gcs:
            [["google_skip_signature": "true"], ["gce_metadata_host": String(endpoint.dropFirst("http://".count))]]
        }
    }

    @Test(arguments: EveryService.allCases, [400, 403, 404, 409, 301, 503])
    func errorsSayWhatFailedAndNoSecret(service: EveryService, status: Int) async throws {
        let secrets = Secrets()
        let server = try HTTPServer { request in
            if request.path.contains("computeMetadata") {
                return .text("{\"access_token\": \"\(secrets["token"])\", \"expires_in\": 3600}", contentType: "application/json")
            }
            if service == .gcs, request.method == "POST", request.parameter("uploadType") == "resumable" {
                let location = "http://127.0.0.1/upload/storage/v1/b/lake/o?uploadType=resumable&upload_id=\(PercentEncoding.encode(secrets["upload"]))"
                return ServerResponse(status: 200, headers: ["Location": location])
            }
            return Self.echo(service, request, status: status)
        }
        let endpoint = "http://127.0.0.1:\(server.port)"
        var policy = FaultyRuns.policy()
        policy.maximumAttempts = 2
        // A token service that is down is waited for.
        for way in Self.ways(service, secrets, endpoint: endpoint) where way["client_secret"] == nil || status == 400 {
            let store = try service.store(endpoint, credentials: way, policy: policy, partSize: 256 << 10)
            let path = try ObjectPath("dir/an object")
            let operations: [@Sendable () async throws -> Void] = [
                { _ = try await store.head(path) }, { _ = try await store.get(path) },
                { _ = try await store.get(path, ranges: [0..<4, 9_000_000..<9_000_004]) },
                { try await store.put(path, Bytes("content"), mode: .overwrite) }, { try await store.put(path, Bytes("content"), mode: .ifAbsent) },
                { _ = try await store.list(prefix: "dir/", startAfter: nil).next() },
                { for failure in try await store.delete([path]) { throw failure.error } },
                { for failure in try await store.delete([path, try ObjectPath("dir/b")]) { throw failure.error } },
                {
                    let writer = try await store.write(path)
                    for _ in 0..<2 { try await writer.write(StoreServer.content(300 << 10)) }
                    try await writer.finish()
                },
                { _ = try await store.unfinishedUploads(begunBefore: SystemClock().now()) },
            ]
            var texts: [String] = []
            for operation in operations {
                do { try await operation() } catch let error as ObjectStoreError { texts.append("\(error)") }
            }
            #expect(texts.count >= 7, "\(service) \(status): \(texts)")
            for text in texts {
                for (name, secret) in secrets.values {
                    for shape in [secret, PercentEncoding.encode(secret)] {
                        #expect(!text.contains(shape), "the secret \(name), of seed \(secrets.seed), is in: \(text)")
                    }
                }
                // A token service that refuses is named itself; a missing object needs no more words than that.
                guard text.contains("lake"), status != 404, !text.contains("for a token") else { continue }
                #expect(text.contains("\(status)") || text.contains("HEAD"), "\(text)")
            }
            guard status == 400 || status == 403, way["client_secret"] == nil else { continue }
            for text in texts where !text.contains("looking") {
                // That of an upload to Google is what others could go on with it by.
                let id = text.contains("PUT /upload") ? "" : "request-1"
                for part in ["://lake", "table", "\(status)", "aReason", id] where !part.isEmpty { #expect(text.contains(part), "\(part) is not in: \(text)") }
            }
        }
        await server.stop()
    }
}
