import Base
import DeltaEngine
import Jobs
import KubeClient
import ObjectStore
import TestSupport
import Testing

@testable import Operator

@Suite struct TableTests {
    private static func harness(policy: String? = #""optimize":{}"#, smallFiles: Int64 = 300) throws -> Harness {
        let harness = Harness()
        try harness.addProfile()
        try harness.addTable(smallFiles: smallFiles)
        if let policy { try harness.addPolicy("bronze", policy) }
        return harness
    }

    @Test func aTableShowsWhatItIs() async throws {
        let harness = try Self.harness(policy: nil)
        await harness.steps(2)
        let status = try #require(harness.table()?.status)
        #expect(status.table?.numFiles == 301 && status.layout?.smallFiles == 300)
        #expect(status.conditions?.isTrue("Ready") == true)
        #expect(status.conditions?["Healthy"]?.status == .false && status.conditions?["Healthy"]?.reason == "Findings")
        #expect((status.health?.score ?? 100) < 100 && status.health?.findings?.first?.reason == "SmallFiles")
        #expect(status.maintenance?.optimize == nil)
    }

    @Test func anUnchangedTableIsNotWrittenAgain() async throws {
        let harness = try Self.harness(policy: #""optimize":{"when":{"smallFiles":1000}}"#)
        await harness.steps(3)
        let moments = harness.cluster.moments
        await harness.steps(20)
        #expect(harness.cluster.moments == moments)
    }

    @Test func decisionsStandInTheStatusWithTheirReason() async throws {
        let harness = try Self.harness(smallFiles: 9)
        await harness.steps(2)
        let optimize = try #require(harness.table()?.status?.maintenance?.optimize)
        #expect(optimize.policy == "bronze")
        #expect((optimize.decision.action, optimize.decision.reason, optimize.decision.message) == (.skipped, "BelowThreshold", "9 small files, threshold 100"))
        #expect(harness.policy()?.status?.tables == .init(matched: 1, due: 0, waiting: 0, skipped: 1))
    }

    @Test func theRunIsOnTheTablesRecord() async throws {
        let harness = try Self.harness()
        await harness.steps(6)
        let optimize = try #require(harness.table()?.status?.maintenance?.optimize)
        #expect(optimize.lastRun?.phase == .succeeded && optimize.lastRun?.version == 1 && optimize.runs == 1)
        #expect(optimize.decision.reason == "BelowThreshold")
        let operation = try #require(harness.cluster.operations.first)
        #expect(operation.metadata.labels[Names.Label.policy] == "bronze" && operation.metadata.labels[Names.Label.table] == "orders")
        #expect(operation.metadata.controllerReference?.kind == "DeltaTable")
        #expect(operation.metadata.annotations[Names.reasonAnnotation]?.hasPrefix("SmallFiles: 300 small files") == true)
    }

    /// A clustered table takes no columns beside its own.
    @Test(arguments: [(false, ["a"]), (true, nil)] as [(Bool, [String]?)])
    func rowsAreSortedByThePolicysColumnsOrTheTables(isTables: Bool, columns: [String]?) async throws {
        let harness = try Self.harness(policy: #""optimize":{"zOrderBy":["a"],"when":{"smallFiles":2}}"#, smallFiles: 0)
        harness.tables[Harness.location].sorting = SortingFacts(
            columns: ["a"], isTables: isTables, replacesPolicys: isTables, unsortedFiles: 2, unsortedBytes: 10, totalFiles: 2, totalBytes: 10,
            rewriteBytes: 10, targetFileSize: 1 << 28)
        await harness.steps(2)
        let operation = try #require(harness.cluster.operations.first)
        #expect(operation.spec.optimize?.zOrderBy == columns)
        #expect(operation.metadata.annotations[Names.reasonAnnotation]?.hasPrefix("UnsortedFiles: 2 files") == true)
        #expect(operation.metadata.annotations[Names.expectedBytesAnnotation] == "10")
    }

    @Test func cooldownsKeepRunsApart() async throws {
        let harness = try Self.harness()
        await harness.steps(6)
        harness.tables[Harness.location].smallFiles = 200
        await harness.steps(3)
        #expect(harness.table()?.status?.maintenance?.optimize?.decision.reason == "CoolingDown")
        harness.clock.advance(by: .seconds(1800))
        await harness.steps(6)
        #expect(harness.cluster.createdOperations.count == 2)
        #expect(Set(harness.cluster.createdOperations).count == 2)
        #expect(harness.table()?.status?.maintenance?.optimize?.runs == 2)
    }

    @Test func failuresLengthenTheCooldown() async throws {
        let harness = try Self.harness()
        harness.fate = .fails(.permanent, "no")
        await harness.steps(6)
        #expect(harness.table()?.status?.maintenance?.optimize?.lastRun?.failures == 1)
        harness.clock.advance(by: .seconds(3500))
        await harness.steps(2)
        #expect(harness.cluster.createdOperations.count == 1)
        harness.clock.advance(by: .seconds(200))
        await harness.steps(6)
        #expect(harness.cluster.createdOperations.count == 2)
        #expect(harness.table()?.status?.maintenance?.optimize?.lastRun?.failures == 2)
    }

    @Test func aPlanRunsNothing() async throws {
        let harness = try Self.harness(policy: #""mode":"Plan","optimize":{}"#)
        await harness.steps(4)
        #expect(harness.cluster.createdOperations.isEmpty)
        #expect(harness.table()?.status?.maintenance?.optimize?.decision.action == .planned)
        let policy = try #require(harness.policy()?.status)
        #expect(policy.planned?.map(\.table) == ["orders"] && policy.planned?.first?.task == .optimize)
        #expect(policy.tables?.due == 1)
        #expect(policy.conditions?["Ready"]?.reason == "Planning")
    }

    @Test func aScheduleRunsOncePerTime() async throws {
        let harness = try Self.harness(policy: #""cooldown":"1m","optimize":{"schedule":"0 13 * * *"}"#)
        await harness.steps(3)
        #expect(harness.table()?.status?.maintenance?.optimize?.decision.reason == "NotScheduled")
        #expect(harness.table()?.status?.maintenance?.optimize?.nextTime == Timestamp(rfc3339: "2026-04-11T13:00:00Z"))
        harness.clock.advance(by: .seconds(3600))
        await harness.steps(6)
        #expect(harness.cluster.createdOperations.count == 1)
        harness.tables[Harness.location].smallFiles = 300
        harness.clock.advance(by: .seconds(3600))
        await harness.steps(6)
        #expect(harness.cluster.createdOperations.count == 1)
        // What was decided at the scheduled time stays until the next.
        #expect(harness.table()?.status?.maintenance?.optimize?.decision.action == .run)
        #expect(harness.table()?.status?.maintenance?.optimize?.nextTime == Timestamp(rfc3339: "2026-04-12T13:00:00Z"))
        harness.clock.advance(by: .seconds(24 * 3600))
        await harness.steps(6)
        #expect(harness.cluster.createdOperations.count == 2)
    }

    @Test func aPolicyRunsOnlyAsManyAsItAllows() async throws {
        let harness = Harness()
        harness.fate = .hangs
        try harness.addProfile()
        for number in 0..<5 { try harness.addTable("t\(number)", location: "file:///lake/t\(number)") }
        try harness.addPolicy("bronze", #""concurrency":{"operations":2},"optimize":{}"#)
        await harness.steps(4)
        #expect(harness.cluster.operations.count { $0.phase == .running } == 2)
        #expect(harness.table("t4")?.status?.maintenance?.optimize?.decision.reason == "ConcurrencyLimit")
        harness.fate = .succeeds
        await harness.steps(20)
        #expect(harness.cluster.createdOperations.count == 5)
        #expect(harness.cluster.operations.allSatisfy { $0.phase == .succeeded })
    }

    @Test func aSpentBudgetWaits() async throws {
        let harness = try Self.harness(policy: #""cooldown":"1m","budget":{"rewriteBytesPerDay":"1Ki"},"optimize":{}"#)
        await harness.steps(6)
        #expect(harness.cluster.operations.first?.spec.optimize?.maxBytes == "1024")
        harness.cluster.edit { contents in
            for key in contents.operations.keys { contents.operations[key]?.status?.result?.metrics?["numBytesRemoved"] = 1024 }
        }
        harness.tables[Harness.location].smallFiles = 300
        harness.clock.advance(by: .seconds(120))
        await harness.steps(3)
        #expect(harness.table()?.status?.maintenance?.optimize?.decision.reason == "BudgetSpent")
        #expect(harness.policy()?.status?.budget == .init(day: "2026-04-11", rewrittenBytes: 1024))
        harness.clock.advance(by: .seconds(12 * 3600))
        await harness.steps(4)
        #expect(harness.cluster.createdOperations.count == 2)
    }

    @Test func historyLimitsCountPerTableAndTask() async throws {
        let harness = try Self.harness(policy: #""cooldown":"1m","historyLimits":{"succeeded":2,"failed":1},"optimize":{}"#)
        for _ in 0..<5 {
            harness.tables[Harness.location].smallFiles = 300
            harness.clock.advance(by: .seconds(120))
            await harness.steps(6)
        }
        #expect(harness.cluster.createdOperations.count == 5)
        #expect(harness.cluster.operations.count == 2)
        #expect(Set(harness.cluster.createdOperations).count == 5)
        try harness.addOperation("mine")
        harness.clock.advance(by: .seconds(120))
        await harness.steps(6)
        #expect(harness.operation("mine") != nil)
    }

    @Test func theYoungerOfTwoTablesAtOneLocationIsStalled() async throws {
        let harness = try Self.harness()
        harness.clock.advance(by: .seconds(10))
        try harness.addTable("copy", location: "/lake//orders")
        harness.tables["file:///lake/orders"].smallFiles = 300
        await harness.steps(6)
        #expect(harness.table("copy")?.status?.conditions?["Stalled"]?.reason == "LocationTaken")
        #expect(harness.table("copy")?.status?.conditions?["Stalled"]?.message.contains("lake/orders") == true)
        #expect(harness.table("orders")?.status?.conditions?.isTrue("Ready") == true)
        #expect(harness.cluster.createdOperations.count == 1)
        harness.cluster.edit { $0.tables[Harness.key("orders")] = nil }
        await harness.steps(2)
        #expect(harness.table("copy")?.status?.conditions?.isTrue("Ready") == true)
    }

    @Test(arguments: [
        (DeltaError.notATable(location: "file:///lake/orders"), ConditionReason.notATable, true),
        (DeltaError.corruptCommit(version: 7, line: 2, reason: "no JSON"), .corruptLog, true),
        (DeltaError.missingCommit(version: 7), .corruptLog, true),
        (DeltaError.unsupportedFeature(feature: "variantType", access: .read, reason: "no"), .unsupportedFeature, true),
        (DeltaError.storage(.permissionDenied(path: "p", operation: "read")), .permissionDenied, true),
        (DeltaError.storage(.outOfSpace(path: "p")), .outOfSpace, true),
        (DeltaError.storage(.failed(path: "p", operation: "read", message: "slow", retryable: true)), .storageFailed, false),
    ])
    func whatTheEngineSaysBecomesACondition(error: DeltaError, reason: ConditionReason, stalled: Bool) async throws {
        let harness = try Self.harness(smallFiles: 9)
        try harness.addTable("other", location: "file:///lake/other", smallFiles: 9)
        await harness.steps(2)
        harness.tables[Harness.location].failure = error
        await harness.steps(2)
        let status = try #require(harness.table()?.status)
        #expect(status.conditions?["Ready"]?.reason == reason.rawValue)
        #expect(status.conditions?["Ready"]?.message == error.description)
        #expect(status.conditions?.isTrue("Stalled") == stalled && status.conditions?.isTrue("Reconciling") == !stalled)
        #expect(status.table?.version == 0, "what was seen last stays")
        #expect(harness.table("other")?.status?.conditions?.isTrue("Ready") == true)
        #expect(harness.cluster.events.contains("Warning DeltaTable/orders \(reason.rawValue)"))
        harness.tables[Harness.location].failure = nil
        await harness.steps(2)
        #expect(harness.table()?.status?.conditions?.isTrue("Ready") == true)
        #expect(harness.table()?.status?.conditions?["Stalled"] == nil)
    }

    @Test(arguments: [
        (#"{"root":"file:///lake","filesystem":{"persistentVolumeClaim":"lake"}}"#, ConditionReason.notObservable),
        (#"{"root":"file:///elsewhere","filesystem":{}}"#, .locationOutsideRoot),
    ])
    func whatTheProfileRefusesBecomesACondition(profile: String, reason: ConditionReason) async throws {
        let harness = Harness()
        try harness.addProfile(profile)
        try harness.addTable()
        await harness.steps(2)
        #expect(harness.table()?.status?.conditions?["Stalled"]?.reason == reason.rawValue)
    }

    @Test func aMissingProfileIsWaitedFor() async throws {
        let harness = Harness()
        try harness.addTable()
        await harness.steps(1)
        #expect(harness.table()?.status?.conditions?["Stalled"]?.reason == "StorageNotFound")
        try harness.addProfile()
        await harness.steps(1)
        #expect(harness.table()?.status?.conditions?.isTrue("Ready") == true)
    }

    @Test func aSuspendedTableIsLeftAlone() async throws {
        let harness = try Self.harness()
        harness.cluster.edit { $0.tables[Harness.key("orders")]?.spec.suspend = true }
        await harness.steps(3)
        #expect(harness.cluster.createdOperations.isEmpty)
        #expect(harness.table()?.status?.maintenance?.optimize?.decision.reason == "TableSuspended")
    }

    @Test func anUnusablePolicySaysSoAndTheOthersGoOn() async throws {
        let harness = try Self.harness()
        try harness.addPolicy("broken", #""priority":9,"optimize":{"schedule":"0 0 30 2 *"}"#)
        await harness.steps(6)
        let broken = try #require(harness.policy("broken")?.status)
        #expect(broken.conditions?["Stalled"]?.reason == "InvalidSpec")
        #expect(broken.conditions?["Stalled"]?.message.contains("spec.optimize.schedule") == true)
        #expect(harness.table()?.status?.maintenance?.optimize?.policy == "bronze")
        #expect(harness.cluster.createdOperations.count == 1)
        #expect(harness.policy()?.status?.conditions?.isTrue("Ready") == true)
    }

    @Test func whatIsAskedForByAnnotationIsEchoed() async throws {
        let harness = try Self.harness()
        harness.cluster.edit { contents in
            contents.tables[Harness.key("orders")]?.metadata.annotations[Names.reconcileAnnotation] = "now"
            contents.policies[Harness.key("bronze")]?.metadata.annotations[Names.reconcileAnnotation] = "now"
        }
        await harness.steps(2)
        #expect(harness.table()?.status?.lastHandledReconcile == "now")
        #expect(harness.policy()?.status?.lastHandledReconcile == "now")
    }
}
