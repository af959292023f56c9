import Base
import Glibc

/// The node: runs pods as processes of this machine, and tells the API server how they do.
final class PodRunner: Controller {
    struct Key: Hashable, Sendable {
        let key: StoredKey
        let uid: String
    }

    let name = "node"
    let workers = 8
    private let api: ClusterAPI
    private let directories: PodDirectories
    private let options: DevCluster.Options
    private let events: ClusterEvents
    /// Pods that have processes or are about to, by uid: they count against the node's capacity.
    private let running = Lock<Set<String>>([])
    /// Pods that were asked to end, and when they are killed.
    private let ending = Lock<[String: Timestamp]>([:])

    /// How often processes are looked at.
    private static let pollInterval = Duration.milliseconds(50)
    private static let retryInterval = Duration.milliseconds(500)

    init(_ api: ClusterAPI, _ directories: PodDirectories, _ options: DevCluster.Options) {
        self.api = api
        self.directories = directories
        self.options = options
        events = ClusterEvents(api: api, component: "levee-dev")
    }

    func load(_ objects: [(key: StoredKey, object: JSONValue)]) -> [Key] {
        let pods = objects.filter { $0.key.resource == "pods" }
        let known = Set(pods.map(\.object.uid))
        // What an earlier control plane left running for pods that are gone since.
        for uid in StateFiles.list(directories.root) where !known.contains(uid) { remove(uid) }
        let alive = pods.filter { !Self.isFinished($0.object) && StateFiles.exists(directories.pod($0.object.uid)) }.map(\.object.uid)
        running.withLock { $0.formUnion(alive) }
        return pods.map { Key(key: $0.key, uid: $0.object.uid) }
    }

    func keys(for event: StoreEvent) -> [Key] { event.key.resource == "pods" ? [Key(key: event.key, uid: event.object.uid)] : [] }

    func reconcile(_ key: Key) async throws(APIError) -> Duration? {
        guard let pod = api.store.get(key.key), pod.uid == key.uid else {
            remove(key.uid)
            return nil
        }
        if Self.isFinished(pod) {
            release(key.uid)
            return nil
        }
        let containers = PodContainers(
            api: api, directories: directories, workerBinary: options.workerBinary, pod: pod, restartDelay: options.retryDelay)
        if pod.isBeingDeleted { return try await end(containers, by: pod.deletionTimestamp ?? api.now, .deleted) }
        if let limit = pod.at("spec", "activeDeadlineSeconds")?.intValue,
            let start = pod.at("status", "startTime")?.stringValue.flatMap({ Timestamp(rfc3339: $0) }),
            api.now >= start + .seconds(limit)
        {
            return try await end(containers, by: api.now + Self.grace(of: pod), .deadlineExceeded)
        }
        return try await advance(containers)
    }

    private static func isFinished(_ pod: JSONValue) -> Bool { ["Succeeded", "Failed"].contains(pod.at("status", "phase")?.stringValue) }

    private static func grace(of pod: JSONValue) -> Duration { .seconds(pod.at("spec", "terminationGracePeriodSeconds")?.intValue ?? 30) }

    private func release(_ uid: String) {
        running.withLock { _ = $0.remove(uid) }
        ending.withLock { _ = $0.removeValue(forKey: uid) }
    }

    /// Ends what still runs of a pod that is gone, and removes its files.
    private func remove(_ uid: String) {
        let root = "\(directories.pod(uid))/containers"
        for name in StateFiles.list(root) { PodContainers.lastRun(in: "\(root)/\(name)")?.signal(SIGKILL) }
        StateFiles.removeTree(directories.pod(uid))
        release(uid)
    }

    // MARK: Running

    private func advance(_ containers: PodContainers) async throws(APIError) -> Duration? {
        let pod = containers.pod
        guard admit(pod.uid) else {
            try await write(PodStatus(pod, now: api.now).waitingForCapacity(options.maximumPods))
            return Self.retryInterval
        }
        do throws(PodProblem) {
            try PodVolumes(api: api, directories: directories, pod: pod).materialise()
        } catch  where containers.hasStarted {
            // What a running pod has mounted stays as it is when its source goes.
        } catch {
            let outcomes = containers.mainContainers.map { containers.waiting($0, "ContainerCreating", error.message) }
            try await write(PodStatus(pod, now: api.now).make([], outcomes))
            await events.record(.warning, error.reason, error.message, about: pod)
            return Self.retryInterval
        }
        var initial: [PodContainers.Outcome] = []
        for container in containers.initContainers {
            if let last = initial.last, last.finalCode != 0 {
                initial.append(containers.waiting(container, "PodInitializing"))
            } else {
                initial.append(containers.step(container))
            }
        }
        let isInitialized = initial.allSatisfy { $0.finalCode == 0 }
        let main = containers.mainContainers.map { isInitialized ? containers.step($0) : containers.waiting($0, "PodInitializing") }
        let status = PodStatus(pod, now: api.now).make(initial, main)
        let before = pod.at("status", "phase")?.stringValue
        try await write(status)
        if before == "Pending", status.at("status", "phase")?.stringValue == "Running" {
            await events.record(.normal, "Started", "Started container \(containers.mainContainers.first?["name"]?.stringValue ?? "")", about: pod)
        }
        if let problem = (initial + main).compactMap(\.problem).first {
            await events.record(.warning, problem.reason, problem.message, about: pod)
            return Self.retryInterval
        }
        return Self.isFinished(status) ? nil : Self.pollInterval
    }

