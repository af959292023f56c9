import Base

/// Sees to it that of several processes one leads, by a Lease that it keeps renewing.
public final class LeaderElection: Sendable {
    public struct Options: Sendable {
        public var lease: ObjectKey
        /// Different for every process there ever is.
        public var identity: String
        public var timing: ElectionTiming
        /// How long the work of a leader that has lost may take to end.
        public var grace: Duration = .seconds(5)

        /// - Parameter process: what people know the process by, such as its pod's name.
        public init(lease: ObjectKey, process: String, timing: ElectionTiming, random: some RandomSource = SystemRandomSource()) {
            self.lease = lease
            identity = "\(process)_\(UUID.v4(random))"
            self.timing = timing
        }
    }

    public let options: Options
    public let leadership: Leadership
    private let lock: any LeaseLock
    private let events: EventRecorder?
    private let logger: Logger
    private let clock: any ElapsedClock
    private let wall: any WallClock
    private let random: any RandomSource
    private let status: Gauge?
    private let machine: Lock<ElectionMachine>

    /// - Parameters:
    ///   - client: for the lease alone. It must not ask ``leadership`` before it writes, nor repeat requests for longer than the lease is good.
    ///   - metrics: `leader_election_master_status`, 1 where this process leads.
    public convenience init(client: KubeClient, options: Options, metrics: MetricsRegistry) {
        self.init(
            lock: ClusterLease(client: client, key: options.lease), options: options,
            events: EventRecorder(client: client, component: "levee", instance: options.identity), logger: client.options.logger,
            clock: SystemElapsedClock(), wall: client.options.clock, random: client.options.random,
            status: metrics.gauge(
                "leader_election_master_status", help: "Whether this process leads: 1, or 0 where it waits.", labels: ["name": options.lease.name]))
    }

    init(
        lock: any LeaseLock, options: Options, events: EventRecorder? = nil, logger: Logger = .none, clock: any ElapsedClock, wall: any WallClock,
        random: any RandomSource, status: Gauge? = nil
    ) {
        self.lock = lock
        self.options = options
        self.events = events
        self.logger = logger.with(["lease": options.lease, "identity": options.identity])
        self.clock = clock
        self.wall = wall
        self.random = random
        self.status = status
        leadership = Leadership(clock: clock)
        machine = Lock(ElectionMachine(identity: options.identity, timing: options.timing))
        status?.set(0)
    }

    /// Waits until this process leads, then does the work, while the lease is renewed.
    ///
    /// When the task is cancelled, the work is, and once it has ended the lease is given back, so that the next leader need not wait. When the lease is lost, the work
    /// is cancelled and gets ``Options/grace`` to end.
    /// - Throws: ``LeadershipLost``; `CancellationError` where the task is cancelled before it led; what `work` throws.
    public func run(_ work: @escaping @Sendable () async throws -> Void) async throws {
        logger.info("waits to lead")
        do { try await campaign() } catch {
            await release()
            throw error
        }
        logger.info("leads")
        tell("became leader")
        status?.set(1)
        defer { status?.set(0) }
        let (ends, end) = AsyncStream.makeStream(of: End.self)
        let leading = Task {
            do {
                try await work()
                end.yield(.worked(.success(())))
            } catch {
                end.yield(.worked(.failure(error)))
            }
        }
        // Renewed until the work has ended, whoever cancels what.
        let keeping = Task { if let reason = await keep() { end.yield(.lost(reason)) } }
        let outcome = Task { [options, logger] () -> Result<Void, any Error> in
            var loss: LeadershipLost?
            for await next in ends {
                switch next {
                case let .worked(result): return loss.map { .failure($0) } ?? result
                case let .lost(reason):
                    let lost = LeadershipLost(lease: options.lease, reason: reason)
                    loss = lost
                    logger.error("does not lead any more", ["reason": reason])
                    leading.cancel()
                    Task { [clock] in
                        try? await clock.sleep(for: options.grace)
                        end.yield(.graceIsOver)
                    }
                case .graceIsOver:
                    if let loss { return .failure(loss) }
                }
            }
            return .success(())
        }
        let result = await withTaskCancellationHandler {
            await outcome.value
        } onCancel: {
            leading.cancel()
        }
        keeping.cancel()
        await keeping.value
        if case let .failure(error) = result, error is LeadershipLost {
            leadership.extend(until: nil)
            tell("stopped leading")
        } else {
            await release()
        }
        await sendEvents()
        try result.get()
    }

    private enum End: Sendable {
        case worked(Result<Void, any Error>)
        case lost(String)
        case graceIsOver
    }

    // MARK: - Health

