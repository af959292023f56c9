import Base
import Foundation
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// Copies between stores: whoever carries the bytes, all of them arrive, and nothing is overwritten.
@Suite struct CopyTests {
    /// Between two places of one backend: by the service where it can.
    @Test(arguments: Backend.all)
    func anObjectIsCopiedAndNothingOverwritten(backend: Backend) async throws {
        let (source, keeper) = try backend.make()
        let (target, other) = try backend.make()
        defer { withExtendedLifetime((keeper, other)) {} }
        let path = try ObjectPath("p=a%20b ü/data.parquet")
        let copy = ObjectCopy(from: source, to: target)
        for (name, size) in [("x y/+", 1), ("large", 6_000_003)] {
            let content = StoreServer.content(size).prefix(size)
            try await source.put(path, content, mode: .overwrite)
            let copied = try ObjectPath(name)
            let created = Lock(0)
            try await copy.copy(path, sizeInBytes: Int64(size), to: copied) { created.withLock { $0 += 1 } }
            #expect(try await target.get(copied) == content)
            await #expect {
                try await copy.copy(path, sizeInBytes: Int64(size), to: copied) { created.withLock { $0 += 1 } }
            } throws: {
                if case .alreadyExists = $0 as? ObjectStoreError { true } else { false }
            }
            #expect(created.withLock { $0 } == 1)
        }
        // An object that is not as long as somebody thinks, and one that is gone.
        await #expect(throws: ObjectStoreError.self) { try await copy.copy(path, sizeInBytes: 9_000_000, to: try ObjectPath("longer")) }
        await #expect {
            try await copy.copy(try ObjectPath("gone"), sizeInBytes: 5, to: try ObjectPath("gone"))
        } throws: {
            if case .notFound = $0 as? ObjectStoreError { true } else { false }
        }
        await #expect(throws: ObjectStoreError.self) { try await target.head(try ObjectPath("gone")) }
    }

    /// Which backends carry no byte through this process.
    @Test(arguments: Backend.all.filter { $0.name != "memory" })
    func theServiceCopies(backend: Backend) async throws {
        let (source, keeper) = try backend.make()
        let (target, other) = try backend.make()
        defer { withExtendedLifetime((keeper, other)) {} }
        try await source.put(try ObjectPath("a"), Bytes("content"), mode: .overwrite)
        #expect(try await target.copy(try ObjectPath("a"), of: source, sizeInBytes: 7, to: try ObjectPath("b")))
        #expect(try await target.get(try ObjectPath("b")).text == "content")
        // Another backend's objects it cannot have.
        #expect(try await !target.copy(try ObjectPath("a"), of: InMemoryStore(), sizeInBytes: 7, to: try ObjectPath("c")))
    }

    @Test func bytesOfOtherBackendsComeThroughHere() async throws {
        let directory = try TemporaryDirectory()
        let local = LocalStore(root: directory.path, executor: Backend.executor)
        let memory = InMemoryStore()
        let content = StoreServer.content(17_000_000)
        try await memory.put(try ObjectPath("a"), content, mode: .overwrite)
        try await ObjectCopy(from: memory, to: local).copy(try ObjectPath("a"), sizeInBytes: Int64(content.count), to: try ObjectPath("d/b"))
        #expect(try await local.get(try ObjectPath("d/b")) == content)
        try await memory.put(try ObjectPath("empty"), .empty, mode: .overwrite)
        try await ObjectCopy(from: memory, to: local).copy(try ObjectPath("empty"), sizeInBytes: 0, to: try ObjectPath("empty"))
        #expect(try await local.head(try ObjectPath("empty")).sizeInBytes == 0)
    }

    // MARK: S3

    @Test func s3CopiesLargeObjectsInParts() async throws {
        guard let server = S3TestServer.shared else { return }
        let (source, target) = (try server.makeStore(), try server.makeStore())
        let content = StoreServer.content(17 << 20)
        let path = try ObjectPath("big")
        let writer = try await source.write(path)
        try await writer.write(content)
        try await writer.finish()
        func copy(_ key: String, partsFrom: Int64) -> S3Copy {
            var copy = S3Copy(
                source: source.bucket, sourceKey: source.prefix + "big", target: target.bucket, key: target.prefix + key, sizeInBytes: Int64(content.count),
                probeKey: target.probeKey())
            copy.partsFrom = partsFrom
            copy.partSize = 6 << 20
            return copy
        }
        #expect(try await copy("parts", partsFrom: 1).inParts())
        #expect(try await target.get(try ObjectPath("parts")) == content)
        // As AWS does it.
        #expect(try await copy("whole", partsFrom: 5 << 30).whole())
        #expect(try await target.get(try ObjectPath("whole")) == content)
        await #expect(throws: ObjectStoreError.self) { _ = try await copy("parts", partsFrom: 1).inParts() }
        #expect(try await target.unfinishedUploads(begunBefore: SystemClock().now() + .seconds(60)).isEmpty)
    }

    @Test(
        arguments: [
            ("<CopyPartResult><ETag>\"a\"</ETag></CopyPartResult>", "\"a\""), ("<Error><Code>InternalError</Code></Error>", nil), ("", nil),
            ("<CopyPartResult><LastModified>x</LastModified></CopyPartResult>", nil), ("<CopyPartResult><ETag>", nil),
        ] as [(String, String?)])
    func anErrorMayComeAsAnAnswer(body: String, tag: String?) {
        #expect(S3CopyResult(Bytes(body))?.tag == tag)
    }
}

