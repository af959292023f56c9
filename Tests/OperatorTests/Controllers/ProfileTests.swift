import Base
import Glibc
import KubeClient
import ObjectStore
import TestSupport
import Testing

@testable import Operator

@Suite struct ProfileTests {
    /// The status after one look at a profile.
    private static func status(_ spec: String, allowHost: Bool = true, secrets: FakeSecrets = FakeSecrets()) async throws -> StorageProfileStatus {
        let clock = ManualClock()
        let cluster = InMemoryCluster(clock: clock)
        let profile = StorageProfile(
            metadata: ObjectMeta(name: "lake", namespace: "lake"), spec: try JSON.decode(StorageProfileSpec.self, from: spec), status: nil)
        cluster.add(profile)
        let factory = StoreFactory(executor: BlockingExecutor(threads: 2, name: "test"), options: StoreOptions(usesAmbientIdentity: false))
        let reconciler = ProfileReconciler(
            cluster: cluster, stores: ProfileStores(stores: factory, secrets: secrets, clock: clock),
            jobs: ProbeJobs(cluster: cluster, settings: WorkerJob.Settings(image: "levee:test"), clock: clock), reach: OperatorReach(hostFilesystem: allowHost),
            clock: clock,
            random: SeededRandomSource(seed: 1))
        _ = try await reconciler.reconcile(profile.key)
        cluster.sync()
        return try #require(cluster.profile(profile.key)?.status)
    }

    private static func status(root: String, allowHost: Bool = true) async throws -> StorageProfileStatus {
        try await status(#"{"root":"\#(root)","filesystem":{}}"#, allowHost: allowHost)
    }

    @Test func goodStorageIsReadyAndNothingIsLeftInIt() async throws {
        let directory = try TemporaryDirectory()
        let status = try await Self.status(root: "file://\(directory.path)")
        #expect(status.conditions?["Ready"]?.reason == "Probed" && status.conditions?.isTrue("Ready") == true)
        #expect(status.observedGeneration == 1 && status.lastProbeTime != nil)
        #expect(directory.names(in: "_levee/probe").isEmpty)
    }

    @Test func aRootThatIsNotThereIsNotMade() async throws {
        let directory = try TemporaryDirectory()
        let status = try await Self.status(root: "file://\(directory.appending("missing"))")
        #expect(status.conditions?["Stalled"]?.reason == "Unreachable")
        #expect(status.conditions?["Stalled"]?.message.contains("does not exist") == true)
        #expect(directory.names().isEmpty)
    }

    @Test func aFileIsNoRoot() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("file", "x")
        #expect(try await Self.status(root: "file://\(directory.appending("file"))").conditions?["Stalled"]?.reason == "Unreachable")
    }

    @Test(.enabled(if: geteuid() != 0, "root may write anywhere")) func aRootThatMayNotBeWrittenIsSaidSo() async throws {
        let directory = try TemporaryDirectory()
        chmod(directory.path, 0o555)
        #expect(try await Self.status(root: "file://\(directory.path)").conditions?["Stalled"]?.reason == "PermissionDenied")
    }

    @Test func directoriesOfTheMachineAreRefusedInACluster() async throws {
        let status = try await Self.status(root: "file:///", allowHost: false)
        #expect(status.conditions?["Stalled"]?.reason == "HostFilesystemRefused")
    }

