import Base
import Glibc
import KubeClient
import ObjectStore
import TestSupport
import Testing

@testable import Operator

@Suite struct ProfileTests {
    private static let stores = StoreFactory(executor: BlockingExecutor(threads: 2, name: "test"))

    /// The status after one look at a profile.
    private static func status(root: String, claim: String? = nil, suspend: Bool = false, allowHost: Bool = true) async throws -> StorageProfileStatus {
        let clock = ManualClock()
        let cluster = InMemoryCluster(clock: clock)
        var spec = StorageProfileSpec(root: root, filesystem: .init())
        spec.filesystem.persistentVolumeClaim = claim
        spec.suspend = suspend
        let profile = StorageProfile(metadata: ObjectMeta(name: "lake", namespace: "lake"), spec: spec, status: nil)
        cluster.add(profile)
        let reconciler = ProfileReconciler(cluster: cluster, stores: stores, allowHostFilesystem: allowHost, clock: clock, random: SeededRandomSource(seed: 1))
        _ = try await reconciler.reconcile(profile.key)
        cluster.sync()
        return try #require(cluster.profile(profile.key)?.status)
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

    @Test func claimsAreNotProbed() async throws {
        #expect(try await Self.status(root: "file:///data/lake", claim: "lake", allowHost: false).conditions?["Ready"]?.reason == "ClaimNotProbed")
    }

    @Test func directoriesOfTheMachineAreRefusedInACluster() async throws {
        let status = try await Self.status(root: "file:///", allowHost: false)
        #expect(status.conditions?["Stalled"]?.reason == "HostFilesystemRefused")
    }

    @Test func aSuspendedProfileIsNotProbed() async throws {
        #expect(try await Self.status(root: "file:///nowhere", suspend: true).conditions?["Ready"]?.reason == "Suspended")
    }

    @Test func aRootElsewhereIsSaidSo() async throws {
        #expect(try await Self.status(root: "s3://lake/").conditions?["Stalled"]?.reason == "UnsupportedLocation")
    }
}
