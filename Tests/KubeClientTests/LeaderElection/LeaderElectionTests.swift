import Base
import TestSupport
import Testing

@testable import KubeClient

/// A lease that any number of candidates share, and that can be made to fail.
private final class SharedLease: Sendable {
    struct State {
        var spec: Lease.Spec?
        var version = 0
        var requests = 0
        var isDown = false
        /// Nobody gets an answer.
        var isSilent = false
        var writers: [String?] = []
    }

    let state = Lock(State())

    var holder: String? { state.withLock { $0.spec?.holderIdentity } }
    var requests: Int { state.withLock { $0.requests } }

    /// One candidate's way to it, which knows what version it saw last.
    final class Access: LeaseLock {
        let lease: SharedLease
        private let seen = Lock(0)

        init(_ lease: SharedLease) { self.lease = lease }

        var reference: ObjectReference { ObjectReference(kind: "Lease", namespace: "ns", name: "lease") }

        func send(_ request: ElectionMachine.Request) async -> ElectionMachine.Answer {
            if lease.state.withLock({ state in
                state.requests += 1
                return state.isSilent
            }) {
                try? await Task.sleep(for: .seconds(3600))
                return .failed("cancelled")
            }
            return lease.state.withLock { state in
                guard !state.isDown else { return .failed("down") }
                let seen = seen.withLock { $0 }
                switch request {
                case .read:
                    self.seen.withLock { $0 = state.version }
                    return state.spec.map { .found($0) } ?? .missing
                case let .create(spec) where state.spec == nil, let .update(spec) where state.spec != nil && seen == state.version:
                    state.version += 1
                    state.spec = spec
                    state.writers.append(spec.holderIdentity)
                    self.seen.withLock { $0 = state.version }
                    return .accepted(spec)
                case .create, .update: return .conflict
                }
            }
        }
    }
}

private struct SteppedElapsedClock: ElapsedClock {
    let clock = SteppedClock()

    func elapsed() -> Duration { clock.now() - Timestamp(microseconds: 1_700_000_000_000_000) }
    func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }
}

/// What became of one candidate's run.
private final class Candidate: Sendable {
    let election: LeaderElection
    let notes: Lock<[String]>
    private let task = Lock<Task<Void, Never>?>(nil)
    private let result = Lock<Result<Void, any Error>?>(nil)

    init(_ name: String, _ lease: SharedLease, _ clock: SteppedElapsedClock, notes: Lock<[String]> = Lock([]), status: Gauge? = nil) throws {
        self.notes = notes
        let options = LeaderElection.Options(lease: ObjectKey(namespace: "ns", name: "lease"), process: name, timing: try ElectionTiming())
        election = LeaderElection(
            lock: SharedLease.Access(lease), options: options, clock: clock, wall: clock.clock, random: SeededRandomSource(seed: 7), status: status)
    }

