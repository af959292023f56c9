import Base
import Testing

@testable import KubeClient

/// Every step that a candidate or a leader can take. Times in seconds; the lease is good for 15, renewed each 2, given up after 10.
@Suite struct ElectionMachineTests {
    typealias Answer = ElectionMachine.Answer
    typealias Step = ElectionMachine.Step

    static let date = Timestamp(microseconds: 1_700_000_000_000_000)

    static func lease(_ holder: String?, renewed: Int = 0, duration: Int? = 15, transitions: Int? = 3) -> Lease.Spec {
        var lease = Lease.Spec()
        lease.holderIdentity = holder
        lease.leaseDurationSeconds = duration
        lease.acquireTime = MicroTime(date)
        lease.renewTime = MicroTime(date + .seconds(renewed))
        lease.leaseTransitions = transitions
        return lease
    }

    /// A machine, a clock, and a lease that others change, too.
    struct Candidate {
        var machine: ElectionMachine
        var now: Duration = .zero

        init() throws { machine = ElectionMachine(identity: "me", timing: try ElectionTiming()) }

        mutating func attempt(after seconds: Double = 0) -> Step {
            now += .seconds(seconds)
            return machine.attempt(now: now, date: date + now)
        }

        /// The answer to the request of a step, so many seconds later.
        mutating func answer(_ answer: Answer, to step: Step, after seconds: Double = 0, chance: Double = 0) throws -> Step {
            now += .seconds(seconds)
            guard case let .send(request) = step else { throw NotARequest(step: step) }
            return machine.next(after: answer, to: request, now: now, date: date + now, chance: chance)
        }

        /// What was to be written stands.
        mutating func accept(_ step: Step, after seconds: Double = 0) throws -> Step {
            switch step {
            case let .send(.create(lease)), let .send(.update(lease)): try answer(.accepted(lease), to: step, after: seconds)
            default: throw NotARequest(step: step)
            }
        }

        var leads: Bool { machine.leadsUntil.map { now < $0 } ?? false }

        /// Has just become the leader.
        static func leader() throws -> Candidate {
            var candidate = try Candidate()
            let create = try candidate.answer(.missing, to: candidate.attempt())
            #expect(try candidate.accept(create) == .wait(.seconds(2)))
            return candidate
        }
    }

    struct NotARequest: Error { let step: Step }

    // MARK: - Becoming the leader

    @Test func whereThereIsNoLeaseItIsMade() throws {
        var candidate = try Candidate()
        #expect(candidate.attempt() == .send(.read))
        let create = try candidate.answer(.missing, to: .send(.read))
        #expect(create == .send(.create(Self.lease("me", transitions: 0))))
        #expect(!candidate.leads)
        #expect(try candidate.accept(create) == .wait(.seconds(2)))
        #expect(candidate.leads && candidate.machine.leadsUntil == .seconds(10))
    }

    @Test func somebodyElseMayMakeItFirst() throws {
        var candidate = try Candidate()
        let create = try candidate.answer(.missing, to: candidate.attempt())
        #expect(try candidate.answer(.conflict, to: create) == .wait(.seconds(2)))
        #expect(!candidate.leads && candidate.attempt(after: 2) == .send(.read))
    }

    @Test(arguments: ["", nil])
    func aLeaseThatWasGivenBackIsTakenAtOnce(holder: String?) throws {
        var candidate = try Candidate()
        let take = try candidate.answer(.found(Self.lease(holder, duration: 1)), to: candidate.attempt())
        #expect(take == .send(.update(Self.lease("me", transitions: 4))))
        _ = try candidate.accept(take)
        #expect(candidate.leads)
    }