    private func admit(_ uid: String) -> Bool {
        running.withLock { running in
            if running.contains(uid) { return true }
            if running.count >= options.maximumPods { return false }
            running.insert(uid)
            return true
        }
    }

    // MARK: Ending

    enum Ending {
        case deleted
        case deadlineExceeded
        case stopped
    }

    private func end(_ containers: PodContainers, by limit: Timestamp, _ why: Ending) async throws(APIError) -> Duration? {
        let pod = containers.pod
        let active = containers.activeRuns()
        guard active.isEmpty else {
            let known = ending.withLock { ending -> Timestamp? in
                defer { ending[pod.uid] = min(ending[pod.uid] ?? limit, limit) }
                return ending[pod.uid]
            }
            if known == nil {
                for run in active { run.signal(SIGTERM) }
                await events.record(.normal, "Killing", "Stopping container \(containers.mainContainers.first?["name"]?.stringValue ?? "")", about: pod)
            } else if api.now >= min(known ?? limit, limit) {
                for run in active { run.signal(SIGKILL) }
            }
            return Self.pollInterval
        }
        let outcomes = containers.mainContainers.map {
            containers.lastRun($0["name"]?.stringValue ?? "") == nil ? containers.waiting($0, "ContainerCreating") : containers.step($0)
        }
        let initial = containers.initContainers.map {
            containers.lastRun($0["name"]?.stringValue ?? "") == nil ? containers.waiting($0, "PodInitializing") : containers.step($0)
        }
        try await write(PodStatus(pod, now: api.now).ended(initial, outcomes, why))
        release(pod.uid)
        guard why == .deleted, let definition = podDefinition else { return nil }
        var options = DeleteOptions()
        options.gracePeriodSeconds = 0
        options.uid = pod.uid
        do throws(APIError) {
            _ = try await api.delete(definition, pod.namespace, pod.name, options)
        } catch {
            if error.code != 404 { throw error }
        }
        return nil
    }

    /// Ends all pods, because the control plane stops: asks them, waits for `patience`, kills. They are marked as disrupted, so that Jobs start them again.
    func stopAll(patience: Duration) async {
        let pods = api.store.objects("pods").filter { !Self.isFinished($0) }
        let all = pods.map { PodContainers(api: api, directories: directories, workerBinary: options.workerBinary, pod: $0, restartDelay: options.retryDelay) }
        let started = all.filter { !$0.activeRuns().isEmpty }
        let limit = api.now + patience
        for containers in started { for run in containers.activeRuns() { run.signal(SIGTERM) } }
        while api.now < limit, started.contains(where: { !$0.activeRuns().isEmpty }) { try? await api.clock.sleep(for: Self.pollInterval) }
        for containers in started { for run in containers.activeRuns() { run.signal(SIGKILL) } }
        while api.now < limit + .seconds(2), started.contains(where: { !$0.activeRuns().isEmpty }) { try? await api.clock.sleep(for: Self.pollInterval) }
        for containers in started { _ = try? await end(containers, by: limit, .stopped) }
    }

    // MARK: Writing

    private var podDefinition: ResourceDefinition? { api.registry.find(group: "", version: "v1", plural: "pods") }

    private func write(_ pod: JSONValue) async throws(APIError) {
        guard let definition = podDefinition else { return }
        do throws(APIError) {
            _ = try await api.change(definition, pod.namespace, pod.name, .controller("levee-dev-node", .status)) { current throws(APIError) in
                guard current.uid == pod.uid else { throw .notFound(definition.name, pod.name) }
                var next = current
                next["status"] = pod["status"]
                return ClusterAPI.Change(object: next, ownership: .update)
            }
        } catch {
            if error.code != 404 { throw error }
        }
    }
}
