import Base
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// What the network does to every remote store: authorities of one's own, cancellation, deadlines.
@Suite struct NetworkTests {
    private static let path = Result { try ObjectPath("x") }

    // Authorities

    private static func secureServer(_ certificates: TestCertificates) throws -> HTTPServer {
        var options = HTTPServer.Options()
        options.tls = ServerTLS(certificatePEM: certificates.serverCertificate, keyPEM: certificates.serverKey)
        return try HTTPServer(options: options) { _ in
            ServerResponse(status: 206, headers: ["Content-Range": "bytes 0-2/3", "ETag": "\"1\""], body: .bytes(Bytes("abc")))
        }
    }

    @Test func anAuthorityOfOnesOwnIsTrustedWhereItIsNamed() async throws {
        let certificates = try TestCertificates()
        let directory = try TemporaryDirectory()
        try directory.write("ca.pem", certificates.authority.text)
        let server = try Self.secureServer(certificates)
        for service in EveryService.allCases {
            for option in service == .s3 ? ["aws_ca_bundle"] : ["ca_bundle", "ssl_cert_file"] {
                let store = try service.store("https://127.0.0.1:\(server.port)", [option: directory.appending("ca.pem")])
                #expect(try await store.get(Self.path.get()).text == "abc", "\(service)")
            }
        }
        await server.stop()
    }

