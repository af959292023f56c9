import Base
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct RetryTests {
    static let failure = RemoteFailure(
        operation: "reading", target: "s3://b/k", cause: .server(ServerFailure(status: 503)), attempts: 1, mayHaveActed: false)

    @Test func attemptsWaitLongerAndEnd() async throws {
        let clock = ManualClock()
        let session = RetrySession(policy: RetryPolicy(), budget: RetryBudget(), clock: clock, random: SeededRandomSource(seed: 1))
        await #expect(throws: RemoteFailure.self) { while true { try await session.waitForNextAttempt(after: Self.failure) } }
        #expect(clock.slept.count == 7)
        for (index, slept) in clock.slept.enumerated() { #expect(slept <= .milliseconds(100 << index)) }
    }

    @Test func theServersWaitIsObeyedUnlessTheDeadlineIsNearer() async throws {
        let clock = ManualClock()
        var policy = RetryPolicy()
        policy.deadline = .seconds(60)
        let session = RetrySession(policy: policy, budget: RetryBudget(), clock: clock, random: SeededRandomSource(seed: 1))
        let patient = RemoteFailure(
            operation: "", target: "", cause: .server(ServerFailure(status: 503, headers: ["Retry-After": "40"])), attempts: 1, mayHaveActed: false)
        try await session.waitForNextAttempt(after: patient)
        #expect(clock.slept.first.map { $0 >= .seconds(40) } == true)
        await #expect(throws: RemoteFailure.self) { try await session.waitForNextAttempt(after: patient) }
    }

    @Test func theBudgetEndsRetriesAndSuccessFillsIt() {
        let budget = RetryBudget(capacity: 20)
        #expect((0..<5).map { _ in budget.take(afterTimeout: false) } == [5, 5, 5, 5, nil])
        budget.giveBack(5)
        #expect(budget.take(afterTimeout: true) == nil)
        #expect(budget.take(afterTimeout: false) == 5)
    }

    @Test func theCircuitOpensTriesOnceAndCloses() throws {
        let clock = ManualClock()
        let breaker = CircuitBreaker(threshold: 3, clock: clock, random: SeededRandomSource(seed: 1))
        for _ in 0..<3 {
            #expect(breaker.admit() == .admitted)
            breaker.failed("down")
        }
        guard case let .refused(wait, last) = breaker.admit() else { throw XMLError(reason: "admitted", offset: 0) }
        #expect(wait > .zero && wait <= .seconds(1) && last == "down")
        clock.advance(by: .seconds(1))
        #expect(breaker.admit() == .admitted)
        #expect(breaker.admit() != .admitted)
        breaker.failed("still down")
        #expect(breaker.admit() != .admitted)
        clock.advance(by: .seconds(2))
        #expect(breaker.admit() == .admitted)
        breaker.succeeded()
        #expect(breaker.admit() == .admitted && breaker.admit() == .admitted)
    }

    @Test func theGateBoundsRequestsAndBytesAndForgetsTheCancelled() async throws {
        let gate = FlightGate(maximumRequests: 3, maximumBytes: 100)
        let most = Lock((requests: 0, bytes: 0, nowRequests: 0, nowBytes: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    let bytes = index == 50 ? 500 : index % 60
                    do { try await gate.enter(bytes: bytes) } catch is CancellationError { return }
                    most.withLock {
                        $0.nowRequests += 1
                        $0.nowBytes += bytes
                        $0.requests = max($0.requests, $0.nowRequests)
                        if $0.nowRequests > 1 { $0.bytes = max($0.bytes, $0.nowBytes) }
                    }
                    await Task.yield()
                    most.withLock {
                        $0.nowRequests -= 1
                        $0.nowBytes -= bytes
                    }
                    gate.leave(bytes: bytes, .succeeded)
                }
                if index % 7 == 0 {
                    let cancelled = Task {
                        try await gate.enter(bytes: 10); gate.leave(bytes: 10, .other)
                    }
                    cancelled.cancel()
                    _ = await cancelled.result
                }
            }
            try await group.waitForAll()
        }
        let seen = most.withLock { $0 }
        #expect(seen.requests <= 3 && seen.bytes <= 100)
        try await gate.enter(bytes: 0)
        gate.leave(bytes: 0, .throttled)
        #expect(gate.currentLimit == 1)
        for _ in 0..<10 {
            try await gate.enter(bytes: 0)
            gate.leave(bytes: 0, .succeeded)
        }
        #expect(gate.currentLimit == 3)
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", Int64(784_111_777)), ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2028 23:59:59 GMT", 1_835_481_599),
    ])
    func timesAreWrittenAsHTTPHasThem(text: String, seconds: Int64) {
        #expect(Timestamp(httpDate: text)?.seconds == seconds)
        #expect(Timestamp(milliseconds: seconds * 1000).httpDate == text)
    }
}

@Suite struct CredentialCacheTests {
    struct Credential: ExpiringCredential, Hashable {
        var number: Int
        var expires: Timestamp?
    }

    final class Source: CredentialSource {
        let clock: ManualClock
        let life: Duration?
        let asked = Lock(0)
        let fails = Lock(false)

        init(_ clock: ManualClock, life: Duration?) {
            self.clock = clock
            self.life = life
        }

        func fetch() async throws -> Credential {
            let number = asked.withLock { asked -> Int in
                asked += 1
                return asked
            }
            await Task.yield()
            if fails.withLock({ $0 }) { throw CredentialsError(message: "no", isRetryable: true) }
            return Credential(number: number, expires: life.map { clock.now() + $0 })
        }
    }

    @Test func manyAskersMakeOneRequest() async throws {
        let source = Source(ManualClock(), life: nil)
        let cache = CredentialCache(source, clock: source.clock)
        let numbers = try await concurrentMap(Array(0..<20), limit: 20) { _ in try await cache.credential().number }
        #expect(numbers.allSatisfy { $0 == 1 })
        #expect(source.asked.withLock { $0 } == 1)
    }

    @Test func credentialsAreRenewedBeforeTheyEnd() async throws {
        let clock = ManualClock()
        let source = Source(clock, life: .seconds(3600))
        let cache = CredentialCache(source, clock: clock)
        #expect(try await cache.credential().number == 1)
        clock.advance(by: .seconds(2900))
        #expect(try await cache.credential().number == 1)
        clock.advance(by: .seconds(200))
        // In the background: the old one still serves, the next caller gets the new one.
        #expect(try await cache.credential().number == 1)
        while source.asked.withLock({ $0 }) < 2 { await Task.yield() }
        while try await cache.credential().number != 2 { await Task.yield() }
        clock.advance(by: .seconds(3590))
        #expect(try await cache.credential().number == 3)
        source.fails.withLock { $0 = true }
        clock.advance(by: .seconds(3590))
        #expect(try await cache.credential().number == 3)
        clock.advance(by: .seconds(20))
        await #expect(throws: CredentialsError.self) { try await cache.credential() }
        source.fails.withLock { $0 = false }
        #expect(try await cache.credential().expires.map { $0 > clock.now() } == true)
    }
}
