import Base
import TestSupport
import Testing

@testable import ObjectStore

/// A backend under test with whatever must outlive it.
struct Backend: Sendable, CustomTestStringConvertible {
    let name: String
    /// What a page of a listing holds at most. Small where each object costs a request, so that a few hundred make several pages.
    var pageSize = 1000
    let make: @Sendable () throws -> (store: any ObjectStore, keeper: any Sendable)

    var testDescription: String { name }

    static let executor = BlockingExecutor(threads: 4, name: "store-tests")

    static let all =
        [
            Backend(name: "local") {
                let directory = try TemporaryDirectory()
                return (LocalStore(root: directory.path, executor: executor), directory)
            },
            Backend(name: "local with hidden names") {
                let directory = try TemporaryDirectory()
                let tree = DirectoryTree(root: directory.path, usesNamelessFiles: false)
                return (LocalStore(tree: tree, executor: executor, random: SystemRandomSource()), directory)
            },
            Backend(name: "memory") { (InMemoryStore(), true) },
        ] + s3 + azure + gcs
}

/// What every store has to do, see ``ObjectStore``.
@Suite struct ConformanceTests {
    static func path(_ string: String) throws -> ObjectPath { try ObjectPath(string) }

    static func paths(_ listing: any ObjectListing) async throws -> [String] { try await listing.all().map(\.path.string) }

    @Test(arguments: Backend.all)
    func whatIsPutCanBeRead(backend: Backend) async throws {
        let (store, keeper) = try backend.make()
        defer { withExtendedLifetime(keeper) {} }
        let path = try ObjectPath("a/b c%20ü/=x.json")
        let before = SystemClock().now() - .seconds(5)
        try await store.put(path, Bytes("0123456789"), mode: .overwrite)
        #expect(try await store.get(path).text == "0123456789")
        #expect(try await store.get(path, range: 2..<5).text == "234")
        #expect(try await store.get(path, range: 8..<100).text == "89")
        #expect(try await store.get(path, range: 10..<20).isEmpty)
        #expect(try await store.get(path, ranges: [7..<9, 0..<1, 4..<4]).map(\.text) == ["78", "0", ""])
        let info = try await store.head(path)
        #expect(info.sizeInBytes == 10)
        #expect(info.path == path)
        #expect(info.modified > before && info.modified < SystemClock().now() + .seconds(5))
        try await store.put(path, Bytes("new"), mode: .overwrite)
        #expect(try await store.get(path).text == "new")
        try await store.put(try ObjectPath("empty"), .empty, mode: .ifAbsent)
        #expect(try await store.get(try ObjectPath("empty")).isEmpty)
    }

