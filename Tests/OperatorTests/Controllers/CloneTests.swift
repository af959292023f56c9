import Base
import DeltaEngine
import Jobs
import KubeClient
import ObjectStore
import TestSupport
import Testing

@testable import Operator

@Suite struct CloneTests {
    private static func harness() throws -> Harness {
        let harness = Harness()
        try harness.addProfile()
        try harness.addTable(smallFiles: 0)
        harness.tables[Harness.location].version = 7
        return harness
    }

    private static func ready(_ harness: Harness, _ name: String = "copy") -> Condition? { harness.clone(name)?.status?.conditions?[ConditionType.ready] }
    private static func isStalled(_ harness: Harness, _ name: String = "copy") -> Bool {
        harness.clone(name)?.status?.conditions?.isTrue(ConditionType.stalled) == true
    }

    @Test func aCloneIsMadeOnceAndStaysAsTheRecord() async throws {
        let harness = try Self.harness()
        try harness.addClone(more: #","jobTemplate":{"nodeSelector":{"disk":"fast"}},"activeDeadlineSeconds":77"#)
        await harness.steps(6)
        let status = try #require(harness.clone()?.status)
        #expect(status.source == "orders" && status.synced == "latest" && status.sourceVersion == 7 && status.targetVersion == 1)
        #expect(status.lastRun?.copiedFiles == 3 && status.lastRun?.copiedBytes == 300 && status.lastRun?.phase == .succeeded)
        #expect(status.lastSyncTime != nil && status.nextSyncTime == nil && status.operationRef == nil && status.runs == 1)
        #expect(status.decision?.reason == "Cloned" && status.observedGeneration == 1)
        #expect(Self.ready(harness)?.status == .true && Self.ready(harness)?.message == "the target holds version 7 of orders")
        #expect(status.conditions?[ConditionType.reconciling] == nil && !Self.isStalled(harness))
        let operation = try #require(harness.cluster.operations.first)
        #expect(harness.cluster.operations.count == 1 && operation.type == .clone && operation.run == 1)
        #expect(operation.metadata.controllerReference?.uid == harness.clone()?.metadata.uid)
        #expect(operation.metadata.labels[Names.Label.managedBy] == "levee" && operation.metadata.labels[Names.Label.clone] == "copy")
        #expect(operation.spec.activeDeadlineSeconds == 77 && operation.spec.jobTemplate?.nodeSelector == ["disk": "fast"])
        #expect(harness.ranTasks.map(\.work) == [.init(CloneWork(target: Harness.cloneLocation, mode: "deep"))])
        let moments = harness.cluster.moments
        await harness.steps(20)
        #expect(harness.cluster.moments == moments)
    }

    @Test func aLocationIsClonedWithoutADeltaTable() async throws {
        let harness = try Self.harness()
        try harness.addClone(
            source: #"{"location":"file:///lake/orders","storageRef":{"name":"lake"},"version":4}"#, more: #","mode":"Shallow""#)
        await harness.steps(5)
        #expect(harness.ranTasks.map(\.work) == [.init(CloneWork(target: Harness.cloneLocation, mode: "shallow", version: 4))])
        #expect(harness.clone()?.status?.source == Harness.location && harness.clone()?.status?.sourceVersion == 4)
        #expect(harness.clone()?.status?.synced == "version 4")
    }

    /// The harness' time goes by in steps of five seconds.
    @Test func aScheduleRunsWhereTheSourceHasANewerVersion() async throws {
        let harness = try Self.harness()
        try harness.addClone(more: #","sync":{"schedule":"* * * * *"}"#)
        await harness.steps(6)
        #expect(harness.clone()?.status?.runs == 1 && harness.clone()?.status?.nextSyncTime != nil)
        await harness.steps(15)
        #expect(harness.clone()?.status?.runs == 1 && harness.clone()?.status?.decision?.reason == "UpToDate")
        #expect(harness.clone()?.status?.decision?.message == "the target holds version 7 of the source already")
        harness.tables[Harness.location].version = 9
        await harness.steps(16)
        let status = try #require(harness.clone()?.status)
        #expect(status.runs == 2 && status.sourceVersion == 9 && status.targetVersion == 2 && status.lastRun?.run == 2)
        #expect(harness.cluster.createdOperations.count == 2 && Set(harness.cluster.createdOperations).count == 2)
        #expect(Self.ready(harness)?.status == .true)
    }

    @Test func anotherVersionIsClonedInItsPlace() async throws {
        let harness = try Self.harness()
        try harness.addClone(source: #"{"tableRef":{"name":"orders"},"version":3}"#)
        await harness.steps(5)
        harness.editClone { $0.spec.source.version = 5 }
        await harness.steps(5)
        #expect(harness.clone()?.status?.sourceVersion == 5 && harness.clone()?.status?.runs == 2)
        harness.editClone { $0.spec.historyLimits.succeeded = 1 }
        await harness.steps(5)
        #expect(harness.clone()?.status?.runs == 2 && harness.cluster.operations.count == 1)
        #expect(harness.clone()?.status?.observedGeneration == 3)
    }

    @Test func theAnnotationAsksForARunOnce() async throws {
        let harness = try Self.harness()
        try harness.addClone()
        await harness.steps(5)
        harness.editClone { $0.metadata.annotations[Names.reconcileAnnotation] = "now" }
        await harness.steps(10)
        #expect(harness.clone()?.status?.runs == 2 && harness.clone()?.status?.lastHandledReconcile == "now")
    }

    @Test func aFailedRunIsTriedAgainLaterAndLater() async throws {
        let harness = try Self.harness()
        harness.fate = .fails(.permanent, "the target is another table")
        try harness.addClone(more: #","historyLimits":{"failed":1}"#)
        await harness.steps(6)
        #expect(harness.clone()?.status?.runs == 1 && Self.ready(harness)?.reason == "SyncFailed")
        #expect(Self.ready(harness)?.message.contains("the target is another table; tried again at 2026-") == true)
        #expect(harness.clone()?.status?.decision?.reason == "CoolingDown")
        await harness.steps(16)
        #expect(harness.clone()?.status?.runs == 2 && harness.clone()?.status?.lastRun?.failures == 2)
        await harness.steps(16)
        #expect(harness.clone()?.status?.runs == 2)
        harness.fate = .succeeds
        await harness.steps(16)
        #expect(harness.clone()?.status?.runs == 3 && Self.ready(harness)?.reason == "Synced" && harness.clone()?.status?.lastRun?.failures == nil)
        // Of the two that failed one is kept.
        #expect(harness.cluster.operations.count == 2)
    }

    @Test func aCancelledRunIsNotTriedAgainByItself() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addClone()
        await harness.steps(3)
        harness.cluster.edit { contents in
            for key in contents.operations.keys { contents.operations[key]?.spec.cancel = true }
        }
        await harness.steps(8)
        #expect(harness.clone()?.status?.runs == 1 && Self.isStalled(harness) && Self.ready(harness)?.reason == "Cancelled")
        harness.fate = .succeeds
        harness.editClone { $0.metadata.annotations[Names.reconcileAnnotation] = "again" }
        await harness.steps(6)
        #expect(harness.clone()?.status?.runs == 2 && Self.ready(harness)?.status == .true)
    }

    @Test func aSuspendedCloneDoesNothing() async throws {
        let harness = try Self.harness()
        try harness.addClone(more: #","suspend":true"#)
        await harness.steps(5)
        #expect(harness.cluster.createdOperations.isEmpty && Self.ready(harness)?.reason == "Suspended" && Self.isStalled(harness))
        harness.editClone { $0.spec.suspend = false }
        await harness.steps(5)
        harness.editClone { $0.spec.suspend = true }
        await harness.steps(2)
        #expect(harness.cluster.createdOperations.count == 1 && Self.ready(harness)?.reason == "Suspended" && Self.ready(harness)?.status == .true)
    }

    @Test func whatIsMissingIsSaidAndAwaited() async throws {
        let harness = Harness()
        try harness.addClone()
        await harness.steps(2)
        #expect(Self.ready(harness)?.reason == "StorageNotFound" && Self.isStalled(harness))
        try harness.addProfile()
        await harness.steps(2)
        #expect(Self.ready(harness)?.reason == "TableNotFound" && Self.isStalled(harness))
        try harness.addTable()
        harness.tables[Harness.location].failure = DeltaError.notATable(location: Harness.location)
        await harness.steps(2)
        #expect(Self.ready(harness)?.reason == "NotATable" && harness.cluster.createdOperations.isEmpty)
        harness.tables[Harness.location].failure = nil
        await harness.steps(5)
        #expect(Self.ready(harness)?.reason == "Synced" && harness.cluster.createdOperations.count == 1 && !Self.isStalled(harness))
    }

    @Test(arguments: [
        (#"{"tableRef":{"name":"orders"}}"#, "file:///elsewhere/copy", "LocationOutsideRoot"),
        (#"{"tableRef":{"name":"orders"}}"#, "file:///lake/orders/copy", "InvalidSpec"),
        (#"{"tableRef":{"name":"orders"}}"#, "file:///lake/x/../orders", "LocationTaken"),
        (#"{"location":"file:///lake/raw/orders","storageRef":{"name":"lake"}}"#, "file:///lake/raw", "InvalidSpec"),
        (#"{"location":"file:///lake/raw","storageRef":{"name":"other"}}"#, "file:///lake/copy", "InvalidSpec"),
    ])
    func placesThatDoNotFitAreRefused(source: String, target: String, reason: String) async throws {
        let harness = try Self.harness()
        try harness.addClone(source: source, target: target)
        await harness.steps(3)
        #expect(harness.cluster.createdOperations.isEmpty)
        #expect(Self.ready(harness)?.reason == reason && Self.isStalled(harness), "\(Self.ready(harness)?.message ?? "")")
    }

    @Test func aTargetBelongsToOneCloneAndItsTable() async throws {
        let harness = try Self.harness()
        try harness.addTable("other", location: Harness.cloneLocation)
        try harness.addClone()
        await harness.steps(3)
        #expect(Self.ready(harness)?.reason == "LocationTaken" && harness.cluster.createdOperations.isEmpty)
        #expect(Self.ready(harness)?.message.contains("levee.dev/clone=copy") == true)
        harness.cluster.edit { $0.tables[Harness.key("other")]?.metadata.labels[Names.Label.clone] = "copy" }
        await harness.steps(5)
        #expect(Self.ready(harness)?.reason == "Synced")
        try harness.addClone("younger")
        await harness.steps(3)
        #expect(Self.ready(harness, "younger")?.reason == "LocationTaken" && Self.isStalled(harness, "younger"))
        harness.cluster.edit { $0.clones[Harness.key("copy")] = nil }
        harness.cluster.edit { $0.tables[Harness.key("other")] = nil }
        await harness.steps(5)
        #expect(Self.ready(harness, "younger")?.reason == "Synced")
    }

    @Test func theTargetGetsATableOfItsOwnWhenItIsThere() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addClone(createTable: true)
        await harness.steps(4)
        #expect(harness.table("copy") == nil)
        harness.fate = .succeeds
        await harness.steps(5)
        let table = try #require(harness.table("copy"))
        #expect(table.metadata.ownerReferences.isEmpty && table.spec.location == Harness.cloneLocation && table.spec.storageRef.name == "lake")
        #expect(table.metadata.labels == [Names.Label.managedBy: "levee", Names.Label.clone: "copy"])
        #expect(harness.clone()?.status?.tableRef?.name == "copy" && Self.ready(harness)?.reason == "Synced")
        harness.cluster.edit { $0.tables[Harness.key("copy")] = nil }
        await harness.steps(2)
        #expect(harness.table("copy") != nil)
    }

    @Test func aTablesNameThatIsTakenIsSaid() async throws {
        let harness = try Self.harness()
        try harness.addTable("copy", location: "file:///lake/third")
        try harness.addClone(createTable: true)
        await harness.steps(6)
        #expect(Self.ready(harness)?.reason == "TableNameTaken" && Self.isStalled(harness) && harness.clone()?.status?.sourceVersion == 7)
        harness.cluster.edit { $0.tables[Harness.key("copy")] = nil }
        await harness.steps(2)
        #expect(Self.ready(harness)?.reason == "Synced" && harness.table("copy")?.spec.location == Harness.cloneLocation)
    }

    @Test func whatHoldsTheOperationUpIsSaid() async throws {
        let harness = try Self.harness()
        try harness.addClone()
        await harness.step(workers: false)
        harness.cluster.edit { contents in
            contents.profiles = [:]
            for key in contents.operations.keys { contents.operations[key]?.status = nil }
        }
        await harness.steps(2)
        #expect(Self.ready(harness)?.reason == "StorageNotFound" && Self.isStalled(harness))
        try harness.addProfile()
        await harness.steps(5)
        #expect(Self.ready(harness)?.reason == "Synced" && harness.cluster.createdOperations.count == 1)
    }

    // MARK: The operator dies

    private static func scenario(killAt moments: Set<Int>, fate: Harness.WorkerFate = .succeeds, staleEvery: Int? = nil) async throws -> Harness {
        let harness = try Self.harness()
        harness.fate = fate
        try harness.addClone(createTable: true, more: #","sync":{"schedule":"@daily"}"#)
        harness.editClone { $0.metadata.annotations[Names.reconcileAnnotation] = "first" }
        harness.cluster.killAt(moments)
        for step in 0..<18 { await harness.step(stale: staleEvery.map { step % $0 != 0 } ?? false) }
        return harness
    }

    @Test(arguments: [(nil, .succeeds), (nil, .diesAfterCommit), (3, .succeeds)] as [(Int?, Harness.WorkerFate)])
    func aKillAtAnyWriteNeitherLosesNorDoublesTheRun(staleEvery: Int?, fate: Harness.WorkerFate) async throws {
        let moments = try await Self.scenario(killAt: [], fate: fate, staleEvery: staleEvery).cluster.moments
        for moment in 1...moments {
            let harness = try await Self.scenario(killAt: [moment, moment + 3], fate: fate, staleEvery: staleEvery)
            let comment: Comment = "killed at moment \(moment) of \(moments)"
            #expect(harness.errors.isEmpty, comment)
            #expect(harness.cluster.createdOperations.count == 1 && harness.cluster.createdJobs.count == 1, comment)
            #expect(harness.tables[Harness.cloneLocation].version == 1, comment)
            #expect(harness.clone()?.status?.sourceVersion == 7 && harness.clone()?.status?.lastRun?.phase == .succeeded, comment)
            #expect(harness.table("copy") != nil, comment)
            #expect(harness.cluster.operations.first?.metadata.finalizers.isEmpty == true, comment)
        }
    }
}
