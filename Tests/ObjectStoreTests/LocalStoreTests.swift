import Base
import Glibc
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct LocalStoreTests {
    private let directory: TemporaryDirectory
    private let store: LocalStore

    init() throws {
        directory = try TemporaryDirectory()
        store = LocalStore(root: directory.appending("root"), executor: Backend.executor)
    }

    private func expect(_ matches: (ObjectStoreError) -> Bool, _ location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("it did not throw", sourceLocation: location)
        } catch {
            #expect((error as? ObjectStoreError).map(matches) == true, "\(error)", sourceLocation: location)
        }
    }

    private static func isNotFound(_ error: ObjectStoreError) -> Bool { if case .notFound = error { true } else { false } }
    private static func isDenied(_ error: ObjectStoreError) -> Bool { if case .permissionDenied = error { true } else { false } }

    @Test func theRootAppearsWithTheFirstObject() async throws {
        #expect(try await store.list(prefix: "", startAfter: nil).all().isEmpty)
        await expect(Self.isNotFound) { _ = try await store.get(ObjectPath("x")) }
        #expect(try await store.delete([ObjectPath("x")]).isEmpty)
        #expect(directory.names() == [])
        try await store.put(ObjectPath("a/b/x"), Bytes("1"), mode: .ifAbsent)
        #expect(directory.names(in: "root/a/b") == ["x"])
        #expect(store.rootDescription == "file://\(directory.path)/root")
    }

    @Test func nothingOutsideOfTheRootIsReached() async throws {
        try directory.write("outside/secret", "secret")
        try directory.write("root/inside/x", "inside")
        for (link, target) in [
            ("root/out", "../outside"), ("root/secret", "../outside/secret"), ("root/absolute", "/etc/hostname"), ("root/loop", "."), ("root/inside/up", ".."),
            ("root/in", "inside/x"), ("root/dangling", "nowhere"),
            ("root/self", "self"),
        ] {
            try #require(symlink(target, directory.appending(link)) == 0)
        }
        for path in ["out/secret", "secret", "absolute"] {
            await expect(Self.isDenied) { _ = try await store.get(ObjectPath(path)) }
            await expect(Self.isDenied) { _ = try await store.head(ObjectPath(path)) }
        }
        await expect(Self.isNotFound) { _ = try await store.get(ObjectPath("dangling")) }
        await expect({ _ in true }) { _ = try await store.get(ObjectPath("self")) }
        await expect(Self.isDenied) { try await store.put(ObjectPath("out/new"), Bytes("x"), mode: .overwrite) }
        await expect(Self.isDenied) { try await store.put(ObjectPath("out/deeper/new"), Bytes("x"), mode: .overwrite) }
        #expect(directory.names(in: "outside") == ["secret"])
        #expect(try await store.delete([ObjectPath("out/secret")]).map(\.path.string) == ["out/secret"])
        #expect(directory.names(in: "outside") == ["secret"])

        // Links to files inside are objects; links to directories would show objects twice, and a vacuum would delete the ones that count.
        #expect(try await store.get(ObjectPath("in")).text == "inside")
        #expect(try await store.list(prefix: "", startAfter: nil).all().map(\.path.string) == ["in", "inside/x"])
        await expect({ if case let .permissionDenied(_, operation) = $0 { operation.contains("a symbolic link leads out") } else { false } }) {
            _ = try await store.list(prefix: "out/", startAfter: nil).next()
        }
        #expect(try await store.delete([ObjectPath("secret")]).isEmpty)
        #expect(directory.names(in: "outside") == ["secret"])
    }

    @Test func theRootItselfMayBeALink() async throws {
        try directory.write("real/x", "1")
        try #require(symlink("real", directory.appending("link")) == 0)
        let linked = LocalStore(root: directory.appending("link/"), executor: Backend.executor)
        #expect(try await linked.get(ObjectPath("x")).text == "1")
        try await linked.put(ObjectPath("y/z"), Bytes("2"), mode: .ifAbsent)
        #expect(try await linked.list(prefix: "", startAfter: nil).all().map(\.path.string) == ["x", "y/z"])
    }

    @Test func whatIsNoFileIsNoObject() async throws {
        try directory.write("root/x", "1")
        try #require(mkfifo(directory.appending("root/pipe"), 0o600) == 0)
        // Opening a FIFO for reading would wait for a writer for ever.
        await expect(Self.isNotFound) { _ = try await store.get(ObjectPath("pipe")) }
        await expect(Self.isNotFound) { _ = try await store.head(ObjectPath("pipe")) }
        #expect(try await store.list(prefix: "", startAfter: nil).all().map(\.path.string) == ["x"])
        try #require(mkdir(directory.appending("root/d"), 0o700) == 0)
        await expect({ if case .alreadyExists = $0 { true } else { false } }) { try await store.put(ObjectPath("d"), Bytes("x"), mode: .ifAbsent) }
        await expect({ _ in true }) { try await store.put(ObjectPath("d"), Bytes("x"), mode: .overwrite) }
        #expect(try await store.delete([ObjectPath("d")]).count == 1)
        await expect(Self.isNotFound) { try await store.put(ObjectPath("x/y"), Bytes("x"), mode: .ifAbsent) }
        #expect(directory.names(in: "root") == ["d", "pipe", "x"])
    }

    @Test func hiddenAndUnreadableNamesAreNotListed() async throws {
        let temporary = ".\(UUID.v4()).tmp"
        for name in ["root/x", "root/\(temporary)", "root/.tmp", "root/.f81d4fae.tmp"] { try directory.write(name, "") }
        let invalid = ((directory.path + "/root/").utf8.map { CChar(bitPattern: $0) }) + [-1, -2, 0]
        let descriptor = open(invalid, O_CREAT | O_WRONLY, 0o600)
        try #require(descriptor >= 0)
        close(descriptor)
        #expect(try await store.list(prefix: "", startAfter: nil).all().map(\.path.string) == [".f81d4fae.tmp", ".tmp", "x"])
    }

    @Test func namesThatAreTooLongAreNamedSo() async throws {
        let long = String(repeating: "x", count: 300)
        await expect({ if case .invalidPath = $0 { true } else { false } }) { try await store.put(ObjectPath(long), .empty, mode: .ifAbsent) }
        let deep = Array(repeating: String(repeating: "d", count: 200), count: 30).joined(separator: "/")
        await expect({ if case .invalidPath = $0 { true } else { false } }) { try await store.put(ObjectPath(deep), .empty, mode: .ifAbsent) }
    }

    /// Within the kernel, between two stores, behind and before other bytes; to a file that is opened anew each time.
    @Test func aWriterTakesRangesOfOtherFiles() async throws {
        let bytes = Bytes((0..<(20 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) })
        let other = LocalStore(root: directory.appending("other"), executor: Backend.executor)
        let path = try ObjectPath("a/source")
        try await other.put(path, bytes, mode: .ifAbsent)
        let writer = try await store.write(ObjectPath("target"))
        try await writer.write(Bytes("head"))
        #expect(try await writer.copy(5..<(17 << 20), of: path, in: other))
        try await writer.write(Bytes("middle"))
        #expect(try await writer.copy(0..<3, of: path, in: other))
        #expect(try await writer.copy(7..<7, of: path, in: other))
        await expect({ if case .invalidRange = $0 { true } else { false } }) { _ = try await writer.copy(0..<(21 << 20), of: path, in: other) }
        await expect(Self.isNotFound) { _ = try await writer.copy(0..<1, of: ObjectPath("b"), in: other) }
        #expect(try await !writer.copy(0..<1, of: path, in: InMemoryStore()))
        try await writer.finish()
        let source = bytes.withUnsafeBytes { Array($0) }
        let expected = Array("head".utf8) + source[5..<(17 << 20)] + Array("middle".utf8) + source[0..<3]
        #expect(try await store.get(ObjectPath("target")).withUnsafeBytes { $0.elementsEqual(expected) })
    }

    @Test(arguments: [true, false])
    func aFullDiskIsSaidAndLeavesNothing(nameless: Bool) async throws {
        guard let disk = try SmallDisk("size=256k") else { return }
        let tree = DirectoryTree(root: disk.path, usesNamelessFiles: nameless)
        let store = LocalStore(tree: tree, executor: Backend.executor, random: SystemRandomSource())
        try await store.put(ObjectPath("_delta_log/0.json"), Bytes("{}"), mode: .ifAbsent)
        let isFull = { (error: ObjectStoreError) in if case .outOfSpace = error { true } else { false } }
        await expect(isFull) { try await store.put(ObjectPath("big"), Bytes([UInt8](repeating: 7, count: 1 << 20)), mode: .ifAbsent) }
        let writer = try await store.write(ObjectPath("part"))
        await expect(isFull) { for _ in 0..<100 { try await writer.write(Bytes([UInt8](repeating: 7, count: 8192))) } }
        await writer.abort()
        #expect(try await store.list(prefix: "", startAfter: nil).all().map(\.path.string) == ["_delta_log/0.json"])
        try await store.put(ObjectPath("fits"), Bytes([UInt8](repeating: 7, count: 100 << 10)), mode: .ifAbsent)
        #expect(disk.directory.names(in: "disk") == ["_delta_log", "fits"])
    }

    @Test func aReadOnlyDiskIsDenied() async throws {
        guard let disk = try SmallDisk("size=256k") else { return }
        let store = LocalStore(root: disk.path, executor: Backend.executor)
        try await store.put(ObjectPath("a/x"), Bytes("1"), mode: .ifAbsent)
        try disk.makeReadOnly()
        await expect(Self.isDenied) { try await store.put(ObjectPath("a/y"), Bytes("1"), mode: .ifAbsent) }
        await expect(Self.isDenied) { try await store.put(ObjectPath("b/y"), Bytes("1"), mode: .overwrite) }
        await expect(Self.isDenied) { _ = try await store.write(ObjectPath("a/z")) }
        #expect(try await store.delete([ObjectPath("a/x")]).count == 1)
        #expect(try await store.get(ObjectPath("a/x")).text == "1")
    }

    @Test func missingPermissionsAreDenied() async throws {
        guard geteuid() != 0 else {
            print("skipped: permissions do not bind root; the read-only disk's test covers the error")
            return
        }
        try directory.write("root/d/x", "1")
        chmod(directory.appending("root/d"), 0o000)
        await expect(Self.isDenied) { _ = try await store.get(ObjectPath("d/x")) }
        await expect(Self.isDenied) { try await store.put(ObjectPath("d/y"), .empty, mode: .ifAbsent) }
        await expect(Self.isDenied) { _ = try await store.list(prefix: "", startAfter: nil).all() }
    }

    /// What NFS says when the answer to a `link` was lost and the request came again: the name is taken, by ourselves or by another.
    @Test(arguments: [EEXIST, EIO, ETIMEDOUT], [true, false])
    func aLinkWhoseAnswerIsLostIsKnownByItsCount(code: Int32, linked: Bool) async throws {
        let tree = DirectoryTree(root: directory.path, usesNamelessFiles: false) { directory, from, to in
            if linked { _ = linkat(directory, from, directory, to, 0) }
            errno = code
            return -1
        }
        let store = LocalStore(tree: tree, executor: Backend.executor, random: SystemRandomSource())
        if linked {
            try await store.put(ObjectPath("0.json"), Bytes("ours"), mode: .ifAbsent)
            #expect(try await store.get(ObjectPath("0.json")).text == "ours")
        } else {
            try directory.write("0.json", "theirs")
            await expect({ if case .alreadyExists = $0 { code == EEXIST } else { code != EEXIST && $0.isRetryable } }) {
                try await store.put(ObjectPath("0.json"), Bytes("ours"), mode: .ifAbsent)
            }
            #expect(try await store.get(ObjectPath("0.json")).text == "theirs")
        }
        #expect(directory.names() == ["0.json"])
    }

    /// Without nameless files a killed writer leaves a hidden one.
    @Test func hiddenFilesOfKilledWritersAreFoundAndRemoved() async throws {
        let store = LocalStore(tree: DirectoryTree(root: directory.path, usesNamelessFiles: false), executor: Backend.executor, random: SystemRandomSource())
        let writer = try await store.write(ObjectPath("p=1/part.parquet"))
        try await writer.write(Bytes("half"))
        try directory.write("p=1/other", "")
        #expect(try await store.unfinishedUploads(begunBefore: SystemClock().now() - .seconds(60)).isEmpty)
        let uploads = try await store.unfinishedUploads(begunBefore: SystemClock().now() + .seconds(60))
        #expect(uploads.count == 1 && uploads.allSatisfy { $0.path.directory == "p=1" })
        #expect(try await store.giveUp(uploads) == 0)
        #expect(directory.names(in: "p=1") == ["other"])
        let nameless = LocalStore(root: directory.path, executor: Backend.executor)
        #expect(try await nameless.unfinishedUploads(begunBefore: SystemClock().now() + .seconds(60)).isEmpty)
        await writer.abort()
    }

    @Test func messagesNameTheFile() async throws {
        await expect({ $0.description == "\(directory.path)/root/no/such: there is no such object" }) { _ = try await store.get(ObjectPath("no/such")) }
    }
}
