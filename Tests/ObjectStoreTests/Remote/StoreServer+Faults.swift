import Base
import ObjectStore
import TestSupport
import Testing

/// What every remote backend must bear, told by how its requests are recognised.
extension StoreServer {
    /// The ways in which the answer to a put gets lost, some of them before the server has acted.
    static let lostAnswers: [[String: JSONValue]] = [
        ["after": true], ["truncate": 10, "after": true], ["status": 500, "after": true], ["status": 503, "after": true], ["status": 503], [:], ["status": 429],
    ]

    /// A commit whose answer is lost is there once, and whoever wrote it knows; where another's was there, that is known too.
    ///
    /// - Parameter match: the requests that put an object.
    func expectLostCommitsAreReadBack(_ store: any ObjectStore, _ fault: [String: JSONValue], match: String) async throws {
        let path = try ObjectPath("_delta_log/0.json")
        try await fail(match, fault)
        try await store.put(path, Bytes("ours"), mode: .ifAbsent)
        // The same bytes from another writer are another writer's.
        await #expect(throws: ObjectStoreError.self) { try await store.put(path, Bytes("ours"), mode: .ifAbsent) }
        #expect(try await store.get(path).text == "ours")
        let last = try ObjectPath("_delta_log/1.json")
        try await store.put(last, Bytes("theirs"), mode: .ifAbsent)
        try await fail(match, fault)
        await #expect(throws: ObjectStoreError.self) { try await store.put(last, Bytes("ours"), mode: .ifAbsent) }
        #expect(try await store.get(last).text == "theirs")
    }

    /// A missing container is not a missing object, in no operation.
    ///
    /// - Parameter message: what the error says of it.
    func expectMissingContainer(_ store: any ObjectStore, says message: String) async throws {
        let path = try ObjectPath("x")
        let operations: [(name: String, run: () async throws -> Void)] = [
            ("get", { _ = try await store.get(path) }),
            ("list", { _ = try await store.list(prefix: "", startAfter: nil).all() }),
            ("put", { try await store.put(path, Bytes("1"), mode: .ifAbsent) }),
            ("delete", { for failure in try await store.delete([path]) { throw failure.error } }),
        ]
        for operation in operations {
            do {
                try await operation.run()
                Issue.record("\(operation.name): no error")
            } catch let error as ObjectStoreError {
                if case .notFound = error { Issue.record("\(operation.name): \(error)") }
                #expect("\(error)".contains(message))
            }
        }
    }

    /// Deletes twice as many objects as there are, in four batches and, from a server without them, one by one. In a batch one object fails for a while and
    /// one for good.
    ///
    /// - Parameters:
    ///   - part: what a batch's part says of an object up to its number, escaped as the service's requests are.
    ///   - batch: the requests that are batches.
    func expectBatchDeletion(_ store: any ObjectStore, objects: Int, part: String, batch: String) async throws {
        let paths = try (0..<objects).map { try ObjectPath("d/\($0) %2F+&=ü") }
        for supports in [true, false] {
            try await configure(["supports_batch": .bool(supports)])
            _ = try await concurrentMap(Array(paths.prefix(objects / 2)), limit: 8) { try await store.put($0, .empty, mode: .overwrite) }
            try await forget()
            try await fail("^PART DELETE .*\(part)7%20", ["status": 503])
            try await fail("^PART DELETE .*\(part)9%20", ["status": 403])
            let failures = try await store.delete(paths)
            if supports {
                #expect(failures.map(\.path) == [paths[9]])
                #expect(try await requests(batch).count == 4)
            } else {
                #expect(failures.isEmpty)
            }
        }
        try await configure(["supports_batch": true])
        try await forget()
        #expect(try await store.list(prefix: "", startAfter: nil).all().isEmpty)
    }
}