    /// What a liveness probe is to be told: that the lease has this process's name and ran out longer than `tolerance` ago, and the process has neither renewed it nor ended.
    /// nil where all is well, and where another leads. As client-go's `HealthzAdaptor`.
    public func problem(tolerance: Duration = .seconds(20)) -> String? {
        guard let overdue = machine.withLock({ [clock] in $0.overdue(now: clock.elapsed()) }), overdue > tolerance else { return nil }
        return "the lease \(options.lease) ran out \(overdue.formatted) ago and is not renewed, though this process has it"
    }

    // MARK: - Attempts

    private func campaign() async throws {
        while true {
            let step = await attempt()
            if machine.withLock({ $0.leadsUntil }) != nil { return }
            try Task.checkCancellation()
            if case let .wait(pause) = step { try await clock.sleep(for: pause) }
        }
    }

    /// Keeps the lease until the task is cancelled, or says why it is lost.
    private func keep() async -> String? {
        while !Task.isCancelled {
            try? await clock.sleep(for: pause)
            if Task.isCancelled { return nil }
            // An attempt that is under way is ended: a renewal whose answer nobody waits for is in the way of giving the lease back.
            if case let .lost(reason) = await Task(operation: { await attempt() }).value { return reason }
        }
        return nil
    }

    /// Until the next renewal: after one that succeeded, or failed, no longer than there is a lease.
    private var pause: Duration {
        let left = (machine.withLock { $0.leadsUntil } ?? .zero) - clock.elapsed()
        return max(.zero, min(options.timing.retryPeriod, left))
    }

    /// One attempt to get or keep the lease; ends with ``ElectionMachine/Step/wait(_:)`` or ``ElectionMachine/Step/lost(_:)``.
    private func attempt() async -> ElectionMachine.Step {
        var step = machine.withLock { [clock, wall] in $0.attempt(now: clock.elapsed(), date: wall.now()) }
        while case let .send(request) = step {
            let answer = await send(request, patience: patience)
            if case let .failed(reason) = answer, !Task.isCancelled {
                logger.warning("the lease cannot be \(request == .read ? "read" : "written")", ["error": reason])
            }
            step = machine.withLock { [clock, wall, random] machine in
                let before = machine.observed?.holderIdentity
                let step = machine.next(after: answer, to: request, now: clock.elapsed(), date: wall.now(), chance: random.fraction())
                if let holder = machine.observed?.holderIdentity, holder != before, !holder.isEmpty, holder != options.identity {
                    logger.info("another leads", ["leader": holder])
                }
                return step
            }
            leadership.extend(until: isLost(step) ? nil : machine.withLock { $0.leadsUntil })
        }
        if isLost(step) { leadership.extend(until: nil) }
        return step
    }

    private func isLost(_ step: ElectionMachine.Step) -> Bool { if case .lost = step { true } else { false } }

    /// What is not answered while the lease is good is not waited for any longer.
    private var patience: Duration {
        machine.withLock { $0.leadsUntil }.map { max(.zero, $0 - clock.elapsed()) } ?? options.timing.renewDeadline
    }

    private func send(_ request: ElectionMachine.Request, patience: Duration) async -> ElectionMachine.Answer {
        await withTaskGroup(of: ElectionMachine.Answer?.self) { [lock, clock] group in
            group.addTask { await lock.send(request) }
            group.addTask {
                do { try await clock.sleep(for: patience) } catch { return nil }
                return .failed("no answer for \(patience.formatted)")
            }
            defer { group.cancelAll() }
            for await answer in group { if let answer { return answer } }
            return .failed("cancelled")
        }
    }

    /// Whatever was cancelled: the others are not to wait for nothing.
    private func release() async {
        leadership.extend(until: nil)
        guard let lease = machine.withLock({ [wall] in $0.release(date: wall.now()) }) else { return }
        let answer = await Task { [self] in
            let answer = await send(.update(lease), patience: options.timing.retryPeriod)
            guard answer == .conflict, case let .found(current) = await send(.read, patience: options.timing.retryPeriod) else { return answer }
            // A renewal of which no answer came, or a person's hand.
            return current.holderIdentity == options.identity ? await send(.update(lease), patience: options.timing.retryPeriod) : answer
        }.value
        switch answer {
        case .accepted: logger.info("the lease is given back")
        case let .failed(reason): logger.warning("the lease could not be given back; it runs out by itself", ["error": reason])
        case .conflict, .found, .missing: logger.info("the lease is another's already")
        }
        tell("stopped leading")
    }

    /// Not for long: where the server is gone, so is its interest in events.
    private func sendEvents() async {
        guard let events else { return }
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        Task {
            await events.flush()
            end.yield()
        }
        let patience = Task { [clock] in
            try? await clock.sleep(for: .seconds(1))
            end.yield()
        }
        await Task { for await _ in ends { return } }.value
        patience.cancel()
    }

    private func tell(_ what: String) {
        events?.record(lock.reference, .normal, reason: "LeaderElection", message: "\(options.identity) \(what)")
    }
}