    /// What the lease says of its times counts for nothing: it may be of a year ago, or of tomorrow.
    @Test(arguments: [-1_000_000, 0, 1_000_000])
    func anothersLeaseIsTakenWhenItHasNotChangedForItsDurationByTheOwnClock(renewed: Int) throws {
        var candidate = try Candidate()
        let others = Answer.found(Self.lease("other", renewed: renewed))
        #expect(try candidate.answer(others, to: candidate.attempt()) == .wait(.seconds(2)))
        for _ in 0..<7 { #expect(try candidate.answer(others, to: candidate.attempt(after: 2)) == .wait(.seconds(2))) }
        #expect(candidate.now == .seconds(14))
        #expect(try candidate.answer(others, to: candidate.attempt(after: 0.9)) == .wait(.seconds(2)))
        let take = try candidate.answer(others, to: candidate.attempt(after: 0.2))
        guard case let .send(.update(lease)) = take else { throw NotARequest(step: take) }
        #expect(lease.holderIdentity == "me" && lease.leaseTransitions == 4)
        #expect(lease.acquireTime?.time == Self.date + candidate.now && lease.renewTime == lease.acquireTime)
    }

    @Test func eachChangeBeginsTheWaitAnew() throws {
        var candidate = try Candidate()
        for renewal in 0..<20 {
            #expect(try candidate.answer(.found(Self.lease("other", renewed: renewal)), to: candidate.attempt(after: 14)) == .wait(.seconds(2)))
        }
        // Another leader, too.
        #expect(try candidate.answer(.found(Self.lease("third", renewed: 19)), to: candidate.attempt(after: 14)) == .wait(.seconds(2)))
    }

    @Test(arguments: [(1, 1.5, true), (60, 59.0, false), (60, 60.5, true), (nil, 14.0, false), (nil, 15.5, true), (0, 14.0, false), (-5, 15.5, true)])
    func theLeaseSaysHowLongItIsGood(duration: Int?, waited: Double, isTaken: Bool) throws {
        var candidate = try Candidate()
        let others = Answer.found(Self.lease("other", duration: duration))
        _ = try candidate.answer(others, to: candidate.attempt())
        let step = try candidate.answer(others, to: candidate.attempt(after: waited))
        #expect((step == .wait(.seconds(2))) != isTaken)
    }

    @Test func oneOfSeveralThatTakeItWins() throws {
        var candidate = try Candidate()
        let others = Answer.found(Self.lease("other"))
        _ = try candidate.answer(others, to: candidate.attempt())
        let take = try candidate.answer(others, to: candidate.attempt(after: 16))
        #expect(try candidate.answer(.conflict, to: take) == .wait(.seconds(2)))
        // The winner's lease is new.
        #expect(try candidate.answer(.found(Self.lease("third", transitions: 4)), to: candidate.attempt(after: 2)) == .wait(.seconds(2)))
        #expect(!candidate.leads)
    }

    @Test func pausesOfCandidatesDiffer() throws {
        var candidate = try Candidate()
        let others = Answer.found(Self.lease("other"))
        #expect(try candidate.answer(others, to: candidate.attempt(), chance: 0.5) == .wait(.milliseconds(3200)))
        #expect(try candidate.answer(.failed("down"), to: candidate.attempt(), chance: 0.25) == .wait(.milliseconds(2600)))
    }

    @Test func errorsAreTriedAgain() throws {
        var candidate = try Candidate()
        #expect(try candidate.answer(.failed("down"), to: candidate.attempt()) == .wait(.seconds(2)))
        let create = try candidate.answer(.missing, to: candidate.attempt(after: 2))
        #expect(try candidate.answer(.failed("down"), to: create) == .wait(.seconds(2)))
        // It was made after all; the answer had been lost.
        let renew = try candidate.answer(.found(Self.lease("me", transitions: 0)), to: candidate.attempt(after: 2))
        guard case let .send(.update(lease)) = renew else { throw NotARequest(step: renew) }
        #expect(lease.leaseTransitions == 0 && lease.acquireTime?.time == Self.date)
        _ = try candidate.accept(renew)
        #expect(candidate.leads)
    }

    /// Others count from when the lease changed; an acceptance that comes late says nothing about now.
    @Test func aLeaseThatIsGrantedTooLateIsNone() throws {
        var candidate = try Candidate()
        let create = try candidate.answer(.missing, to: candidate.attempt())
        #expect(try candidate.accept(create, after: 10) == .wait(.seconds(2)))
        #expect(!candidate.leads)
    }

    @Test func leadershipCountsFromWhenTheRequestWasSent() throws {
        var candidate = try Candidate()
        let create = try candidate.answer(.missing, to: candidate.attempt(), after: 1)
        _ = try candidate.accept(create, after: 3)
        #expect(candidate.machine.leadsUntil == .seconds(11))
    }

    // MARK: - Keeping it

    @Test func renewalsTakeOneRequest() throws {
        var leader = try Candidate.leader()
        for round in 1...100 {
            let renew = leader.attempt(after: 2)
            guard case let .send(.update(lease)) = renew else { throw NotARequest(step: renew) }
            #expect(lease.acquireTime?.time == Self.date && lease.renewTime?.time == Self.date + .seconds(2 * round) && lease.leaseTransitions == 0)
            #expect(try leader.accept(renew) == .wait(.seconds(2)))
            #expect(leader.machine.leadsUntil == leader.now + .seconds(10))
        }
    }

    @Test func renewalsThatFailAreTriedUntilTheDeadline() throws {
        var leader = try Candidate.leader()
        for _ in 0..<4 { #expect(try leader.answer(.failed("down"), to: leader.attempt(after: 2)) == .wait(.seconds(2))) }
        // No longer than there is a lease.
        #expect(try leader.answer(.failed("down"), to: leader.attempt(after: 1)) == .wait(.seconds(1)))
        #expect(leader.leads)
        #expect(leader.attempt(after: 1) == .lost("it could not be renewed for 10s"))
        #expect(!leader.leads)
    }

    @Test func oneRenewalInTimeIsEnough() throws {
        var leader = try Candidate.leader()
        _ = try leader.answer(.failed("down"), to: leader.attempt(after: 5))
        _ = try leader.accept(leader.attempt(after: 4.5))
        #expect(leader.machine.leadsUntil == .seconds(19.5))
    }

    @Test(arguments: [Answer.failed("down"), .conflict, .missing, .found(lease("me")), .accepted(lease("me"))])
    func whateverIsAnsweredAfterTheDeadlineComesTooLate(answer: Answer) throws {
        var leader = try Candidate.leader()
        let step = try leader.answer(answer, to: leader.attempt(after: 9), after: 1)
        #expect(step == .lost("it could not be renewed for 10s"))
    }

    @Test func aLeaderThatWasFrozenFindsItOutBeforeItAsksAnybody() throws {
        var leader = try Candidate.leader()
        #expect(leader.attempt(after: 100) == .lost("it could not be renewed for 10s"))
    }

    @Test func aConflictIsLookedInto() throws {
        var leader = try Candidate.leader()
        let read = try leader.answer(.conflict, to: leader.attempt(after: 2))
        #expect(read == .send(.read))
        // Somebody has put an annotation on it.
        let renew = try leader.answer(.found(Self.lease("me", transitions: 0)), to: read)
        guard case .send(.update) = renew else { throw NotARequest(step: renew) }
        #expect(try leader.accept(renew) == .wait(.seconds(2)) && leader.leads)
    }

    @Test func aLeaseThatWasDeletedIsMadeAgain() throws {
        var leader = try Candidate.leader()
        let read = try leader.answer(.conflict, to: leader.attempt(after: 2))
        let create = try leader.answer(.missing, to: read)
        guard case let .send(.create(lease)) = create else { throw NotARequest(step: create) }
        #expect(lease.holderIdentity == "me")
        #expect(try leader.answer(.conflict, to: create) == .send(.read))
        #expect(leader.leads)
    }

    @Test(arguments: [("other", "other has the lease"), ("", "somebody has taken its name off the lease"), (nil, "somebody has taken its name off the lease")])
    func aLeaseOfAnotherIsLostAtOnce(holder: String?, reason: String) throws {
        var leader = try Candidate.leader()
        let read = try leader.answer(.conflict, to: leader.attempt(after: 2))
        #expect(try leader.answer(.found(Self.lease(holder)), to: read) == .lost(reason))
    }

    // MARK: - Giving it back

    @Test func aLeaseThatIsGivenBackNamesNobody() throws {
        var leader = try Candidate.leader()
        _ = leader.attempt(after: 2)
        let released = try #require(leader.machine.release(date: Self.date + .seconds(60)))
        #expect(released.holderIdentity == "" && released.leaseDurationSeconds == 1 && released.leaseTransitions == 0)
        #expect(released.renewTime?.time == Self.date + .seconds(60))
    }

    @Test func whoHasNoLeaseGivesNoneBack() throws {
        var candidate = try Candidate()
        #expect(candidate.machine.release(date: Self.date) == nil)
        _ = try candidate.answer(.found(Self.lease("other")), to: candidate.attempt())
        #expect(candidate.machine.release(date: Self.date) == nil)
    }

    @Test func absurdNumbersDoNoHarm() throws {
        var candidate = try Candidate()
        let absurd = Answer.found(Self.lease("", duration: .max, transitions: .max))
        guard case let .send(.update(lease)) = try candidate.answer(absurd, to: candidate.attempt()) else { return #expect(Bool(false)) }
        #expect(lease.leaseTransitions == .max)
        #expect(try candidate.answer(.found(Self.lease("other", duration: .max)), to: candidate.attempt()) == .wait(.seconds(2)))
        #expect(try candidate.answer(.found(Self.lease("other", duration: .max)), to: candidate.attempt(after: 1e9)) == .wait(.seconds(2)))
    }

    // MARK: - Times

    @Test(arguments: [
        (15.0, 10.0, 2.0, true), (3, 2, 0.5, true), (1, 0.9, 0.5, true), (15, 15, 2, false), (10, 15, 2, false), (15, 2, 2, false), (15, 2.4, 2, false),
        (15, 2.5, 2, true), (0, 10, 2, false), (15, 10, 0, false), (15, 10, -1, false), (1.5, 1, 0.1, false), (0.5, 0.4, 0.1, false),
    ])
    func timesMustFitTogether(lease: Double, renew: Double, retry: Double, fits: Bool) {
        let timing = try? ElectionTiming(leaseDuration: .seconds(lease), renewDeadline: .seconds(renew), retryPeriod: .seconds(retry))
        #expect((timing != nil) == fits)
    }
}

extension ElectionMachineTests {
    /// What a liveness probe is told: only of a leader that should have renewed, or ended, and has done neither.
    @Test func aLeaderThatHangsIsOverdue() throws {
        var candidate = try Candidate.leader()
        #expect(candidate.machine.overdue(now: candidate.now + .seconds(15)) == nil)
        #expect(candidate.machine.overdue(now: candidate.now + .seconds(35)) == .seconds(20))
        let renewal = candidate.attempt(after: 2)
        _ = try candidate.accept(renewal)
        #expect(candidate.machine.overdue(now: candidate.now + .seconds(16)) == .seconds(1), "counted from the renewal")
        var waiting = try Candidate()
        _ = try waiting.answer(.found(Self.lease("other")), to: waiting.attempt())
        #expect(waiting.machine.overdue(now: .seconds(1000)) == nil, "another's lease is none of its business")
    }
}
