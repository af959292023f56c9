import Base
import TestSupport
import Testing

@testable import ObjectStore

/// Runs that every remote backend must bear behind a network that cuts, delays, doubles and refuses. What came of them is read past the faults.
struct FaultyRuns {
    let name: String
    /// Behind the faults.
    let faulty: any ObjectStore
    /// The same place without them.
    let clean: any ObjectStore
    /// Of the faults' proxy.
    let endpoint: String
    /// A little more than a part.
    var largestObject = 90_000

    static func policy() -> RetryPolicy {
        var policy = RetryPolicy()
        policy.backoff = Backoff(base: .milliseconds(2), cap: .milliseconds(50))
        policy.throttledBackoff = policy.backoff
        policy.maximumAttempts = 12
        policy.attemptTimeout = .seconds(5)
        return policy
    }

    private static func isNotFound(_ error: any Error) -> Bool { if case .notFound = error as? ObjectStoreError { true } else { false } }

    /// Four writers race for each of `versions` commits: one wins, and knows; what is there is what it wrote.
    func race(versions: Int) async throws {
        let lost = Lock(0)
        try await concurrentForEach(Array(0..<versions), limit: 4) { version in
            let path = try ObjectPath("_delta_log/\(version).json")
            let outcomes = try await concurrentMap(Array(0..<4), limit: 4) { racer -> (won: Bool, unknown: Bool) in
                do {
                    try await faulty.put(path, Bytes("racer \(racer) of \(version)"), mode: .ifAbsent)
                    return (true, false)
                } catch ObjectStoreError.alreadyExists {
                    return (false, false)
                } catch let error as ObjectStoreError where error.isRetryable {
                    lost.withLock { $0 += 1 }
                    return (false, true)
                }
            }
            let winners = outcomes.indices.filter { outcomes[$0].won }
            #expect(winners.count == 1 || (winners.isEmpty && outcomes.contains { $0.unknown }), "seed \(FaultProxy.seed), version \(version): \(winners)")
            if winners.isEmpty, try await clean.list(prefix: path.string, startAfter: nil).all().isEmpty { return }
            let found = try await clean.get(path).text
            if let winner = winners.first {
                #expect(found == "racer \(winner) of \(version)")
            } else {
                #expect(outcomes.indices.contains { outcomes[$0].unknown && found == "racer \($0) of \(version)" })
            }
        }
        try await report("\(versions) commits raced for by four, \(lost.withLock { $0 }) puts gave up")
    }

    /// Objects of many sizes are written, given up, read, listed and deleted: every operation does what it says, or fails as one that may be tried again.
    func operate(objects: Int) async throws {
        let failed = Lock(0)
        try await concurrentForEach(Array(0..<objects), limit: 6) { number in
            let random = SeededRandomSource(seed: UInt64(number))
            let content = StoreServer.content(1000 + random.integer(below: largestObject))
            let path = try ObjectPath("d=\(number % 7)/\(number)")
            do {
                let writer = try await faulty.write(path)
                do {
                    let step = largestObject / 13
                    for start in stride(from: 0, to: content.count, by: step) { try await writer.write(content.dropFirst(start).prefix(step)) }
                    if number % 9 == 8 {
                        await writer.abort()
                        await #expect(performing: { _ = try await clean.head(path) }, throws: Self.isNotFound)
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
                    await #expect(performing: { _ = try await clean.head(path) }, throws: Self.isNotFound)
                } else {
                    #expect(try await faulty.list(prefix: "d=\(number % 7)/", startAfter: nil).all().contains { $0.path == path })
                }
            } catch let error as ObjectStoreError where error.isRetryable {
                failed.withLock { $0 += 1 }
            }
        }
        try await report("\(objects) objects, \(failed.withLock { $0 }) gave up")
        // Twelve attempts at a quarter of failures: hardly any gives up.
        #expect(failed.withLock { $0 } <= max(2, objects / 200))
    }

    private func report(_ done: String) async throws {
        print("\(name): \(done); so far, with seed \(FaultProxy.seed): \(try await FaultProxy.counts(endpoint))")
    }
}