    @Test func aSuspendedProfileIsNotProbed() async throws {
        let status = try await Self.status(#"{"root":"file:///nowhere","filesystem":{},"suspend":true}"#)
        #expect(status.conditions?["Ready"]?.reason == "Suspended")
    }

    private static let s3 = #"{"root":"s3://lake/","s3":{"endpoint":"http://127.0.0.1:1","allowHTTP":true},"credentials":{"secretRef":{"name":"keys"}}}"#
    private static let keys = ["AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hush-hush"]

    @Test(
        arguments: [
            (s3, nil, "SecretNotFound", "no Secret keys"),
            (s3, [:], "InvalidSecret", "AWS_ACCESS_KEY_ID"),
            (s3, ["AWS_ACCESS_KEY_ID": "hush-hush"], "InvalidSecret", "AWS_SECRET_ACCESS_KEY"),
            (
                #"{"root":"az://lake/x","azure":{"account":"a"},"credentials":{"secretRef":{"name":"keys"}}}"#,
                ["client-id": "c", "client-secret": "hush-hush"], "InvalidSecret", "tenant-id"
            ),
            (#"{"root":"az://lake/x","azure":{"account":"a"},"credentials":{"secretRef":{"name":"keys"}}}"#, [:], "InvalidSecret", "account-key"),
            (#"{"root":"az://lake/x","azure":{},"credentials":{"secretRef":{"name":"keys"}}}"#, ["account-key": "aHVzaA=="], "UnsupportedLocation", "account"),
            (
                #"{"root":"az://lake/x","azure":{"account":"a"},"credentials":{"secretRef":{"name":"keys"}}}"#, ["account-key": "hush-hush"],
                "InvalidCredentials", "base"
            ),
            (#"{"root":"gs://lake/x","gcs":{},"credentials":{"secretRef":{"name":"keys"}}}"#, ["other": "x"], "InvalidSecret", "key.json"),
            (#"{"root":"gs://lake/x","gcs":{},"credentials":{"secretRef":{"name":"keys"}}}"#, ["key.json": "hush-hush"], "InvalidCredentials", "no JSON"),
            (
                #"{"root":"s3://lake/","s3":{},"credentials":{"secretRef":{"name":"keys"}},"tls":{"caSecretRef":{"name":"keys","key":"ca.crt"}}}"#,
                keys, "InvalidSecret", "ca.crt"
            ),
            (
                #"{"root":"s3://lake/","s3":{"encryption":{"algorithm":"CustomerKey"}},"credentials":{"secretRef":{"name":"keys"}}}"#,
                keys, "InvalidSecret", "AWS_SSE_CUSTOMER_KEY_BASE64"
            ),
        ] as [(String, [String: String]?, String, String)])
    func whatIsWrongWithASecretIsSaidByName(spec: String, entries: [String: String]?, reason: String, word: String) async throws {
        let secrets = FakeSecrets()
        secrets.put("keys", entries)
        let stalled = try #require(try await Self.status(spec, secrets: secrets).conditions?["Stalled"])
        #expect(stalled.reason == reason)
        #expect(stalled.message.contains(word))
        #expect(!stalled.message.contains("hush"))
    }

    @Test func aSecretThatMayNotBeReadIsSaidSo() async throws {
        let secrets = FakeSecrets()
        secrets.forbid()
        #expect(try await Self.status(Self.s3, secrets: secrets).conditions?["Stalled"]?.reason == "SecretForbidden")
    }

    @Test func aServerThatDoesNotAnswerIsTriedAgain() async throws {
        let secrets = FakeSecrets()
        secrets.put("keys", Self.keys)
        let status = try await Self.status(Self.s3, secrets: secrets)
        #expect(status.conditions?["Reconciling"]?.reason == "Unreachable")
        #expect(status.conditions?["Ready"]?.message.contains("hush") == false)
    }

    @Test(arguments: [
        (#"{"root":"s3://lake/","filesystem":{}}"#, "InvalidSpec"),
        (#"{"root":"file:///lake","s3":{}}"#, "InvalidSpec"),
        (#"{"root":"s3://lake/","s3":{},"gcs":{}}"#, "InvalidSpec"),
        (#"{"root":"s3://lake/"}"#, "InvalidSpec"),
        (#"{"root":"s3://lake/","s3":{"endpoint":"http://minio:9000"}}"#, "InvalidSpec"),
        (#"{"root":"s3://lake/","s3":{"encryption":{"algorithm":"CustomerKey"}}}"#, "InvalidSpec"),
        (#"{"root":"ftp://lake/","s3":{}}"#, "UnsupportedLocation"),
        (#"{"root":"abfss://lake@elsewhere.example/x","azure":{}}"#, "UnsupportedLocation"),
    ])
    func whatTheSchemaWouldRefuseIsRefusedWhereNobodyEvaluatesIt(spec: String, reason: String) async throws {
        #expect(try await Self.status(spec).conditions?["Stalled"]?.reason == reason)
    }
}
