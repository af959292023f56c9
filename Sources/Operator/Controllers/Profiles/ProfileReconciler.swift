import Base
import KubeClient
import ObjectStore

/// Tells whether a StorageProfile's storage can be used, by using it: one object is put, put again, and removed, twice over.
struct ProfileReconciler: Sendable {
    let cluster: any Cluster
    let stores: StoreFactory
    let allowHostFilesystem: Bool
    let clock: any WallClock
    let random: any RandomSource

    /// Good storage is probed seldom, bad storage often: someone may be mending it.
    private static let intervalWhenReady = Duration.seconds(600)
    private static let intervalWhenNot = Duration.seconds(30)

    func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let profile = cluster.profile(key), !profile.metadata.isBeingDeleted else { return .forget }
        if profile.spec.suspend {
            try await write(ObjectState(readiness: .ready, reason: .suspended, message: "suspended (spec.suspend); not probed"), of: profile)
            return .forget
        }
        let state: ObjectState
        do throws(Obstacle) {
            state = try await probe(profile)
        } catch {
            state = ObjectState(readiness: error.needsPerson ? .stalled : .failing, reason: error.reason, message: error.message)
        }
        try await write(state, of: profile)
        let interval = state.readiness == .ready ? Self.intervalWhenReady : Self.intervalWhenNot
        return .after(interval * 9 / 10 + random.duration(upTo: interval / 5))
    }

    private func probe(_ profile: StorageProfile) async throws(Obstacle) -> ObjectState {
        switch try Placement.access(to: profile, allowHostFilesystem: allowHostFilesystem) {
        case let .claim(name, mountPath):
            return ObjectState(
                readiness: .ready, reason: .claimNotProbed,
                message: "workers mount the claim \(name) at \(mountPath); the operator does not, and so has not probed it")
        case .host:
            let root = try Placement.location(profile.spec.root)
            let name = "\(Names.shortHash(profile.metadata.uid, length: 8))-\(UUID.v4(random))"
            try await StorageProbe(root: root, stores: stores).run(name: name)
            return ObjectState(readiness: .ready, reason: .probed, message: "\(root) can be listed, written, and written to only once at a path")
        }
    }

    private func write(_ state: ObjectState, of profile: StorageProfile) async throws(KubeError) {
        var status = profile.status ?? StorageProfileStatus()
        let before = status.conditions?[ConditionType.ready]
        status.observedGeneration = profile.metadata.generation
        status.lastHandledReconcile = profile.metadata.annotations[Names.reconcileAnnotation] ?? status.lastHandledReconcile
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