    /// - Parameter work: nil: waits until it is cancelled.
    func start(_ work: (@Sendable () async throws -> Void)? = nil) {
        let task = Task { [election, notes, result] in
            do {
                try await election.run {
                    notes.withLock { $0.append("leads") }
                    if let work { return try await work() }
                    try? await Task.sleep(for: .seconds(3600))
                    notes.withLock { $0.append("ended") }
                }
                result.withLock { $0 = .success(()) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
        }
        self.task.withLock { $0 = task }
    }

    func cancel() { task.withLock { $0?.cancel() } }

    var leads: Bool { election.leadership.isHeld }
    var hasEnded: Bool { result.withLock { $0 != nil } }
    var error: (any Error)? { result.withLock { if case let .failure(error) = $0 { error } else { nil } } }
}

@Suite struct LeaderElectionTests {
    /// Steps the clock until something is true. Between the steps the candidates get their turn, until each of them sleeps.
    private func step(
        _ clock: SteppedElapsedClock, upTo seconds: Int, candidates: Int = 1, sourceLocation: SourceLocation = #_sourceLocation, until condition: () -> Bool
    ) async {
        for _ in 0..<(seconds * 4) {
            // Who sleeps for longer waits for an answer, which is on its way: time must not run ahead of it.
            for _ in 0..<20 where clock.clock.sleepers(within: .seconds(5)) < candidates && !condition() { try? await Task.sleep(for: .milliseconds(1)) }
            if condition() { return }
            clock.clock.advance(by: .milliseconds(250))
        }
        await eventually("in \(seconds) seconds", sourceLocation: sourceLocation, condition)
    }

    @Test func theOtherLeadsOnceTheFirstHasGivenTheLeaseBack() async throws {
        let (lease, clock) = (SharedLease(), SteppedElapsedClock())
        let registry = MetricsRegistry()
        let first = try Candidate("first", lease, clock, status: registry.gauge("leader_election_master_status", help: ""))
        let second = try Candidate("second", lease, clock)
        first.start()
        await step(clock, upTo: 5) { first.leads }
        #expect(registry.render().contains("leader_election_master_status 1\n"))
        second.start()
        await step(clock, upTo: 60, candidates: 2) { clock.elapsed() > .seconds(50) }
        #expect(first.leads && !second.leads && second.notes.withLock(\.isEmpty))
        first.cancel()
        await eventually("the first has ended") { first.hasEnded }
        #expect(lease.holder == "" && !first.leads && first.error == nil)
        #expect(registry.render().contains("leader_election_master_status 0\n"))
        await step(clock, upTo: 6) { second.leads }
        #expect(lease.holder == second.election.options.identity && lease.state.withLock { $0.spec?.leaseTransitions } == 1)
        second.cancel()
        await eventually("the second has ended") { second.hasEnded }
    }

    @Test func theWorkHasEndedBeforeTheLeaseIsGivenBack() async throws {
        let (lease, clock) = (SharedLease(), SteppedElapsedClock())
        let candidate = try Candidate("it", lease, clock)
        let seen = Lock<String?>(nil)
        candidate.start { [candidate] in
            try? await Task.sleep(for: .seconds(3600))
            // Cancelled: what is still to be written is written as the leader.
            try? await Task { try await Task.sleep(for: .milliseconds(20)) }.value
            seen.withLock { $0 = candidate.leads ? lease.holder : nil }
        }
        await step(clock, upTo: 5) { candidate.leads }
        candidate.cancel()
        await eventually("it has ended") { candidate.hasEnded }
        #expect(seen.withLock { $0 } == candidate.election.options.identity)
        #expect(lease.holder == "")
    }

    @Test func livenessProbesAreToldOfALeaderThatHangs() async throws {
        let (lease, clock) = (SharedLease(), SteppedElapsedClock())
        let candidate = try Candidate("it", lease, clock)
        #expect(candidate.election.problem() == nil)
        candidate.start()
        await step(clock, upTo: 5) { candidate.leads }
        await step(clock, upTo: 60) { clock.elapsed() > .seconds(50) }
        #expect(candidate.election.problem() == nil, "it renews")
        lease.state.withLock { $0.isSilent = true }
        clock.clock.advance(by: .seconds(34))
        #expect(candidate.election.problem() == nil, "it may yet end by itself")
        clock.clock.advance(by: .seconds(4))
        #expect(candidate.election.problem()?.contains("ns/lease ran out") == true)
        await eventually("it has ended") { candidate.hasEnded }
        #expect(candidate.error is LeadershipLost)
    }

    @Test func whoIsCancelledBeforeItLedLeavesTheLeaseAlone() async throws {
        let (lease, clock) = (SharedLease(), SteppedElapsedClock())
        lease.state.withLock { $0.spec = ElectionMachineTests.lease("other") }
        let candidate = try Candidate("it", lease, clock)
        candidate.start()
        await eventually("it has looked") { lease.requests > 0 }
        candidate.cancel()
        await eventually("it has ended") { candidate.hasEnded }
        #expect(candidate.error is CancellationError && lease.holder == "other" && lease.state.withLock(\.writers).isEmpty)
    }

    @Test(arguments: [true, false])
    func whoCannotRenewStopsBeforeAnotherBegins(silent: Bool) async throws {
        let (lease, clock) = (SharedLease(), SteppedElapsedClock())
        let first = try Candidate("first", lease, clock)
        first.start()
        await step(clock, upTo: 5) { first.leads }
        lease.state.withLock { state in
            state.isDown = !silent
            state.isSilent = silent
        }
        let cut = clock.elapsed()
        await step(clock, upTo: 30) { first.hasEnded }
        #expect(clock.elapsed() - cut <= .seconds(10.5) && clock.elapsed() - cut >= .seconds(7.5))
        #expect(first.error is LeadershipLost && first.notes.withLock { $0 } == ["leads", "ended"] && !first.leads)
        #expect("\(first.error as Any)".contains("could not be renewed"))
        // It is still in the lease, which another takes when it has run out.
        #expect(lease.holder == first.election.options.identity)
        lease.state.withLock { state in
            state.isDown = false
            state.isSilent = false
        }
        let second = try Candidate("second", lease, clock)
        second.start()
        let start = clock.elapsed()
        await step(clock, upTo: 30) { second.leads }
        #expect(clock.elapsed() - start >= .seconds(15))
        second.cancel()
        await eventually("the second has ended") { second.hasEnded }
    }

    @Test func aProcessThatWasFrozenDoesNothingMore() async throws {
        let (lease, clock) = (SharedLease(), SteppedElapsedClock())
        let candidate = try Candidate("it", lease, clock)
        candidate.start()
        await step(clock, upTo: 5) { candidate.leads && clock.clock.sleepers > 0 }
        await eventually("it sleeps") { clock.clock.sleepers == 1 }
        let requests = lease.requests
        clock.clock.advance(by: .seconds(60))
        // Before anything of it has run.
        #expect(!candidate.leads)
        await step(clock, upTo: 10) { candidate.hasEnded }
        #expect(candidate.error is LeadershipLost && lease.requests == requests)
    }

    @Test func anotherInTheLeaseEndsIt() async throws {
        let (lease, clock) = (SharedLease(), SteppedElapsedClock())
        let candidate = try Candidate("it", lease, clock)
        candidate.start()
        await step(clock, upTo: 5) { candidate.leads }
        lease.state.withLock { state in
            state.version += 1
            state.spec = ElectionMachineTests.lease("other")
        }
        await step(clock, upTo: 10) { candidate.hasEnded }
        #expect("\(candidate.error as Any)".contains("other has the lease") && lease.holder == "other")
    }

    @Test func workThatDoesNotEndIsNotWaitedForForEver() async throws {
        let (lease, clock) = (SharedLease(), SteppedElapsedClock())
        let candidate = try Candidate("it", lease, clock)
        let goOn = Lock(false)
        candidate.start { while !goOn.withLock({ $0 }) { try? await Task { try await Task.sleep(for: .milliseconds(1)) }.value } }
        await step(clock, upTo: 5) { candidate.leads }
        clock.clock.advance(by: .seconds(60))
        await step(clock, upTo: 10) { candidate.hasEnded }
        #expect(candidate.error is LeadershipLost)
        goOn.withLock { $0 = true }
    }

    @Test func errorsOfTheWorkAreThrownAndTheLeaseIsGivenBack() async throws {
        let (lease, clock) = (SharedLease(), SteppedElapsedClock())
        let candidate = try Candidate("it", lease, clock)
        candidate.start { throw KubeError.cancelled }
        await step(clock, upTo: 5) { candidate.hasEnded }
        #expect(candidate.error as? KubeError == .cancelled && lease.holder == "")
    }
}
