import Base

/// One candidate of a leader election, step by step: what it is to send, what it makes of the answer, when it leads and when it no longer does. Pure: the time is
/// what it is told.
///
/// As client-go: a lease's times were written by other clocks and are for people. A candidate takes a lease that it has not seen change for the lease's
/// duration, by its own clock. A leader leads until ``ElectionTiming/renewDeadline`` after it *sent* its last renewal that succeeded, which is before anybody
/// else can take the lease. It never leads again: whatever it knew may be out of date.
struct ElectionMachine: Sendable {
    enum Request: Hashable, Sendable {
        case read
        case create(Lease.Spec)
        /// Of the lease as it was last read or written: refused where it has changed since.
        case update(Lease.Spec)
    }

    enum Answer: Hashable, Sendable {
        /// The lease as it is.
        case found(Lease.Spec)
        case missing
        /// What was written stands.
        case accepted(Lease.Spec)
        /// Somebody else wrote first.
        case conflict
        /// It is not known what became of it, or it was refused for another reason.
        case failed(String)
    }

    enum Step: Hashable, Sendable {
        case send(Request)
        /// Then ``attempt(now:date:)``.
        case wait(Duration)
        /// Has led, and does not any more.
        case lost(String)
    }

    let identity: String
    let timing: ElectionTiming
    /// The lease as it was seen last, and when it was first seen so.
    private(set) var observed: Lease.Spec?
    private var observedAt = Duration.zero
    /// When the last renewal that succeeded was sent; nil: has not led yet.
    private var renewedAt: Duration?
    private var sentAt = Duration.zero

    init(identity: String, timing: ElectionTiming) {
        self.identity = identity
        self.timing = timing
    }

    /// Until when it leads; nil where it does not.
    var leadsUntil: Duration? { renewedAt.map { $0 + timing.renewDeadline } }

    /// For how long the lease has been good no more though it has this candidate's name, as far as the candidate knows; nil where it is good, or another's.
    func overdue(now: Duration) -> Duration? {
        guard let observed, holdsLease else { return nil }
        let late = now - observedAt - duration(of: observed)
        return late > .zero ? late : nil
    }

    var holdsLease: Bool { observed?.holderIdentity == identity }

    /// Begins an attempt to get, or to keep, the lease.
    mutating func attempt(now: Duration, date: Timestamp) -> Step {
        guard let leadsUntil else { return send(.read, now) }
        if now >= leadsUntil { return .lost("it could not be renewed for \(timing.renewDeadline.formatted)") }
        // Mostly nobody else has written: one request instead of two.
        return observed.map { send(.update(renewed($0, date)), now) } ?? send(.read, now)
    }

    /// - Parameter chance: in `0..<1`, so that candidates do not all come at once.
    mutating func next(after answer: Answer, to request: Request, now: Duration, date: Timestamp, chance: Double) -> Step {
        if let leadsUntil, now >= leadsUntil { return .lost("it could not be renewed for \(timing.renewDeadline.formatted)") }
        switch answer {
        case let .found(lease): return found(lease, now, date, chance)
        case .missing: return send(.create(taken(date, transitions: observed?.leaseTransitions ?? 0)), now)
        case let .accepted(lease): return accepted(lease, now, chance)
        case .conflict where renewedAt != nil: return request == .read ? wait(now, chance) : send(.read, now)
        case .conflict: return wait(now, chance)
        case .failed: return wait(now, chance)
        }
    }

    /// What a leader that ends writes, so that the others need not wait; nil where the lease is not its own.
    func release(date: Timestamp) -> Lease.Spec? {
        guard holdsLease, var lease = observed else { return nil }
        lease.holderIdentity = ""
        lease.leaseDurationSeconds = 1
        lease.acquireTime = MicroTime(date)
        lease.renewTime = MicroTime(date)
        return lease
    }

    // MARK: - Answers

    private mutating func found(_ lease: Lease.Spec, _ now: Duration, _ date: Timestamp, _ chance: Double) -> Step {
        if lease != observed {
            observed = lease
            observedAt = now
        }
        let holder = lease.holderIdentity ?? ""
        if renewedAt != nil, holder != identity {
            return .lost(holder.isEmpty ? "somebody has taken its name off the lease" : "\(holder) has the lease")
        }
        if holder == identity { return send(.update(renewed(lease, date)), now) }
        if !holder.isEmpty, now < observedAt + duration(of: lease) { return wait(now, chance) }
        let (transitions, overflow) = (lease.leaseTransitions ?? 0).addingReportingOverflow(1)
        return send(.update(taken(date, transitions: overflow ? .max : transitions)), now)
    }

    private mutating func accepted(_ lease: Lease.Spec, _ now: Duration, _ chance: Double) -> Step {
        observed = lease
        observedAt = now
        // Others count from when the lease changed, which may have been right after this was sent: too late is not at all.
        guard now < sentAt + timing.renewDeadline else { return wait(now, chance) }
        renewedAt = sentAt
        return .wait(timing.retryPeriod)
    }

    private func wait(_ now: Duration, _ chance: Double) -> Step {
        guard let leadsUntil else { return .wait(timing.retryPeriod + timing.retryPeriod * (ElectionTiming.jitter * chance)) }
        return .wait(min(timing.retryPeriod, leadsUntil - now))
    }

    private mutating func send(_ request: Request, _ now: Duration) -> Step {
        sentAt = now
        return .send(request)
    }

    // MARK: - Leases

    private func duration(of lease: Lease.Spec) -> Duration {
        guard let seconds = lease.leaseDurationSeconds, seconds > 0 else { return timing.leaseDuration }
        return .seconds(seconds)
    }

    private func taken(_ date: Timestamp, transitions: Int) -> Lease.Spec {
        var lease = Lease.Spec()
        lease.holderIdentity = identity
        lease.leaseDurationSeconds = Int(timing.leaseDuration.components.seconds)
        lease.acquireTime = MicroTime(date)
        lease.renewTime = MicroTime(date)
        lease.leaseTransitions = transitions
        return lease
    }

    private func renewed(_ lease: Lease.Spec, _ date: Timestamp) -> Lease.Spec {
        var renewed = taken(date, transitions: lease.leaseTransitions ?? 0)
        renewed.acquireTime = lease.acquireTime ?? renewed.acquireTime
        return renewed
    }
}
