import Base
import Jobs
import KubeClient
import ObjectStore
import TestSupport
import Testing

@testable import Operator

/// Storage that only pods reach, and the Jobs that look at it.
@Suite struct ProbeJobTests {
    private final class Site {
        let clock = ManualClock(Timestamp(rfc3339: "2026-04-11T12:00:00Z") ?? .epoch)
        let cluster: InMemoryCluster
        let key = ObjectKey(namespace: "lake", name: "lake")

        init(_ spec: String) throws {
            cluster = InMemoryCluster(clock: clock)
            cluster.add(
                StorageProfile(
                    metadata: ObjectMeta(name: "lake", namespace: "lake"), spec: try JSON.decode(StorageProfileSpec.self, from: spec), status: nil))
        }

        /// A new process each time: what it knows stands on the object.
        func look() async throws {
            cluster.sync()
            let factory = StoreFactory(executor: BlockingExecutor(threads: 1, name: "test"), options: StoreOptions(usesAmbientIdentity: false))
            _ = try await ProfileReconciler(
                cluster: cluster, stores: ProfileStores(stores: factory, secrets: FakeSecrets(), clock: clock),
                jobs: ProbeJobs(cluster: cluster, settings: WorkerJob.Settings(image: "levee:test"), clock: clock), reach: OperatorReach(), clock: clock,
                random: SeededRandomSource(seed: 1)
            ).reconcile(key)
            cluster.sync()
        }

        var status: StorageProfileStatus? { cluster.profile(key)?.status }
        var ready: String? { status?.conditions?["Ready"]?.reason }

        /// The pods of all Jobs end so.
        func end(_ result: TaskResult) throws {
            let message = try result.encoded()
            let failed = result.outcome != .succeeded
            cluster.edit { contents in
                for (key, job) in contents.jobs where !job.isFinished {
                    var pod = Pod(metadata: ObjectMeta(name: job.metadata.name + "-pod", namespace: "lake"))
                    pod.metadata.labels = [Names.Label.probe: job.metadata.name]
                    var container = Pod.ContainerStatus(name: Names.workerContainer)
                    container.state = try? JSON.decode(
                        Pod.ContainerState.self, from: ["terminated": ["exitCode": .integer(failed ? 4 : 0), "message": .string(message)]])
                    pod.status = Pod.Status()
                    pod.status?.containerStatuses = [container]
                    contents.pods[pod.key] = pod
                    var status = Job.Status()
                    status.conditions = [
                        Condition(
                            type: failed ? "Failed" : "Complete", status: .true, reason: failed ? "PodFailurePolicy" : "", message: "",
                            lastTransitionTime: self.clock.now())
                    ]
                    contents.jobs[key]?.status = status
                }
            }
        }
    }

    private static let claim = #"{"root":"file:///data/lake","filesystem":{"persistentVolumeClaim":"lake-data"},"credentials":{"serviceAccountName":"tables"}}"#

    @Test func aClaimIsProbedByAPodThatMountsIt() async throws {
        let site = try Site(Self.claim)
        try await site.look()
        #expect(site.ready == "Probing")
        let job = try #require(site.cluster.jobs.first)
        let spec = try #require(job.spec?.template?["spec"])
        #expect(job.metadata.controllerReference?.kind == "StorageProfile")
        #expect(spec["serviceAccountName"] == "tables" && spec["automountServiceAccountToken"] == false)
        #expect(spec["volumes"]?.arrayValue?.contains(["name": "tables", "persistentVolumeClaim": ["claimName": "lake-data"]]) == true)
        let arguments = spec["containers"]?[0]?["args"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let task = try WorkerTask(json: Bytes(try #require(arguments.last)))
        #expect(task.location == "file:///data/lake" && task.work == .init(ProbeWork(name: job.metadata.name)))

        try await site.look()
        #expect(site.cluster.createdJobs.count == 1, "an operator that comes next finds the Job")
        try site.end(TaskResult(outcome: .succeeded, message: "fine", reason: "Probed"))
        try await site.look()
        #expect(site.ready == "Probed" && site.status?.probe?.runs == 1 && site.status?.probe?.job == nil)
        try await site.look()
        #expect(site.cluster.createdJobs.count == 1, "good storage is left alone")
        site.clock.advance(by: .seconds(7 * 3600))
        try await site.look()
        #expect(site.cluster.createdJobs.count == 2)
        #expect(site.ready == "Probed", "what was found last counts while another probe runs")
    }

    @Test(arguments: [
        (TaskResult(outcome: .permanent, message: "refused", reason: "InvalidCredentials"), "InvalidCredentials", "Stalled"),
        (TaskResult(outcome: .permanent, message: "overwrites", reason: "NoConditionalWrites"), "NoConditionalWrites", "Stalled"),
        (TaskResult(outcome: .retryable, message: "down", reason: "Unreachable"), "Unreachable", "Reconciling"),
        (TaskResult(outcome: .permanent, message: "a bad task"), "ProbeNotRunning", "Reconciling"),
    ])
    func whatAPodFoundStandsOnTheProfile(result: TaskResult, reason: String, type: String) async throws {
        let site = try Site(#"{"root":"s3://lake/x","s3":{},"credentials":{"serviceAccountName":"tables"}}"#)
        try await site.look()
        try site.end(result)
        try await site.look()
        #expect(site.ready == reason && site.status?.conditions?.isTrue(type) == true)
        #expect(site.status?.conditions?["Ready"]?.message.contains(result.message) == true)
        site.clock.advance(by: .seconds(301))
        try await site.look()
        #expect(site.cluster.createdJobs.count == 2, "bad storage is tried again: someone may have mended it")
    }

    @Test func aChangedSpecIsProbedAnew() async throws {
        let site = try Site(Self.claim)
        try await site.look()
        site.cluster.edit { $0.profiles[site.key]?.metadata.generation = 2 }
        try site.end(TaskResult(outcome: .succeeded, message: "fine", reason: "Probed"))
        try await site.look()
        #expect(site.status?.probe?.runs == 1)
        try await site.look()
        #expect(site.cluster.createdJobs.count == 2, "the first Job was made for the spec before")
        #expect(site.ready == "Probing")
    }

    @Test func aRefusedJobIsSaidSo() async throws {
        let site = try Site(Self.claim)
        site.cluster.refuseJobs(with: InMemoryCluster.status(403, "Forbidden"))
        try await site.look()
        #expect(site.ready == "ProbeNotRunning" && site.status?.conditions?.isTrue("Reconciling") == true)
    }
}
