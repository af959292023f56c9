import Base
import ObjectStore
import TestSupport
import Testing

@Suite struct TableLocationTests {
    @Test(arguments: [
        ("/data/orders", "/data/orders"), ("/data//orders/", "/data/orders"), ("orders", "/work/dir/orders"), ("./a/../b", "/work/dir/b"), ("../x", "/work/x"),
        ("../../../../x", "/x"), ("/", "/"), (".", "/work/dir"),
        ("file:///data/orders", "/data/orders"), ("file:/data/orders", "/data/orders"), ("FILE:///x", "/x"), ("file://localhost/x", "/x"),
        ("file:///a%20b/c%25d", "/a b/c%d"), ("file:///p=1%2F2/%C3%A9", "/p=1/2/é"),
        ("gs://bucket/a%20b//c/", "/a b/c"), ("GS://bucket", "/"),
        ("a:b/c", "/work/dir/a:b/c"), ("/a%20b", "/a%20b"), ("/a?b#c", "/a?b#c"), ("c:/x", "/work/dir/c:/x"),
    ])
    func reads(text: String, path: String) throws {
        #expect(try TableLocation(text, relativeTo: "/work/dir").path == path)
    }

    @Test(arguments: [
        "", "s3://", "s3:///x", "s3://b c/x", "s3://u@b/x", "s3://b/a%2", "https://x/y", "gs:///x", "hdfs://n/x", "file://host/x",
        "file://", "file:///a%2",
        "file:///a%zz", "file:///%FF", "file:///a\u{0}",
    ])
    func refuses(text: String) {
        #expect(throws: ObjectStoreError.self) { try TableLocation(text) }
    }

    @Test(arguments: [
        ("s3://lake/a/b", "lake", "/a/b", "s3://lake/a/b"), ("S3A://Lake-1.x/a//b/./c/../d/", "Lake-1.x", "/a/b/d", "s3://Lake-1.x/a/b/d"),
        ("s3://lake", "lake", "/", "s3://lake/"), ("s3n://lake/", "lake", "/", "s3://lake/"),
        ("s3://lake/p%3D1/%C3%A9 x", "lake", "/p=1/é x", "s3://lake/p=1/%C3%A9%20x"),
    ])
    func readsBuckets(text: String, bucket: String, path: String, description: String) throws {
        let location = try TableLocation(text, relativeTo: "/work/dir")
        #expect(location.scheme == .s3 && location.authority == bucket && location.path == path && location.description == description)
        #expect(try TableLocation(location.description) == location)
        #expect(try location.appending("x").isInside(location) && !location.isInside(TableLocation("s3://other/")) && !location.isInside(TableLocation("/")))
    }

    @Test func isWrittenAsAURL() throws {
        let location = try TableLocation("/a b/ü%/x=1")
        #expect(location.description == "file:///a%20b/%C3%BC%25/x=1")
        #expect(try TableLocation(location.description) == location)
        #expect(location.appending("y/../z").path == "/a b/ü%/x=1/z")
        #expect(location.parent.path == "/a b/ü%" && location.name == "x=1")
        #expect(try TableLocation("/").parent.path == "/" && TableLocation("/").name == "" && TableLocation("s3://b/x").parent.description == "s3://b/")
    }

    @Test(arguments: [
        ("/a/b", "/a", true), ("/a", "/a", true), ("/ab", "/a", false), ("/a", "/a/b", false), ("/a", "/", true), ("/e\u{301}/x", "/\u{E9}", false),
        ("/a/\u{338}/../../b", "/a", false),
    ])
    func knowsWhatLiesInside(path: String, root: String, expected: Bool) throws {
        #expect(try TableLocation(path).isInside(try TableLocation(root)) == expected)
    }

    @Test func theFactoryOpensTheLocation() async throws {
        let directory = try TemporaryDirectory()
        let store = try StoreFactory(executor: Backend.executor).open(TableLocation(directory.appending("t")))
        try await store.put(ObjectPath("x"), Bytes("1"), mode: .ifAbsent)
        #expect(directory.names(in: "t") == ["x"])
    }
}

@Suite struct ObjectPathTests {
    @Test(arguments: ["", "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/..", "../a", "a/../b", "./a", "a\u{0}b"])
    func refuses(text: String) {
        #expect(throws: ObjectStoreError.self) { try ObjectPath(text) }
    }

    @Test(arguments: ["a", "a/b", "...", "a/...", ".a", "..a", "a b", "ü", "a\nb"])
    func takes(text: String) throws {
        #expect(try ObjectPath(text).string == text)
    }
}

@Suite struct FaultInjectingStoreTests {
    @Test func failsWherePlanned() async throws {
        let inner = InMemoryStore()
        let busy = ObjectStoreError.failed(path: "x", operation: "writing", message: "busy", retryable: true)
        let store = FaultInjectingStore(wrapping: inner) { call in
            switch (call.operation, call.index) {
            case (.put, 0): .fails(busy)
            case (.put, 1): .answerLost(busy)
            default: nil
            }
        }
        let path = try ObjectPath("x")
        await #expect(throws: busy) { try await store.put(path, Bytes("1"), mode: .ifAbsent) }
        await #expect(throws: ObjectStoreError.self) { try await inner.head(path) }
        await #expect(throws: busy) { try await store.put(path, Bytes("1"), mode: .ifAbsent) }
        await #expect(throws: ObjectStoreError.alreadyExists(path: "x")) { try await store.put(path, Bytes("1"), mode: .ifAbsent) }
        #expect(try await store.get(path).text == "1")
        #expect(store.callCount == 4)
    }
}