    /// Refused at once, with what is wrong with the certificate.
    @Test(arguments: [
        ("no authority", "unable to get local issuer certificate"), ("expired", "certificate has expired"),
        ("another host", "no alternative certificate subject name"),
    ])
    func certificatesThatProveNothingAreRefused(what: String, reason: String) async throws {
        let certificates = try TestCertificates(
            serverNames: what == "another host" ? "DNS:elsewhere.test" : "IP:127.0.0.1", serverDays: what == "expired" ? -1 : 2)
        let directory = try TemporaryDirectory()
        try directory.write("ca.pem", certificates.authority.text)
        let server = try Self.secureServer(certificates)
        for service in EveryService.allCases {
            let store = try service.store("https://127.0.0.1:\(server.port)", what == "no authority" ? [:] : ["ca_bundle": directory.appending("ca.pem")])
            await #expect(
                performing: { _ = try await store.get(Self.path.get()) },
                throws: { error in
                    guard let error = error as? ObjectStoreError, !error.isRetryable else { return false }
                    return ["\(error)"].allSatisfy { $0.contains(reason) && $0.contains("TLS failed") && $0.contains("lake") && !$0.contains("attempts") }
                })
        }
        await server.stop()
    }

    // Cancellation

    /// A response that stands still after its first bytes; says when its reader is gone.
    private final class Stalling: ResponseStream {
        private let sent = Lock(false)
        let gone: Lock<Int>

        init(gone: Lock<Int>) { self.gone = gone }

        func next() async -> Bytes? {
            let isFirst = sent.withLock { sent in
                defer { sent = true }
                return !sent
            }
            if isFirst { return Bytes("abc") }
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(10)) }
            return nil
        }

        func closed() { gone.withLock { $0 += 1 } }
    }

    private static func wait(_ what: String, until isDone: () -> Bool) async throws {
        let started = ContinuousClock.now
        while !isDone() {
            guard ContinuousClock.now - started < .seconds(20) else {
                Issue.record("\(what): the server never saw it")
                return
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Seen from the server: a transfer of a cancelled task ends, long before any time-out would end it.
    @Test(arguments: EveryService.allCases, ["reading", "writing", "listing", "deleting"])
    func aCancelledTasksTransferEnds(service: EveryService, operation: String) async throws {
        let begun = Lock(0)
        let gone = Lock(0)
        let server = try HTTPServer { request in
            begun.withLock { $0 += 1 }
            if operation == "reading" {
                return ServerResponse(
                    status: 206, headers: ["Content-Range": "bytes 0-9/10", "ETag": "\"1\""], body: .stream(Stalling(gone: gone)))
            }
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(10)) }
            gone.withLock { $0 += 1 }
            return ServerResponse(status: 500)
        }
        let store = try service.store("http://127.0.0.1:\(server.port)", policy: RetryPolicy())
        let path = try Self.path.get()
        let task = Task {
            switch operation {
            case "reading": _ = try await store.get(path, range: 0..<10)
            case "writing": try await store.put(path, StoreServer.content(1 << 20), mode: .overwrite)
            case "listing": _ = try await store.list(prefix: "", startAfter: nil).next()
            default: _ = try await store.delete([path])
            }
        }
        try await Self.wait("the request", until: { begun.withLock { $0 } > 0 })
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await Self.wait("the end", until: { gone.withLock { $0 } > 0 })
        #expect(begun.withLock { $0 } == 1)
        await server.stop()
    }

    /// Parts that hang are ended, and the upload is given up although its task is cancelled.
    @Test func aCancelledUploadIsGivenUp() async throws {
        let (parts, ended, aborts) = (Lock(0), Lock(0), Lock(0))
        let server = try HTTPServer { request in
            switch request.method {
            case "POST": return .text("<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>")
            case "PUT" where request.parameter("partNumber") != nil:
                parts.withLock { $0 += 1 }
                while !Task.isCancelled { try? await Task.sleep(for: .seconds(10)) }
                ended.withLock { $0 += 1 }
                return ServerResponse(status: 500)
            // The probe of conditional puts.
            case "PUT": return ServerResponse(status: request.headers["If-None-Match"] == nil || parts.withLock { $0 } > 0 ? 200 : 412)
            case "DELETE":
                if request.parameter("uploadId") == "7" { aborts.withLock { $0 += 1 } }
                return ServerResponse(status: 204)
            default: return ServerResponse(status: 404)
            }
        }
        let bucket = try S3Bucket(
            name: "lake",
            options: StoreOptions(
                ["endpoint": "http://127.0.0.1:\(server.port)", "allow_http": "true", "access_key_id": "A", "secret_access_key": "B"],
                usesAmbientIdentity: false),
            loop: HTTPClientLoop(), metrics: MetricsRegistry())
        let upload = S3MultipartUpload(bucket: bucket, key: "x", id: "7", token: "t", mayHaveTwins: false)
        let writer = MultipartWriter(BegunUpload(upload: upload))
        let task = Task {
            do {
                for _ in 0..<100 { try await writer.write(StoreServer.content(1000)) }
                try await writer.finish()
            } catch {
                await writer.abort()
                throw error
            }
        }
        try await Self.wait("the parts", until: { parts.withLock { $0 } == 3 })
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await Self.wait("the end of the parts", until: { ended.withLock { $0 } == 3 })
        #expect(aborts.withLock { $0 } == 1)
        await server.stop()
    }

    private struct BegunUpload: MultipartTarget {
        let upload: S3MultipartUpload
        var rules: MultipartRules { MultipartRules(partSize: 1000, parallelParts: 3) }
        var name: String { "s3://lake/x" }
        func putWhole(_ bytes: Bytes) async throws {}
        func begin() async throws -> any MultipartUpload { upload }
    }

    // Deadlines

    @Test(arguments: EveryService.allCases) func anOperationEndsByItsDeadline(service: EveryService) async throws {
        let asked = Lock(0)
        let server = try HTTPServer { _ in
            asked.withLock { $0 += 1 }
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(10)) }
            return ServerResponse(status: 500)
        }
        var policy = FaultyRuns.policy()
        policy.attemptTimeout = .milliseconds(100)
        policy.minimumBytesPerSecond = 1 << 30
        policy.deadline = .milliseconds(500)
        let store = try service.store("http://127.0.0.1:\(server.port)", policy: policy)
        let started = ContinuousClock.now
        await #expect(
            performing: { _ = try await store.get(Self.path.get(), range: 0..<10) },
            throws: { ($0 as? ObjectStoreError)?.isRetryable == true && "\($0)".contains("timed out") })
        // Several attempts, none past the deadline; the machine may be slow.
        #expect(ContinuousClock.now - started < .seconds(10))
        #expect((2...6).contains(asked.withLock { $0 }))
        await server.stop()
    }
}
