import Base
import Foundation
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// S3's own ways, against a server; see ``ConformanceTests`` for what every store does.
@Suite(.enabled(if: S3TestServer.shared != nil)) struct S3StoreTests {
    static func server() throws -> S3TestServer { try #require(S3TestServer.shared) }

    static let small = MultipartRules(partSize: 5 << 20, parallelParts: 3)

    static func content(_ count: Int) -> Bytes {
        Bytes(capacity: count) { target in
            for index in 0..<count { target[index] = UInt8(truncatingIfNeeded: index &* 2_654_435_761 >> 7) }
            return count
        }
    }

    @Test(arguments: [["streaming_payload": "true"], ["unsigned_payload": "true"], ["checksum_algorithm": "SHA256"], ["aws_server_side_encryption": "AES256"]])
    func largeObjectsGoInPartsAndComeBackInRanges(options: [String: String]) async throws {
        // Ceph encrypts where a key service is set up for it.
        if options["aws_server_side_encryption"] != nil, environmentVariable("LEVEE_S3_SERVER") == "ceph" { return }
        let store = try Self.server().makeStore(options, multipart: Self.small)
        let content = Self.content(12 << 20)
        let path = try ObjectPath("part é.parquet")
        let writer = try await store.write(path)
        for start in stride(from: 0, to: content.count, by: 700_000) { try await writer.write(content.dropFirst(start).prefix(700_000)) }
        try await writer.finish()
        #expect(try await store.head(path).sizeInBytes == Int64(content.count))
        #expect(try await store.get(path) == content)
        #expect(try await store.get(path, ranges: [0..<10, 9_000_000..<9_000_100, 4..<12_000_000]).last == content.dropFirst(4).prefix(12_000_000 - 4))
        let second = try await store.write(path)
        for _ in 0..<2 { try await second.write(content.prefix(4 << 20)) }
        await #expect(throws: ObjectStoreError.alreadyExists(path: store.bucket.shown(store.prefix + path.string))) { try await second.finish() }
        #expect(try await uploads(store).isEmpty)
        try await store.put(try ObjectPath("x"), content.prefix(2 << 20), mode: .overwrite)
        #expect(try await store.get(ObjectPath("x")) == content.prefix(2 << 20))
    }

    private func uploads(_ store: S3Store) async throws -> [String] {
        try await store.bucket.uploads(prefix: store.prefix).map(\.key)
    }

    @Test func uploadsOfKilledWritersAreFoundByAgeAndGivenUp() async throws {
        let rules = MultipartRules(partSize: 20_000)
        let store = try Self.server().makeStore(multipart: rules)
        var writers: [any ObjectWriter] = []
        for name in ["x/one é", "two"] {
            let writer = try await store.write(ObjectPath(name))
            for _ in 0..<3 { try await writer.write(Self.content(20_000)) }
            writers.append(writer)
        }
        let other = try Self.server().makeStore(multipart: rules)
        #expect(try await other.unfinishedUploads(begunBefore: SystemClock().now() + .seconds(60)).isEmpty)
        // To moto all uploads are of the year 2010.
        if environmentVariable("LEVEE_S3_SERVER") == "ceph" {
            #expect(try await store.unfinishedUploads(begunBefore: SystemClock().now() - .seconds(60)).isEmpty)
        }
        let found = try await store.unfinishedUploads(begunBefore: SystemClock().now() + .seconds(60))
        #expect(Set(found.map(\.path.string)) == ["x/one é", "two"])
        #expect(try await store.giveUp(found) == 0)
        #expect(try await uploads(store).isEmpty)
        for writer in writers { await writer.abort() }
    }

    @Test(arguments: [
        ("<Key>a</Key><UploadId>1</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated>", 1), ("<Key>a</Key><UploadId>1</UploadId>", 0),
        ("<UploadId>1</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated>", 0),
    ])
    func uploadsAreReadOnlyWhereTheirAgeIsKnown(upload: String, count: Int) throws {
        let text = "<ListMultipartUploadsResult><Upload>\(upload)</Upload></ListMultipartUploadsResult>"
        let page = try S3UploadsPage(Bytes(text))
        #expect(page.uploads.count == count && page.next == nil)
        for length in 0..<text.utf8.count { _ = try? S3UploadsPage(Bytes(text).prefix(length)) }
        #expect(throws: XMLError.self) { try S3UploadsPage(Bytes("<html></html>")) }
    }

    @Test func anAbortedUploadLeavesNothing() async throws {
        let store = try Self.server().makeStore(multipart: Self.small)
        let writer = try await store.write(ObjectPath("x"))
        for _ in 0..<4 { try await writer.write(Self.content(3 << 20)) }
        #expect(try await uploads(store).count == 1)
        await writer.abort()
        #expect(try await uploads(store).isEmpty)
    }

    @Test func deletesGoByTheThousand() async throws {
        let store = try Self.server().makeStore()
        let names = ["a&b<c>\"'", "tab\there", "control\u{1}character", "ü 😀", "plus+percent%20", "\u{FFFF}", "d/1"]
        try await concurrentForEach(names, limit: 8) { try await store.put(try ObjectPath($0), .empty, mode: .overwrite) }
        // Two batches; what is not there counts as deleted.
        let failures = try await store.delete(((0..<1200).map { "d/\($0)" } + names).shuffled().map { try ObjectPath($0) })
        #expect(failures.isEmpty)
        #expect(try await store.list(prefix: "", startAfter: nil).all().isEmpty)
    }

    @Test func longListingsAreSplitAtTheirDirectoriesAndStayInOrder() async throws {
        let store = try Self.server().makeStore(pageSize: 20)
        var names = (0..<70).map { "p=a/sub/\($0)" } + (0..<70).map { "p=a/\($0)" } + (0..<30).map { "p=b/\($0)" } + (0..<5).map { "p=\($0)" }
        names += ["p=a-x", "p=a", "p=c/d/e/f", "z/1", "é/2"]
        try await concurrentForEach(names, limit: 16) { try await store.put(try ObjectPath($0), .empty, mode: .overwrite) }
        let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        #expect(try await store.list(prefix: "", startAfter: nil).all().map(\.path.string) == sorted)
        for bound in ["p=a/5", "p=a/sub/5", "p=a/sub/68", "p=a/z", "p", "zzz"] {
            let expected = sorted.filter { bound.utf8.lexicographicallyPrecedes($0.utf8) }
            #expect(try await store.list(prefix: "", startAfter: bound).all().map(\.path.string) == expected, "after \(bound)")
        }
    }

    @Test func wrongKeysAreSaidToBeWrong() async throws {
        let server = try Self.server()
        let store = try server.makeStore(["secret_access_key": "wrong"])
        let path = try ObjectPath("x")
        do {
            try await store.put(path, .empty, mode: .overwrite)
            Issue.record("it was written")
        } catch let error as ObjectStoreError {
            guard case .invalidCredentials = error else { throw error }
            #expect(error.description.contains("SignatureDoesNotMatch") && error.description.contains("s3://lake/tests/"))
        }
        let none = try S3Bucket(
            name: "lake", options: StoreOptions(["endpoint": server.endpoint, "allow_http": "true"], usesAmbientIdentity: false), loop: HTTPClientLoop(),
            metrics: MetricsRegistry())
        await #expect(
            performing: { _ = try await none.head(key: "x") }, throws: { if case .invalidCredentials = $0 as? ObjectStoreError { true } else { false } })
    }
}

