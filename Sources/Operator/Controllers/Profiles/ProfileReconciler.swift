import Base
import Jobs
import KubeClient
import ObjectStore

/// Tells whether a StorageProfile's storage can be used, by using it: in this process where the profile lets the operator in, else in a pod of the
/// profile's own; see ``ProbeJobs``.
struct ProfileReconciler: Sendable {
    let cluster: any Cluster
    let stores: ProfileStores
    let jobs: ProbeJobs
    let reach: OperatorReach
    let clock: any WallClock
    let random: any RandomSource

    /// What came of a look at a profile.
    struct Finding: Hashable, Sendable {
        var state: ObjectState
        /// Of probes in pods.
        var probe: StorageProfileStatus.Probe?
        /// When to look again.
        var interval: Duration
    }

    /// Good storage is probed seldom, bad storage often: someone may be mending it.
    private static let intervalWhenReady = Duration.seconds(600)
    private static let intervalWhenNot = Duration.seconds(30)

    func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let profile = cluster.profile(key), !profile.metadata.isBeingDeleted else { return .forget }
        if profile.spec.suspend {
            let state = ObjectState(readiness: .ready, reason: .suspended, message: "suspended (spec.suspend); not probed")
            try await write(Finding(state: state, probe: profile.status?.probe, interval: .zero), of: profile)
            return .forget
        }
        var finding: Finding
        do {
            finding = try await look(at: profile)
        } catch let obstacle as Obstacle {
            let state = ObjectState(readiness: obstacle.needsPerson ? .stalled : .failing, reason: obstacle.reason, message: obstacle.message)
            finding = Finding(state: state, probe: profile.status?.probe, interval: Self.intervalWhenNot)
        }
        try await write(finding, of: profile)
        return .after(finding.interval * 9 / 10 + random.duration(upTo: finding.interval / 5))
    }

    private func look(at profile: StorageProfile) async throws -> Finding {
        let access = try Placement.access(to: profile, reach: reach)
        let root = try Placement.root(of: profile)
        guard access.isReachedByOperator else { return try await jobs.look(at: profile, root, access) }
        let state = try await probe(root, access, name: "\(Names.shortHash(profile.metadata.uid, length: 8))-\(UUID.v4(random))")
        return Finding(state: state, probe: nil, interval: state.readiness == .ready ? Self.intervalWhenReady : Self.intervalWhenNot)
    }

    private func probe(_ root: TableLocation, _ access: StorageAccess, name: String) async throws -> ObjectState {
        do {
            let probe = StorageProbe(root: root, store: try await stores.openNew(root, access))
            try await probe.run(name: name)
            return ObjectState(readiness: .ready, reason: .probed, message: probe.success)
        } catch let error as ObjectStoreError {
            return ObjectState(ProbeFailure(error))
        } catch let failure as ProbeFailure {
            return ObjectState(failure)
        }
    }

    private func write(_ finding: Finding, of profile: StorageProfile) async throws(KubeError) {
        let state = finding.state
        var status = profile.status ?? StorageProfileStatus()
        let before = status.conditions?[ConditionType.ready]
        status.observedGeneration = profile.metadata.generation
        status.lastHandledReconcile = profile.metadata.annotations[Names.reconcileAnnotation] ?? status.lastHandledReconcile
        status.probe = finding.probe
        var conditions = status.conditions ?? []
        state.apply(to: &conditions, generation: profile.metadata.generation, now: clock.now())
        status.conditions = conditions
        if before?.reason != state.reason.rawValue {
            status.lastProbeTime = clock.now().wholeSeconds
            cluster.event(state.readiness == .ready ? .normal : .warning, on: profile.objectReference, reason: state.reason.rawValue, message: state.message)
        }
        if status != profile.status { try await cluster.writeStatus(status, of: profile) }
    }
}

extension ObjectState {
    /// A profile whose probe failed.
    init(_ failure: ProbeFailure) {
        self.init(
            readiness: failure.mayPass ? .failing : .stalled, reason: ConditionReason(rawValue: failure.reason.rawValue) ?? .storageFailed,
            message: failure.message)
    }
}
