import Base
import Foundation
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// A store behind a proxy that cuts, doubles and refuses (Tests/Interop/fault_proxy.py): nothing is written twice, lost, or left lying about.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: S3TestServer.python)), .serialized) struct S3FaultTests {
    static let isSoak = FaultProxy.isSoak

    /// Faults only where a key asks for one.
    static let onDemand = Result { try S3TestServer(faultRate: 0, seed: FaultProxy.seed) }
    static let atRandom = Result { try S3TestServer(faultRate: 0.25, seed: FaultProxy.seed) }

    static func stores(_ server: S3TestServer, rules: MultipartRules = MultipartRules()) throws -> (faulty: S3Store, clean: S3Store) {
        let prefix = "tests/\(UUID().uuidString)/"
        let behind = try #require(server.behind)
        return (
            S3Store(bucket: try server.makeBucket(policy: FaultyRuns.policy()), prefix: prefix, multipart: rules),
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

    private static func runs(_ server: S3TestServer, _ faulty: S3Store, _ clean: S3Store) -> FaultyRuns {
        FaultyRuns(name: "S3", faulty: faulty, clean: clean, endpoint: server.endpoint)
    }

    @Test func racingWritersBehindFaultsHaveOneWinnerEach() async throws {
        let server = try Self.atRandom.get()
        let (faulty, clean) = try Self.stores(server)
        try await Self.runs(server, faulty, clean).race(versions: Self.isSoak ? 600 : 15)
    }

    @Test func everyOperationFinishesOrFailsCleanly() async throws {
        let server = try Self.atRandom.get()
        let (faulty, clean) = try Self.stores(server, rules: MultipartRules(partSize: 20_000, parallelParts: 3))
        try await Self.runs(server, faulty, clean).operate(objects: Self.isSoak ? 800 : 25)
        let left = try await clean.bucket.uploads(prefix: clean.prefix)
        #expect(left.isEmpty, "seed \(FaultProxy.seed): left behind: \(left)")
    }
}