@Suite struct S3ConfigurationTests {
    static func configuration(_ options: [String: String], environment: [String: String] = [:], bucket: String = "lake") throws -> S3Configuration {
        try S3Configuration(bucket: bucket, options: StoreOptions(options, environment: environment, usesAmbientIdentity: false))
    }

    @Test func endpointsAreThoseOfTheOptions() throws {
        let aws = try Self.configuration(["aws_region": "eu-west-1"])
        #expect(aws.endpoint.url(bucket: "lake", key: "a b/é").string == "https://lake.s3.eu-west-1.amazonaws.com/a%20b/%C3%A9")
        #expect(try Self.configuration([:], environment: ["AWS_DEFAULT_REGION": "cn-north-1"]).endpoint.authority == "s3.cn-north-1.amazonaws.com.cn")
        #expect(try Self.configuration([:], bucket: "a.b").endpoint.url(bucket: "a.b", key: "k").string == "https://s3.us-east-1.amazonaws.com/a.b/k")
        let custom = try Self.configuration(["AWS_ENDPOINT_URL": "http://Minio:9000/base/", "AWS_ALLOW_HTTP": "true"])
        #expect(custom.endpoint.url(bucket: "lake", key: "k").string == "http://minio:9000/base/lake/k")
        let hosted = try Self.configuration(
            ["endpoint": "https://minio", "virtual_hosted_style_request": "true"], environment: ["AWS_ENDPOINT_URL": "http://no"])
        #expect(hosted.endpoint.url(bucket: "lake", key: "k").string == "https://lake.minio/k")
    }

    @Test(arguments: [
        ["endpoint": "http://minio"], ["endpoint": "minio:9000"], ["endpoint": "https://u:p@minio"], ["allow_http": "perhaps", "endpoint": "http://m"],
        ["aws_server_side_encryption": "sse-c"], ["aws_server_side_encryption": "sse-c", "aws_sse_customer_key_base64": "AAAA"],
        ["aws_server_side_encryption": "rot13"], ["aws_ca_bundle": "/no/such"],
    ])
    func mistakesAreRefused(options: [String: String]) {
        #expect(throws: ObjectStoreError.self) { try Self.configuration(options) }
    }

    @Test(arguments: [
        ("aws_region=eu-west-1", true), ("AWS_SECRET_ACCESS_KEY=x", false), ("secret_access_key=x", false), ("aws_session_token=x", false),
        ("azure_storage_account_key=x", false), ("sas_token=x", false), ("google_service_account_key={}", false), ("aws_access_key_id=AKIA", true),
        ("aws_web_identity_token_file=/x", true), ("aws_sse_kms_key_id=arn", true), ("aws_sse_customer_key_base64=x", false), ("novalue", false), ("=x", false),
        ("google_service_account=/path", true), ("azure_storage_account_name=x", true),
    ])
    func secretsStandOnNoCommandLine(text: String, isTaken: Bool) {
        let option = try? StoreOptions.commandLineOption(text)
        #expect((option != nil) == isTaken)
        if !isTaken, text.hasSuffix("=x"), !text.hasPrefix("=") { #expect(throws: ObjectStoreError.self) { try StoreOptions.commandLineOption(text) } }
    }
}