    @Test(arguments: Backend.all)
    func errorsAreTyped(backend: Backend) async throws {
        let (store, keeper) = try backend.make()
        defer { withExtendedLifetime(keeper) {} }
        let missing = try ObjectPath("no/such")
        func isNotFound(_ error: any Error) -> Bool { if case .notFound = error as? ObjectStoreError { true } else { false } }
        await #expect(performing: { _ = try await store.get(missing) }, throws: isNotFound)
        await #expect(performing: { _ = try await store.get(missing, ranges: [0..<1]) }, throws: isNotFound)
        await #expect(performing: { _ = try await store.head(missing) }, throws: isNotFound)

        let path = try ObjectPath("dir/x")
        try await store.put(path, Bytes("abc"), mode: .ifAbsent)
        await #expect(performing: { _ = try await store.get(try ObjectPath("dir")) }, throws: isNotFound)
        await #expect(performing: { _ = try await store.head(try ObjectPath("dir/x/y")) }, throws: isNotFound)
        await #expect(
            performing: {
                try await store.put(path, Bytes("d"), mode: .ifAbsent)
            }, throws: { if case .alreadyExists = $0 as? ObjectStoreError { true } else { false } })
        await #expect(
            performing: {
                _ = try await store.get(path, range: 4..<5)
            }, throws: { if case .invalidRange(_, 4, 3) = $0 as? ObjectStoreError { true } else { false } })
        #expect(try await store.get(path).text == "abc")
    }

    @Test(arguments: Backend.all)
    func listingsAreOrderedByBytesOfTheFullPath(backend: Backend) async throws {
        let (store, keeper) = try backend.make()
        defer { withExtendedLifetime(keeper) {} }
        // `-` and `.` sort before `/`, `0` after it; upper before lower case; é and 😀 by their UTF-8.
        let names = [
            "a-b", "a.b", "a/b", "a/b-c/d", "a/b.c", "a/bb", "a0", "B", "_delta_log/00000000000000000000.json", "_delta_log/00000000000000000001.json",
            "_delta_log/_last_checkpoint",
            "p=1%2F2/x", "p=1/x", "p= /x", "é/x", "e\u{301}/x", "\u{338}y/\u{338}/x", "😀", "z/.hidden", "z/.tmp", "z/..x",
        ]
        for name in names.shuffled() { try await store.put(try ObjectPath(name), Bytes(name), mode: .ifAbsent) }
        let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }

        #expect(try await Self.paths(store.list(prefix: "", startAfter: nil)) == sorted)
        for prefix in [
            "a", "a/", "a/b", "a/b-c/", "_delta_log/", "_delta_log/00000000000000000001", "p=1", "nothing/", "nothing", "z/.", "a/b/", "../", "/", "a//",
            "a/../",
        ] {
            #expect(
                try await Self.paths(store.list(prefix: prefix, startAfter: nil)) == sorted.filter { $0.utf8.starts(with: prefix.utf8) }, "prefix \(prefix)")
        }
        for bound in sorted + ["", "a", "a/", "a/b-c/", "a/b-c", "a/b-c/d/e", "b", "zz", "_delta_log/00000000000000000000.jsonx", "p=", "a/c"] {
            let expected = sorted.filter { bound.utf8.lexicographicallyPrecedes($0.utf8) }
            #expect(try await Self.paths(store.list(prefix: "", startAfter: bound)) == expected, "after \(bound)")
            let below = expected.filter { $0.hasPrefix("a/") }
            #expect(try await Self.paths(store.list(prefix: "a/", startAfter: bound)) == below, "a/ after \(bound)")
        }
    }

    @Test(arguments: Backend.all)
    func longListingsComeInPages(backend: Backend) async throws {
        let (store, keeper) = try backend.make()
        defer { withExtendedLifetime(keeper) {} }
        let names = (0..<backend.pageSize * 5 / 2).map { "d\($0 % 3)/\($0)" }
        _ = try await concurrentMap(names, limit: 4) { try await store.put(try ObjectPath($0), .empty, mode: .overwrite) }
        let listing = store.list(prefix: "", startAfter: nil)
        var pages = 0
        var all: [String] = []
        while let page = try await listing.next() {
            #expect(page.count <= backend.pageSize)
            pages += 1
            all += page.map(\.path.string)
        }
        #expect(pages >= 3)
        #expect(all == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        #expect(try await listing.next() == nil)
    }

    @Test(arguments: Backend.all)
    func deletingIsIdempotentAndNamesFailures(backend: Backend) async throws {
        let (store, keeper) = try backend.make()
        defer { withExtendedLifetime(keeper) {} }
        try await store.put(try ObjectPath("a/1"), Bytes("x"), mode: .overwrite)
        try await store.put(try ObjectPath("a/2"), Bytes("x"), mode: .overwrite)
        let failures = try await store.delete(["a/1", "a/missing", "no/dir", "a/1"].map { try ObjectPath($0) })
        #expect(failures.isEmpty)
        #expect(try await Self.paths(store.list(prefix: "", startAfter: nil)) == ["a/2"])
    }

    @Test(arguments: Backend.all)
    func writersShowNothingBeforeTheyFinish(backend: Backend) async throws {
        let (store, keeper) = try backend.make()
        defer { withExtendedLifetime(keeper) {} }
        let path = try ObjectPath("w/part.parquet")
        let writer = try await store.write(path)
        try await writer.write(Bytes("abc"))
        #expect(try await Self.paths(store.list(prefix: "", startAfter: nil)) == [])
        await #expect(throws: ObjectStoreError.self) { try await store.head(path) }
        try await writer.write(Bytes("def"))
        try await writer.finish()
        #expect(try await store.get(path).text == "abcdef")

        let second = try await store.write(path)
        try await second.write(Bytes("other"))
        await #expect(performing: { try await second.finish() }, throws: { if case .alreadyExists = $0 as? ObjectStoreError { true } else { false } })
        await second.abort()
        #expect(try await store.get(path).text == "abcdef")

        let aborted = try await store.write(try ObjectPath("w/aborted"))
        try await aborted.write(Bytes("x"))
        await aborted.abort()
        #expect(try await Self.paths(store.list(prefix: "", startAfter: nil)) == ["w/part.parquet"])
    }

    @Test(arguments: Backend.all)
    func exactlyOneOfManyRacersWins(backend: Backend) async throws {
        let (store, keeper) = try backend.make()
        defer { withExtendedLifetime(keeper) {} }
        for version in 0..<(backend.pageSize / 20) {
            let path = try ObjectPath("_delta_log/\(version).json")
            let outcomes = try await concurrentMap(Array(0..<8), limit: 8) { racer in
                do {
                    try await store.put(path, Bytes("\(racer)"), mode: .ifAbsent)
                    return racer
                } catch ObjectStoreError.alreadyExists {
                    return -1
                }
            }
            let winners = outcomes.filter { $0 >= 0 }
            #expect(winners.count == 1)
            #expect(try await store.get(path).text == "\(winners.first ?? -1)")
        }
    }

    @Test(arguments: Backend.all)
    func cancelledTasksEndWithCancellation(backend: Backend) async throws {
        let (store, keeper) = try backend.make()
        defer { withExtendedLifetime(keeper) {} }
        let path = try ObjectPath("x")
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await store.put(path, .empty, mode: .overwrite)
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await Self.paths(store.list(prefix: "", startAfter: nil)) == [])
    }
}
