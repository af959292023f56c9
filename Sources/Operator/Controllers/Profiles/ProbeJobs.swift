import Base
import Jobs
import KubeClient
import ObjectStore

/// Probes storage that only a profile's pods reach (a claim, or a store by the pods' own identity), by a small Job under the profile's account.
///
/// The status counts the probes, and a probe's Job is named by its number: an operator that died in between finds the Job that it made.
struct ProbeJobs: Sendable {
    typealias Finding = ProfileReconciler.Finding

    let cluster: any Cluster
    let settings: WorkerJob.Settings
    let clock: any WallClock

    /// A pod costs more than a request: good storage is probed again after hours.
    private static let intervalWhenReady = Duration.seconds(6 * 3600)
    private static let intervalWhenNot = Duration.seconds(300)
    private static let intervalWhileRunning = Duration.seconds(5)
    private static let deadlineSeconds: Int64 = 600
    /// How long a pod that does not start is not spoken of.
    private static let patience = Duration.seconds(30)
    private static let resources: JSONValue = ["requests": ["cpu": "50m", "memory": "64Mi"], "limits": ["memory": "256Mi"]]

    func look(at profile: StorageProfile, _ root: TableLocation, _ access: StorageAccess) async throws -> Finding {
        let probe = profile.status?.probe ?? .init(runs: 0)
        let subject = Self.subject(profile)
        if probe.job == nil, probe.subject == subject, let ended = probe.completionTime, let ready = profile.status?.conditions?[ConditionType.ready],
            let reason = ConditionReason(rawValue: ready.reason)
        {
            let interval = ready.status == .true ? Self.intervalWhenReady : Self.intervalWhenNot
            let left = ended + interval - clock.now()
            if left > .zero {
                return Finding(state: state(of: profile, ready, reason), probe: probe, interval: left)
            }
        }
        let key = ObjectKey(
            namespace: profile.metadata.namespace,
            name: Names.probeJob(profile: profile.metadata.name, uid: profile.metadata.uid, run: probe.runs + 1))
        let job = try await job(key, profile, root, access)
        if let job { return try await follow(job, profile, probe, subject) }
        // Somebody deleted it, or it is refused: said, and tried again.
        return Finding(
            state: ObjectState(
                readiness: .failing, reason: .probeNotRunning,
                message: "the API server does not allow the probe's Job \(key.name) (a quota, or a Pod Security level?)"),
            probe: probe, interval: Self.intervalWhenNot)
    }

    /// What another probe is due for when it changes: the spec, and a person's asking.
    private static func subject(_ profile: StorageProfile) -> String {
        let asked = profile.metadata.annotations[Names.reconcileAnnotation].map { " \(Names.shortHash($0, length: 8))" } ?? ""
        return "\(profile.metadata.uid) \(profile.metadata.generation)\(asked)"
    }

    private func state(of profile: StorageProfile, _ ready: Condition, _ reason: ConditionReason) -> ObjectState {
        let isStalled = profile.status?.conditions?.isTrue(ConditionType.stalled) ?? false
        return ObjectState(readiness: ready.status == .true ? .ready : isStalled ? .stalled : .failing, reason: reason, message: ready.message)
    }

    // MARK: - The Job

    /// The Job, made if it is not there; nil where the API server does not allow it.
    private func job(_ key: ObjectKey, _ profile: StorageProfile, _ root: TableLocation, _ access: StorageAccess) async throws -> Job? {
        if let job = cluster.job(key) { return job }
        if let job = try await cluster.fetchJob(key) { return job }
        do throws(KubeError) {
            return try await cluster.createJob(try manifest(key, profile, root, access))
        } catch {
            if error.isAlreadyExists { return try await cluster.fetchJob(key) }
            if error.isForbidden { return nil }
            throw error
        }
    }

    private func manifest(_ key: ObjectKey, _ profile: StorageProfile, _ root: TableLocation, _ access: StorageAccess) throws(KubeError) -> JSONValue {
        let identity = WorkerTask.OperationIdentity(uid: profile.metadata.uid, namespace: profile.metadata.namespace, name: profile.metadata.name)
        var settings = settings
        settings.ttlSecondsAfterFinished = 600
        let job = WorkerJob(
            owner: .probe(job: key.name), operation: identity,
            task: WorkerTask(operation: identity, location: root.description, storage: access.taskStorage, work: ProbeWork(name: key.name)), access: access,
            labels: [:], template: JobTemplate(metadata: .init(annotations: [Names.probeSubjectAnnotation: Self.subject(profile)]), resources: Self.resources),
            activeDeadlineSeconds: Self.deadlineSeconds, backoffLimit: 1, settings: settings)
        do { return try job.manifest() } catch { throw .invalidObject(object: "Job \(key)", reason: "\(error)") }
    }

    // MARK: - What it tells

    private func follow(_ job: Job, _ profile: StorageProfile, _ probe: StorageProfileStatus.Probe, _ subject: String) async throws -> Finding {
        var probe = probe
        let outcome = JobOutcome(job: job, pods: try await cluster.fetchPods(ofProbe: job.key))
        switch outcome {
        case .running, .suspended:
            var obstacle: String?
            if case let .running(_, reason) = outcome { obstacle = reason }
            if probe.job == nil { probe.startTime = clock.now().wholeSeconds }
            probe.job = job.metadata.name
            let isLate = probe.startTime.map { clock.now() - $0 > Self.patience } ?? false
            let state: ObjectState
            if let obstacle, isLate {
                state = ObjectState(readiness: .failing, reason: .probeNotRunning, message: obstacle)
            } else if probe.subject == subject, let ready = profile.status?.conditions?[ConditionType.ready], ready.status == .true,
                let reason = ConditionReason(rawValue: ready.reason)
            {
                // What the last probe found counts until this one has ended.
                state = self.state(of: profile, ready, reason)
            } else {
                state = ObjectState(readiness: .reconciling, reason: .probing, message: "the Job \(job.metadata.name) probes the storage")
            }
            return Finding(state: state, probe: probe, interval: Self.intervalWhileRunning)
        case let .succeeded(result):
            let message = result?.message ?? "the Job \(job.metadata.name) could list and write the storage"
            return ended(probe, job, ObjectState(readiness: .ready, reason: .probed, message: message))
        case let .failed(reason, message, result):
            let known = result?.reason.flatMap(ProbeFailure.Reason.init)
            if let known {
                return ended(probe, job, ObjectState(ProbeFailure(reason: known, message: message, mayPass: result?.outcome == .retryable)))
            }
            let text = reason == .deadlineExceeded ? "the Job \(job.metadata.name) did not end within \(Self.deadlineSeconds) seconds" : message
            return ended(probe, job, ObjectState(readiness: .failing, reason: .probeNotRunning, message: text))
        }
    }

    private func ended(_ probe: StorageProfileStatus.Probe, _ job: Job, _ state: ObjectState) -> Finding {
        var probe = probe
        probe.runs += 1
        probe.job = nil
        probe.completionTime = clock.now().wholeSeconds
        // Of the spec that the Job was made for, which may have changed since.
        probe.subject = job.metadata.annotations[Names.probeSubjectAnnotation]
        return Finding(state: state, probe: probe, interval: state.readiness == .ready ? Self.intervalWhenReady : Self.intervalWhenNot)
    }
}
