import Base

/// Runs Jobs: makes their pods, counts how they end, and says when it is over. (batch/v1; the behaviour of kube-controller-manager's job controller.)
final class JobController: Controller {
    let name = "job-controller"
    let workers = 4
    private let api: ClusterAPI
    private let options: DevCluster.Options
    private let events: ClusterEvents
    private static let write = WriteOptions.controller("job-controller")
    private static let writeStatus = WriteOptions.controller("job-controller", .status)

    init(_ api: ClusterAPI, _ options: DevCluster.Options) {
        self.api = api
        self.options = options
        events = ClusterEvents(api: api, component: "job-controller")
    }

    func load(_ objects: [(key: StoredKey, object: JSONValue)]) -> [StoredKey] { objects.filter { $0.key.resource == "jobs.batch" }.map(\.key) }

    func keys(for event: StoreEvent) -> [StoredKey] {
        if event.key.resource == "jobs.batch" { return event.kind == .deleted ? [] : [event.key] }
        guard event.key.resource == "pods", let owner = event.object.controllerReference, owner.kind == "Job" else { return [] }
        return [StoredKey(resource: "jobs.batch", namespace: event.key.namespace, name: owner.name)]
    }

    func reconcile(_ key: StoredKey) async throws(APIError) -> Duration? {
        let found = api.store.get(key)
        try await releaseOrphans(of: key.name, in: key.namespace, except: found?.uid)
        guard let job = found else { return nil }
        let pods = api.store.objects("pods", namespace: job.namespace).filter { $0.controllerReference?.uid == job.uid }
        var state = JobState(job: job, pods: pods)
        if job.isBeingDeleted { return try await releasePods(state) }
        if state.isFinished { return try await tidy(state) }
        state = try await count(state)
        // Ended since the pods were read: neither running nor counted, it would look as if it had never been.
        if !state.uncounted.isEmpty { return .milliseconds(1) }
        if try await decide(state) { return nil }
        if state.isSuspended { return try await suspend(state) }
        return try await run(state)
    }

    // MARK: Steps

    /// Brings finished pods into the status, then lets go of them: a pod is counted once, whatever happens in between.
    private func count(_ state: JobState) async throws(APIError) -> JobState {
        let uncounted = state.uncounted
        let pending = state.job.at("status", "uncountedTerminatedPods")
        let known = Set(Self.uids(pending, "succeeded") + Self.uids(pending, "failed"))
        let policy = PodFailurePolicy(state.job)
        var succeeded = Self.uids(pending, "succeeded")
        var failed = Self.uids(pending, "failed")
        var verdict: String?
        for pod in uncounted where !known.contains(pod.uid) {
            if JobState.hasSucceeded(pod) {
                succeeded.append(pod.uid)
                continue
            }
            // Pods that the Job's own end removed say nothing new.
            switch policy.verdict(on: pod) {
            case .ignore: break
            case .count: failed.append(pod.uid)
            case let .failJob(message):
                failed.append(pod.uid)
                verdict = verdict ?? message
            }
        }
        var completed = IndexSet(text: state.job.at("status", "completedIndexes")?.stringValue ?? "")
        for pod in uncounted where JobState.hasSucceeded(pod) { if let index = JobState.index(of: pod) { completed.insert(index) } }
        var job = try await update(state.job) { status, now in
            if status["startTime"] == nil, !state.isSuspended { status["startTime"] = now.kubernetes }
            status["uncountedTerminatedPods"] = Self.uncounted(succeeded, failed)
            if state.isIndexed { status["completedIndexes"] = .string(completed.text) }
            if let verdict, !Self.has(status, "FailureTarget") { Self.set(&status, "FailureTarget", true, "PodFailurePolicy", verdict, now) }
        }
        for pod in uncounted { try await release(pod) }
        if !succeeded.isEmpty || !failed.isEmpty {
            let added = (succeeded.count, failed.count)
            job = try await update(job) { status, _ in
                status["succeeded"] = .integer((status["succeeded"]?.intValue ?? 0) + Int64(added.0))
                status["failed"] = .integer((status["failed"]?.intValue ?? 0) + Int64(added.1))
                status["uncountedTerminatedPods"] = Self.uncounted([], [])
            }
        }
        let pods = api.store.objects("pods", namespace: job.namespace).filter { $0.controllerReference?.uid == job.uid }
        return JobState(job: job, pods: pods)
    }

