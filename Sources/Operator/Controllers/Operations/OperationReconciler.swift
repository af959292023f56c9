import Base
import Jobs
import KubeClient
import ObjectStore

/// Brings one TableOperation on its way: it waits for its table, gets a Job, is followed to its end, and stays as the record of the run.
///
/// Each step is written down before the next one acts on it: the transaction identifier is in the status before the Job exists, and the Job has a name
/// that only this operation can have. So the operator may die anywhere, and whoever comes next finds what was done and goes on.
struct OperationReconciler: Sendable {
    let cluster: any Cluster
    let observer: any TableObserving
    let queue: OperationQueue
    let settings: WorkerJob.Settings
    let reach: OperatorReach
    var logLinks = LogLinks.none
    let clock: any WallClock
    /// How often a running operation is looked at for its progress.
    var progressInterval: Duration = .seconds(2)
    /// How long a Job may be without pods before it is asked why.
    private static let podPatience = Duration.seconds(5)
    /// How often something that wakes us by itself is looked at all the same.
    static let safetyInterval = Duration.seconds(60)

    func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let operation = cluster.operation(key) else {
            queue.release(key)
            return .forget
        }
        queue.release(key, exceptUID: operation.metadata.uid)
        if operation.metadata.isBeingDeleted { return try await dismantle(operation) }
        if operation.isFinished { return try await retire(operation) }
        if operation.spec.cancel { return try await cancel(operation) }
        return operation.isRunning ? try await follow(operation) : try await begin(operation)
    }

    // MARK: - Before it runs

    private func begin(_ operation: TableOperation) async throws -> Requeue {
        if operation.spec.suspend { return try await wait(operation, Obstacle(reason: .suspended, message: "suspended (spec.suspend)", needsPerson: false)) }
        let place: OperationPlace
        do throws(Obstacle) {
            place = try self.place(of: operation)
            if let obstacle = queue.claim(entry(operation, place), others: others(than: operation), policyLimit: policyLimit(of: operation)) { throw obstacle }
        } catch {
            return try await wait(operation, error)
        }
        let transaction: TableOperationStatus.Transaction?
        do {
            _ = try job(for: operation, place).manifest()
            if let obstacle = try await unsafeWriter(operation, place) { return try await wait(operation, obstacle) }
            transaction = try await self.transaction(of: operation, place)
        } catch {
            let failure = Failure(error)
            if failure.needsPerson, !failure.isOfCredentials { return try await finish(operation, .failed, failure.reason, failure.message) }
            queue.release(uid: operation.metadata.uid)
            return try await wait(operation, Obstacle(reason: failure.reason, message: failure.message, needsPerson: failure.needsPerson))
        }
        return try await start(operation, place, transaction)
    }

    /// From the status that is written here on, the operation holds its table.
    private func start(_ operation: TableOperation, _ place: OperationPlace, _ transaction: TableOperationStatus.Transaction?) async throws -> Requeue {
        guard let held = try await hold(operation) else { return .forget }
        var status = status(of: held)
        status.phase = .running
        status.location = place.table.location.description
        status.transaction = transaction
        status.jobRef = .init(name: held.jobName)
        status.startTime = clock.now().wholeSeconds
        let started = try await write(status, .init(readiness: .reconciling, reason: .starting, message: "its Job is being made"), of: held)
        cluster.event(.normal, on: started.objectReference, reason: "Started", message: "runs as Job \(started.jobName)")
        return try await follow(started)
    }

    /// The same run gets the same identifier however often it is tried; a later run of the table a higher one.
    private func transaction(of operation: TableOperation, _ place: OperationPlace) async throws -> TableOperationStatus.Transaction? {
        if operation.spec.dryRun { return nil }
        if let asked = operation.spec.idempotency { return .init(appId: asked.appId, version: asked.version) }
        let appId = "\(Names.group)/\(operation.metadata.namespace)/\(operation.spec.tableRef?.name ?? operation.metadata.name)"
        if place.table.access.isReachedByOperator {
            let latest = try await ifThere(operation) { try await observer.transactionVersion(place.committed, appId: appId) }
            return .init(appId: appId, version: (latest ?? 0) + 1)
        }
        // Only pods see the table, so the clock has to do. Runs on a table never overlap, and each starts later than the one before ended.
        return .init(appId: appId, version: clock.now().milliseconds)
    }

    // MARK: - While it runs

    private func follow(_ operation: TableOperation) async throws -> Requeue {
        guard let job = try await job(of: operation) else { return try await ensureJob(for: operation) }
        if job.metadata.isBeingDeleted { return .after(.seconds(1)) }
        // A finished Job's result must not be missed because the watch of the pods is behind that of the Jobs.
        let pods = try await job.isFinished ? fetchPods(operation) : cluster.pods(ofOperation: operation.metadata.uid, namespace: operation.metadata.namespace)
        let started = operation.phase == .queued ? job.status?.startTime ?? clock.now() : nil
        let trace = RunTrace(failedPods: job.failedPods, started: started, logs: logLinks.logs(of: operation, pods))
        switch JobOutcome(job: job, pods: pods) {
        case let .running(_, obstacle): return try await report(operation, job, pods, trace, obstacle)
        case .suspended: return try await reportQueued(operation, job, trace)
        case let .succeeded(result): return try await conclude(operation, result, trace)
        case let .failed(reason, message, _): return try await concludeFailure(operation, reason, message, trace)
        }
    }

    /// Makes the Job, or finds that it was there and is gone.
    private func ensureJob(for operation: TableOperation) async throws -> Requeue {
        if operation.status?.jobRef?.uid != nil, let outcome = try await concludeLost(operation) { return outcome }
        let place: OperationPlace
        let manifest: JSONValue
        do {
            place = try self.place(of: operation)
            manifest = try job(for: operation, place).manifest()
        } catch {
            let failure = Failure(error)
            return try await finish(operation, .failed, failure.reason, failure.message)
        }
        do throws(KubeError) {
            let job = try await create(manifest, operation)
            if job.spec?.suspend == true { return try await reportQueued(operation, job, RunTrace()) }
            var status = status(of: operation)
            status.jobRef = .init(name: job.metadata.name, uid: job.metadata.uid)
            _ = try await write(status, .init(readiness: .reconciling, reason: .running, message: "Job \(job.metadata.name) runs"), of: operation)
            return .after(.seconds(1))
        } catch {
            if error.isInvalid {
                return try await finish(operation, .failed, .jobRefused, "the API server refuses the Job; correct jobTemplate in a new operation: \(error)")
            }
            guard error.isForbidden else { throw error }
            let message = "the API server does not allow the Job (a quota, or a Pod Security level?): \(error)"
            _ = try await write(status(of: operation), .init(readiness: .failing, reason: .jobRefused, message: message), of: operation)
            return .backoff
        }
    }

    /// Creates the Job, or finds the one that an operator before us created.
    private func create(_ manifest: JSONValue, _ operation: TableOperation) async throws(KubeError) -> Job {
        do {
            return try await cluster.createJob(manifest)
        } catch {
            guard error.isAlreadyExists, let job = try await cluster.fetchJob(operation.jobKey) else { throw error }
            return job
        }
    }

    /// Someone deleted the Job, or its time to live ended before we saw it end. The table knows what it came to; where it came to nothing, nil: run again.
    private func concludeLost(_ operation: TableOperation) async throws -> Requeue? {
        if let commit = try await commit(of: operation) { return try await conclude(operation, result(from: commit)) }
        // Its time began with its Job, which had not.
        if operation.phase == .queued { return nil }
        if let deadline = operation.deadline, clock.now() < deadline { return nil }
        return try await finish(
            operation, .failed, .jobLost, "its Job \(operation.jobName) is gone and it committed nothing; create another TableOperation to try again")
    }

    private func report(_ operation: TableOperation, _ job: Job, _ pods: [Pod], _ trace: RunTrace, _ obstacle: String?) async throws -> Requeue {
        var status = status(of: operation)
        status.phase = .running
        status.jobRef = .init(name: job.metadata.name, uid: job.metadata.uid)
        trace.record(in: &status)
        if let progress = try await progress(of: pods) { status.progress = progress }
        var obstacle = obstacle
        var interval = progressInterval
        if obstacle == nil, let age = ageWithoutPods(job, pods), age >= Self.podPatience {
            obstacle = try await cluster.podRefusal(of: job).map { "Job \(job.metadata.name) gets no pod: \($0)" }
            // Its first pod wakes us. A server with hundreds of Jobs to start is not asked about each of them every moment.
            interval = min(max(interval, age / 2), Self.safetyInterval)
        }
        let failedPods = trace.failedPods
        let state =
            obstacle.map { ObjectState(readiness: .failing, reason: .podNotStarting, message: $0) }
            ?? ObjectState(
                readiness: .reconciling, reason: .running,
                message: failedPods > 0 ? "Job \(job.metadata.name) runs, \(failedPods) of its pods failed" : "Job \(job.metadata.name) runs")
        status.message = obstacle
        _ = try await write(status, state, of: operation)
        return .after(interval)
    }

    /// How long a Job has been there without a pod; nil where it has one.
    private func ageWithoutPods(_ job: Job, _ pods: [Pod]) -> Duration? {
        guard pods.isEmpty, job.status?.active ?? 0 == 0, let begin = job.status?.startTime ?? job.metadata.creationTimestamp else { return nil }
        return clock.now() - begin
    }

    /// Its Job is suspended, which is Kueue's to end and never ours.
    private func reportQueued(_ operation: TableOperation, _ job: Job, _ trace: RunTrace) async throws(KubeError) -> Requeue {
        var status = status(of: operation)
        status.phase = .queued
        status.jobRef = .init(name: job.metadata.name, uid: job.metadata.uid)
        RunTrace(failedPods: trace.failedPods, logs: trace.logs).record(in: &status)
        let message =
            job.metadata.labels[Names.Label.queue].map {
                "Job \(job.metadata.name) waits in the queue \($0) (Kueue); `kubectl describe localqueue \($0)` and the Job's workload say for what"
            } ?? "Job \(job.metadata.name) is suspended; it goes on when its spec.suspend is false"
        status.message = message
        _ = try await write(status, .init(readiness: .reconciling, reason: .queued, message: message), of: operation)
        return .after(Self.safetyInterval)
    }

    private func progress(of pods: [Pod]) async throws -> TableOperationStatus.Progress? {
        guard let pod = pods.filter({ $0.status?.phase == "Running" }).max(by: { ($0.status?.startTime ?? .epoch) < ($1.status?.startTime ?? .epoch) }),
            let lines = try await cluster.logTail(pod, lines: 20), let latest = lines.lazy.reversed().compactMap({ TaskProgress(line: $0) }).first
        else { return nil }
        return .init(
            summary: latest.summary, step: latest.step, filesDone: latest.filesDone, filesTotal: latest.filesTotal, bytesDone: latest.bytesDone,
            bytesTotal: latest.bytesTotal)
    }

    // MARK: - How it ends

    private func conclude(_ operation: TableOperation, _ result: TaskResult?, _ trace: RunTrace = RunTrace()) async throws -> Requeue {
        var result = result
        if result == nil, let commit = try await commit(of: operation) { result = self.result(from: commit) }
        guard let result else {
            let place = try? place(of: operation).committed
            let what = place?.access.isReachedByOperator == false ? "the table's history has it, which only pods see" : "it committed nothing"
            return try await finish(operation, .succeeded, .succeeded, "done; what it did was lost with its pod, and \(what)", trace: trace)
        }
        return try await finish(operation, .succeeded, .succeeded, result.message, result, trace: trace)
    }

    /// A worker may die after its commit, and its Job fail for it; the table decides.
    private func concludeFailure(
        _ operation: TableOperation, _ reason: ConditionReason, _ message: String, _ trace: RunTrace
    ) async throws -> Requeue {
        if let commit = try await commit(of: operation) { return try await conclude(operation, result(from: commit), trace) }
        return try await finish(operation, .failed, reason, message, trace: trace)
    }

    private func result(from commit: OperationCommit) -> TaskResult {
        TaskResult(outcome: .succeeded, message: "committed version \(commit.version)", version: commit.version, metrics: commit.metrics)
    }

    /// The commit that carries the operation's uid; nil where there is none, or only pods could see it.
    private func commit(of operation: TableOperation) async throws -> OperationCommit? {
        guard !operation.spec.dryRun, let place = try? place(of: operation).committed, place.access.isReachedByOperator else { return nil }
        do {
            return try await observer.commit(place, ofOperation: operation.metadata.uid)
        } catch {
            // What cannot be read for good holds no commit that anybody could find; credentials may be mended, and tell.
            let failure = Failure(error)
            if failure.needsPerson, !failure.isOfCredentials { return nil }
            throw error
        }
    }

    private func cancel(_ operation: TableOperation) async throws -> Requeue {
        guard operation.isRunning else { return try await finish(operation, .cancelled, .cancelled, "cancelled before it started") }
        guard let job = try await cluster.fetchJob(operation.jobKey) else {
            if let commit = try await commit(of: operation) { return try await conclude(operation, result(from: commit)) }
            return try await finish(operation, .cancelled, .cancelled, "cancelled; nothing was committed")
        }
        if job.isFinished { return try await follow(operation) }
        if !job.metadata.isBeingDeleted { try await cluster.delete(job) }
        _ = try await write(status(of: operation), .init(readiness: .reconciling, reason: .cancelling, message: "its worker is being ended"), of: operation)
        return .after(.seconds(1))
    }

    private func finish(
        _ operation: TableOperation, _ phase: TableOperation.Phase, _ reason: ConditionReason, _ message: String, _ result: TaskResult? = nil,
        trace: RunTrace = RunTrace()
    ) async throws -> Requeue {
        let now = clock.now().wholeSeconds
        var status = status(of: operation)
        status.phase = phase
        status.message = message
        status.completionTime = now
        // The retry may have ended before the failure before it was reported.
        trace.record(in: &status)
        status.duration = status.startTime.map { (now - $0).formatted }
        if let result {
            status.result = .init(result)
            status.progress = .init(completed: result)
        }
        status.conditions = status.conditions ?? []
        status.conditions?.set(
            Condition(
                type: phase == .succeeded ? ConditionType.complete : ConditionType.failed, status: .true, reason: reason.rawValue, message: message,
                observedGeneration: operation.metadata.generation, lastTransitionTime: now))
        let ended = try await write(status, .init(readiness: phase == .succeeded ? .ready : .stalled, reason: reason, message: message), of: operation)
        cluster.event(phase == .failed ? .warning : .normal, on: ended.objectReference, reason: reason.rawValue, message: message)
        return try await retire(ended)
    }

    /// What is left to do once it has ended: let go of the table and of the object, and delete it when its time has come.
    private func retire(_ operation: TableOperation) async throws -> Requeue {
        queue.release(uid: operation.metadata.uid)
        guard let operation = try await letGo(operation) else { return .forget }
        guard let expiry = operation.expiry else { return .forget }
        let now = clock.now()
        if expiry > now { return .after(expiry - now) }
        try await cluster.delete(operation)
        return .forget
    }

    /// A deleted operation ends its worker cleanly and goes when that is gone.
    private func dismantle(_ operation: TableOperation) async throws -> Requeue {
        if operation.isRunning, let job = try await cluster.fetchJob(operation.jobKey), !job.isFinished {
            if !job.metadata.isBeingDeleted { try await cluster.delete(job) }
            return .after(.seconds(1))
        }
        queue.release(uid: operation.metadata.uid)
        _ = try await letGo(operation)
        return .forget
    }
}

/// What is kept of a run's pods in the operation's status.
struct RunTrace: Hashable, Sendable {
    var failedPods = 0
    /// When its queue let it start; nil where that is known already.
    var started: Timestamp?
    var logs: TableOperationStatus.Logs?

    func record(in status: inout TableOperationStatus) {
        if failedPods > 0 { status.attempts = Int32(clamping: failedPods) }
        if let started { status.startTime = started.wholeSeconds }
        if let logs { status.logs = logs }
    }
}
