import Base
import Foundation
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// A store behind a proxy that cuts, doubles and refuses (Tests/Interop/fault_proxy.py): nothing is written twice, lost, or left lying about.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: S3TestServer.python)), .serialized) struct S3FaultTests {
    static let isSoak = environmentVariable("LEVEE_SOAK") == "1"
    static let seed = environmentVariable("LEVEE_SEED") ?? "20261121"

    /// Faults only where a key asks for one.
    static let onDemand = Result { try S3TestServer(faultRate: 0, seed: seed) }
    static let atRandom = Result { try S3TestServer(faultRate: 0.25, seed: seed) }

    static func policy() -> RetryPolicy {
        var policy = RetryPolicy()
        policy.backoff = Backoff(base: .milliseconds(2), cap: .milliseconds(50))
        policy.throttledBackoff = policy.backoff
        policy.maximumAttempts = 12
        policy.attemptTimeout = .seconds(5)
        return policy
    }

    static func stores(_ server: S3TestServer, rules: MultipartRules = MultipartRules()) throws -> (faulty: S3Store, clean: S3Store) {
        let prefix = "tests/\(UUID().uuidString)/"
        let behind = try #require(server.behind)
        return (
            S3Store(bucket: try server.makeBucket(policy: policy()), prefix: prefix, multipart: rules),
            S3Store(bucket: try server.makeBucket(["endpoint": behind]), prefix: prefix)
        )
    }

    /// Every position of request and response in a soak, some otherwise.
    static func positions(_ last: Int) -> [Int] { Array(stride(from: 0, through: last, by: isSoak ? 1 : 41)) }

    @Test(arguments: [("response", 420), ("request", 1000), ("twice", 0), ("refused", 0)])
    func aPutWhoseAnswerIsLostIsWrittenOnceAndKnown(kind: String, last: Int) async throws {
        let server = try Self.onDemand.get()
        let (faulty, clean) = try Self.stores(server)
        try await concurrentForEach(Self.positions(last), limit: 4) { position in
            let path = try ObjectPath("_delta_log/fault~\(kind)~\(position)~x.json")
            let commit = Bytes("{\"commitInfo\":{\"txnId\":\"\(UUID().uuidString)\"}}\n")
            try await faulty.put(path, commit, mode: .ifAbsent)
            #expect(try await clean.get(path) == commit, "\(kind) at \(position)")
            await #expect(throws: ObjectStoreError.alreadyExists(path: faulty.bucket.shown(faulty.prefix + path.string))) {
                try await faulty.put(path, commit, mode: .ifAbsent)
            }
        }
    }

    @Test func anotherWritersCommitIsNeverTakenForOurs() async throws {
        let server = try Self.onDemand.get()
        let (faulty, clean) = try Self.stores(server)
        try await concurrentForEach(Self.positions(1000), limit: 4) { position in
            let path = try ObjectPath("_delta_log/fault~rival~\(position)~x.json")
            await #expect(throws: ObjectStoreError.alreadyExists(path: faulty.bucket.shown(faulty.prefix + path.string))) {
                try await faulty.put(path, Bytes("{\"ours\":\(position)}"), mode: .ifAbsent)
            }
            #expect(try await clean.get(path).text.hasPrefix("rival"))
        }
    }

    @Test func racingWritersBehindFaultsHaveOneWinnerEach() async throws {
        let server = try Self.atRandom.get()
        let (faulty, clean) = try Self.stores(server)
        try await concurrentForEach(Array(0..<(Self.isSoak ? 600 : 30)), limit: 4) { version in
            let path = try ObjectPath("_delta_log/\(version).json")
            let outcomes = try await concurrentMap(Array(0..<4), limit: 4) { racer -> (won: Bool, unknown: Bool) in
                do {
                    try await faulty.put(path, Bytes("racer \(racer) of \(version)"), mode: .ifAbsent)
                    return (true, false)
                } catch ObjectStoreError.alreadyExists {
                    return (false, false)
                } catch let error as ObjectStoreError where error.isRetryable {
                    return (false, true)
                }
            }
            let winners = outcomes.indices.filter { outcomes[$0].won }
            #expect(winners.count == 1 || (winners.isEmpty && outcomes.contains { $0.unknown }), "seed \(Self.seed), version \(version): \(winners)")
            let found = try await clean.get(path).text
            if let winner = winners.first { #expect(found == "racer \(winner) of \(version)") }
        }
    }

    @Test func everyOperationFinishesOrFailsCleanly() async throws {
        let server = try Self.atRandom.get()
        let (faulty, clean) = try Self.stores(server, rules: MultipartRules(partSize: 20_000, parallelParts: 3))
        let failed = Lock(0)
        try await concurrentForEach(Array(0..<(Self.isSoak ? 800 : 40)), limit: 6) { number in
            let random = SeededRandomSource(seed: UInt64(number))
            let content = S3StoreTests.content(1000 + random.integer(below: 90_000))
            let path = try ObjectPath("d=\(number % 7)/\(number)")
            do {
                let writer = try await faulty.write(path)
                do {
                    for start in stride(from: 0, to: content.count, by: 7000) { try await writer.write(content.dropFirst(start).prefix(7000)) }
                    if number % 9 == 8 {
                        await writer.abort()
                        await #expect(
                            performing: { _ = try await clean.head(path) }, throws: { if case .notFound = $0 as? ObjectStoreError { true } else { false } })
                        return
                    }
                    try await writer.finish()
                } catch {
                    await writer.abort()
                    throw error
                }
                #expect(try await clean.get(path) == content)
                #expect(try await faulty.get(path) == content)
                #expect(try await faulty.get(path, ranges: [10..<500, 900..<1000]).last == content.dropFirst(900).prefix(100))
                if number % 3 == 0 {
                    #expect(try await faulty.delete([path, ObjectPath("no/\(number)")]).isEmpty)
                    await #expect(
                        performing: { _ = try await clean.head(path) }, throws: { if case .notFound = $0 as? ObjectStoreError { true } else { false } })
                } else {
                    #expect(try await faulty.list(prefix: "d=\(number % 7)/", startAfter: nil).all().contains { $0.path == path })
                }
            } catch let error as ObjectStoreError where error.isRetryable {
                failed.withLock { $0 += 1 }
            }
        }
        // Twelve attempts at a quarter of failures: hardly any gives up.
        #expect(failed.withLock { $0 } <= 2)
        let request = clean.bucket.request("list-uploads", "", "GET", key: "", query: [("uploads", ""), ("prefix", clean.prefix)])
        let left = S3MultipartUpload.uploads(in: try await clean.bucket.send(request).body)
        #expect(left.isEmpty, "seed \(Self.seed): left behind: \(left)")
    }
}