    /// Whether the Job is over: says so as soon as no pod runs any more. True when nothing else is to be done.
    private func decide(_ state: JobState) async throws(APIError) -> Bool {
        let job = state.job
        var target = Self.target(job)
        if target == nil {
            if let limit = state.spec["activeDeadlineSeconds"]?.intValue, let start = state.startTime, !state.isSuspended, api.now >= start + .seconds(limit) {
                target = ("FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline")
            } else if state.failures > Int(clamping: state.spec["backoffLimit"]?.intValue ?? 6) {
                target = ("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
            } else if isComplete(state) {
                target = ("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods")
            }
        }
        guard let (type, reason, message) = target else { return false }
        for pod in state.active { try await delete(pod) }
        let isQuiet = state.active.isEmpty && state.terminating.isEmpty
        let final = type == "FailureTarget" ? "Failed" : "Complete"
        _ = try await update(job) { status, now in
            if !Self.has(status, type) { Self.set(&status, type, true, reason, message, now) }
            Self.setActivity(&status, state)
            if isQuiet {
                Self.set(&status, final, true, reason, message, now)
                if final == "Complete" { status["completionTime"] = now.kubernetes }
                status["active"] = Optional<JSONValue>.none
                status["ready"] = 0
                status["terminating"] = 0
            }
        }
        if isQuiet {
            await events.record(
                final == "Failed" ? .warning : .normal, final == "Failed" ? reason : "Completed", final == "Failed" ? message : "Job completed", about: job)
        }
        return true
    }

    private func isComplete(_ state: JobState) -> Bool {
        guard let completions = state.completions else { return state.number("succeeded") > 0 && state.active.isEmpty && state.terminating.isEmpty }
        return state.number("succeeded") >= completions
    }

    private func suspend(_ state: JobState) async throws(APIError) -> Duration? {
        for pod in state.active {
            // Let go of first: what a suspension ends is no failure of the Job, however its containers end.
            try await release(pod)
            try await delete(pod)
        }
        if !state.job.hasTrueCondition("Suspended") { await events.record(.normal, "Suspended", "Job suspended", about: state.job) }
        _ = try await update(state.job) { status, now in
            Self.set(&status, "Suspended", true, "JobSuspended", "Job suspended", now)
            status["startTime"] = Optional<JSONValue>.none
            Self.setActivity(&status, state)
        }
        return nil
    }

    private func run(_ state: JobState) async throws(APIError) -> Duration? {
        let delay = retryDelay(state)
        let missing = missingPods(state)
        var created = 0
        if delay == nil {
            for index in missing {
                try await createPod(for: state.job, index: index)
                created += 1
            }
        }
        if state.job.hasTrueCondition("Suspended") { await events.record(.normal, "Resumed", "Job resumed", about: state.job) }
        _ = try await update(state.job) { status, now in
            if Self.has(status, "Suspended") { Self.set(&status, "Suspended", false, "JobResumed", "Job resumed", now) }
            Self.setActivity(&status, state, created: created)
        }
        var next = missing.isEmpty ? nil : delay
        if let limit = state.spec["activeDeadlineSeconds"]?.intValue, let start = state.startTime {
            let rest = max(.milliseconds(1), start + .seconds(limit) - api.now)
            next = next.map { min($0, rest) } ?? rest
        }
        return next
    }

    /// The completion indexes to start now; nil for each pod of a Job that does not count by index. A pod that is ending keeps its place until it is gone.
    private func missingPods(_ state: JobState) -> [Int?] {
        let living = state.active.count + state.terminating.count
        guard let completions = state.completions else {
            // A work queue starts nothing new once one pod has found it empty.
            return state.number("succeeded") > 0 ? [] : Array(repeating: nil, count: max(0, state.parallelism - living))
        }
        let room = max(0, min(state.parallelism, completions - state.number("succeeded")) - living)
        guard state.isIndexed else { return Array(repeating: nil, count: room) }
        let done = IndexSet(text: state.job.at("status", "completedIndexes")?.stringValue ?? "").indexes
        let taken = Set((state.active + state.terminating).compactMap(JobState.index))
        return Array((0..<completions).filter { !done.contains($0) && !taken.contains($0) }.prefix(room))
    }

    /// How long to wait before the next pod: doubled with each failure, from when the last pod failed. Nil: no longer.
    private func retryDelay(_ state: JobState) -> Duration? {
        let failures = state.number("failed")
        guard failures > 0 else { return nil }
        let last = state.pods.filter { $0.at("status", "phase")?.stringValue == "Failed" }.compactMap(Self.finishTime).max()
        guard let last else { return nil }
        let wait = min(options.retryDelay * (1 << min(failures - 1, 16)), options.maximumRetryDelay)
        let rest = last + wait - api.now
        return rest > .zero ? rest : nil
    }

    private static func finishTime(_ pod: JSONValue) -> Timestamp? {
        (pod.at("status", "containerStatuses")?.arrayValue ?? [])
            .compactMap { $0.at("state", "terminated", "finishedAt")?.stringValue.flatMap { Timestamp(rfc3339: $0) } }.max()
    }

    // MARK: After the end

    /// Finished: the rest of the pods is let go, and the Job removed when its time is up.
    private func tidy(_ state: JobState) async throws(APIError) -> Duration? {
        _ = try await releasePods(state)
        guard let ttl = state.spec["ttlSecondsAfterFinished"]?.intValue else { return nil }
        let conditions = state.job.at("status", "conditions")?.arrayValue ?? []
        let finished = conditions.filter { ["Complete", "Failed"].contains($0["type"]?.stringValue) && $0["status"] == "True" }
            .compactMap { $0["lastTransitionTime"]?.stringValue.flatMap { Timestamp(rfc3339: $0) } }.max()
        guard let finished else { return nil }
        let rest = finished + .seconds(ttl) - api.now
        if rest > .zero { return rest }
        guard let definition = jobDefinition else { return nil }
        var options = DeleteOptions()
        options.uid = state.job.uid
        options.propagation = .foreground
        do throws(APIError) {
            _ = try await api.delete(definition, state.job.namespace, state.job.name, options)
        } catch {
            if error.code != 404 { throw error }
        }
        return nil
    }

    private func releasePods(_ state: JobState) async throws(APIError) -> Duration? {
        for pod in state.pods where pod.finalizers.contains(JobState.trackingFinalizer) {
            // Its process ends first: a pod that is being deleted has nothing to be counted for.
            if JobState.isTerminal(pod) || pod.isBeingDeleted { try await release(pod) }
        }
        return nil
    }

    /// Pods of a Job that is gone: nobody counts them any more.
    private func releaseOrphans(of name: String, in namespace: String, except uid: String?) async throws(APIError) {
        for pod in api.store.objects("pods", namespace: namespace) where pod.finalizers.contains(JobState.trackingFinalizer) {
            guard let owner = pod.controllerReference, owner.kind == "Job", owner.name == name, owner.uid != uid else { continue }
            try await release(pod)
        }
    }

    // MARK: Pods

    private var jobDefinition: ResourceDefinition? { api.registry.find(group: "batch", version: "v1", plural: "jobs") }
    private var podDefinition: ResourceDefinition? { api.registry.find(group: "", version: "v1", plural: "pods") }

    private func createPod(for job: JSONValue, index: Int?) async throws(APIError) {
        guard let definition = podDefinition else { return }
        let pod = JobPods.pod(for: job, index: index)
        do throws(APIError) {
            let created = try await api.create(definition, job.namespace, pod, Self.write)
            await events.record(.normal, "SuccessfulCreate", "Created pod: \(created.object.name)", about: job)
        } catch {
            await events.record(.warning, "FailedCreate", "Error creating: \(error.message)", about: job)
            throw error
        }
    }

    private func delete(_ pod: JSONValue) async throws(APIError) {
        guard let definition = podDefinition, !pod.isBeingDeleted else { return }
        var options = DeleteOptions()
        options.uid = pod.uid
        do throws(APIError) {
            _ = try await api.delete(definition, pod.namespace, pod.name, options)
        } catch {
            if error.code != 404 && error.code != 409 { throw error }
        }
    }

    private func release(_ pod: JSONValue) async throws(APIError) {
        guard let definition = podDefinition else { return }
        do throws(APIError) {
            _ = try await api.change(definition, pod.namespace, pod.name, Self.write) { current throws(APIError) in
                guard current.uid == pod.uid else { throw .notFound(definition.name, pod.name) }
                var next = current
                next.finalizers = current.finalizers.filter { $0 != JobState.trackingFinalizer }
                return ClusterAPI.Change(object: next, ownership: .update)
            }
        } catch {
            if error.code != 404 { throw error }
        }
    }

    // MARK: Status

    private func update(_ job: JSONValue, _ change: (inout JSONValue, Timestamp) -> Void) async throws(APIError) -> JSONValue {
        guard let definition = jobDefinition else { return job }
        return try await api.change(definition, job.namespace, job.name, Self.writeStatus) { current throws(APIError) in
            guard current.uid == job.uid else { throw .notFound(definition.name, job.name) }
            var next = current
            var status = current["status"] ?? [:]
            change(&status, self.api.now)
            next["status"] = status
            return ClusterAPI.Change(object: next, ownership: .update)
        }.object
    }

    private static func set(_ status: inout JSONValue, _ type: String, _ isTrue: Bool, _ reason: String, _ message: String, _ now: Timestamp) {
        var conditions = Conditions(status["conditions"])
        conditions.set(type, isTrue, reason, message, now: now)
        status["conditions"] = conditions.json
    }

    private static func has(_ status: JSONValue, _ type: String) -> Bool {
        (status["conditions"]?.arrayValue ?? []).contains { $0["type"]?.stringValue == type && $0["status"] == "True" }
    }

    /// What an earlier step has decided the Job's end to be.
    private static func target(_ job: JSONValue) -> (type: String, reason: String, message: String)? {
        for condition in job.at("status", "conditions")?.arrayValue ?? [] {
            guard let type = condition["type"]?.stringValue, ["FailureTarget", "SuccessCriteriaMet"].contains(type), condition["status"] == "True" else {
                continue
            }
            return (type, condition["reason"]?.stringValue ?? "", condition["message"]?.stringValue ?? "")
        }
        return nil
    }

    private static func setActivity(_ status: inout JSONValue, _ state: JobState, created: Int = 0) {
        status["active"] = .integer(Int64(state.active.count + created))
        status["terminating"] = .integer(Int64(state.terminating.count))
        status["ready"] = .integer(Int64(state.active.count { $0.hasTrueCondition("Ready") }))
    }

    private static func uids(_ pending: JSONValue?, _ field: String) -> [String] { (pending?[field]?.arrayValue ?? []).compactMap(\.stringValue) }

    private static func uncounted(_ succeeded: [String], _ failed: [String]) -> JSONValue {
        var result = JSONObject()
        if !succeeded.isEmpty { result["succeeded"] = .array(succeeded.map { .string($0) }) }
        if !failed.isEmpty { result["failed"] = .array(failed.map { .string($0) }) }
        return .object(result)
    }
}