/// What the services may answer to a copy.
@Suite(.enabled(if: StoreServer.isAvailable)) struct ServiceCopyTests {
    @Test func azureMayTakeItsTime() async throws {
        let server = try StoreServer("azure")
        let (source, target) = (try AzureBackend.store(server), try AzureBackend.store(server))
        try await source.put(try ObjectPath("a b"), Bytes("content"), mode: .overwrite)
        try await server.configure(["copy_looks": 2])
        #expect(try await target.copy(try ObjectPath("a b"), of: source, sizeInBytes: 7, to: try ObjectPath("b")))
        #expect(try await target.get(try ObjectPath("b")).text == "content")
        #expect(try await server.requests("^HEAD .*/b").count == 3)
    }

    /// An answer that is lost on its way: the copy is known for what it is.
    @Test func aLostAnswerIsNoFailure() async throws {
        let azure = try StoreServer("azure")
        let gcs = try StoreServer("gcs")
        for (server, source, target) in [
            (azure, try AzureBackend.store(azure), try AzureBackend.store(azure)), (gcs, try GCSBackend.store(gcs), try GCSBackend.store(gcs)),
        ] {
            try await source.put(try ObjectPath("a"), Bytes("content"), mode: .overwrite)
            try await server.fail("(PUT|POST) .*(rewriteTo|/b($| ))", ["sent": 0])
            #expect(try await target.copy(try ObjectPath("a"), of: source, sizeInBytes: 7, to: try ObjectPath("b")))
            #expect(try await target.get(try ObjectPath("b")).text == "content")
        }
    }

    @Test func googleMayWantSeveralRequests() async throws {
        let server = try StoreServer("gcs")
        let (source, target) = (try GCSBackend.store(server), try GCSBackend.store(server))
        try await source.put(try ObjectPath("a/b"), Bytes("content"), mode: .overwrite)
        try await server.configure(["rewrite_requests": 3])
        #expect(try await target.copy(try ObjectPath("a/b"), of: source, sizeInBytes: 7, to: try ObjectPath("c/d")))
        #expect(try await target.get(try ObjectPath("c/d")).text == "content")
        #expect(try await server.requests("rewriteTo").count == 3)
    }

    /// The bytes come through here instead, and it is not tried again.
    @Test(arguments: ["azure", "gcs"])
    func aRefusedCopyGoesThroughHere(service: String) async throws {
        let server = try StoreServer(service)
        func store() throws -> any ObjectStore { try service == "azure" ? AzureBackend.store(server) : GCSBackend.store(server) }
        let source = try store()
        let target = try store()
        try await source.put(try ObjectPath("a"), Bytes("content"), mode: .overwrite)
        let match = service == "azure" ? "PUT .*/b( |$)" : "rewriteTo"
        try await server.fail(match, ["status": 403])
        try await ObjectCopy(from: source, to: target).copy(try ObjectPath("a"), sizeInBytes: 7, to: try ObjectPath("b"))
        #expect(try await target.get(try ObjectPath("b")).text == "content")
        #expect(try await !target.copy(try ObjectPath("a"), of: source, sizeInBytes: 7, to: try ObjectPath("c")))
    }
}
