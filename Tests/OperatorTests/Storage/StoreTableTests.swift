import Base
import Jobs
import KubeClient
import TestSupport
import Testing

@testable import Operator

/// Tables and operations on object stores: what the profile's state and the table's writers mean for them.
@Suite struct StoreTableTests {
    private static let location = "s3://lake/orders"
    private static let spec = #"{"root":"s3://lake/","s3":{},"credentials":{"secretRef":{"name":"keys"}}}"#

    private static func harness(
        _ spec: String = spec, ready: ConditionReason? = .probed, stalled: Bool = false, location: String = location
    ) throws -> Harness {
        let harness = Harness()
        try harness.addProfile(spec)
        try harness.addTable(location: location)
        if let ready { show(ready, stalled: stalled, in: harness) }
        return harness
    }

    private static func show(_ reason: ConditionReason, stalled: Bool = false, in harness: Harness) {
        let readiness: ObjectState.Readiness = reason == .probed ? .ready : stalled ? .stalled : .failing
        var conditions: [Condition] = []
        ObjectState(readiness: readiness, reason: reason, message: "why").apply(to: &conditions, generation: 1, now: harness.clock.now())
        harness.cluster.edit { contents in
            var status = StorageProfileStatus()
            status.conditions = conditions
            contents.profiles[Harness.key("lake")]?.status = status
        }
    }

    @Test func anOperationRunsWithTheSecretMountedAndNowhereElse() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation()
        await harness.steps(2)
        #expect(harness.operation("run")?.phase == .running)
        let spec = try #require(harness.cluster.jobs.first?.spec?.template?["spec"])
        #expect(spec["volumes"]?.arrayValue?.contains(["name": "credentials", "secret": ["secretName": "keys", "defaultMode": 288]]) == true)
        #expect(harness.operation("run")?.status?.transaction?.version == 1, "the operator reads the table's own record")
    }

    @Test(
        arguments: [
            (ConditionReason.noConditionalWrites, "Pending", "NoConditionalWrites"), (.permissionDenied, "Pending", "PermissionDenied"),
            (.unreachable, "Pending", "Unreachable"), (.invalidCredentials, "Pending", "InvalidCredentials"), (nil, "Pending", "StorageNotReady"),
            (.probed, "Succeeded", "Succeeded"),
        ] as [(ConditionReason?, String, String)])
    func operationsStartWhereTheStorageIsReady(state: ConditionReason?, phase: String, reason: String) async throws {
        let harness = try Self.harness(ready: state, stalled: true)
        try harness.addOperation()
        await harness.steps(4)
        #expect(harness.operation("run")?.phase.rawValue == phase)
        #expect(harness.operation("run")?.status?.conditions?["Ready"]?.reason == reason)
        guard state != .probed else { return }
        Self.show(.probed, in: harness)
        await harness.steps(4)
        #expect(harness.operation("run")?.phase == .succeeded, "a mended profile is all that it waits for")
    }

    @Test(arguments: [
        (ConditionReason.noConditionalWrites, true), (.permissionDenied, true), (.unreachable, false), (.invalidCredentials, false), (.secretNotFound, false),
    ])
    func whatCanBeReadIsObserved(state: ConditionReason, isObserved: Bool) async throws {
        let harness = try Self.harness(ready: state, stalled: true)
        await harness.steps(2)
        let ready = try #require(harness.table()?.status?.conditions?["Ready"])
        #expect((ready.status == .true) == isObserved)
        #expect(isObserved || ready.reason == state.rawValue && ready.message.contains("StorageProfile lake"))
    }

    @Test func aDryRunNeedsNoConditionalWrites() async throws {
        let harness = try Self.harness(ready: .noConditionalWrites, stalled: true)
        try harness.addOperation("a", #"{"tableRef":{"name":"orders"},"optimize":{},"dryRun":true}"#)
        await harness.steps(4)
        #expect(harness.operation("a")?.phase == .succeeded)
    }

    private static func unsafe(_ harness: Harness, daysAgo: Int64 = 0) -> DeltaTableStatus.UnsafeWriter {
        .init(engine: "Apache-Spark/3.5.0 Delta-Lake/3.2.0", version: 7, timestamp: (harness.clock.now() - .seconds(daysAgo * 86_400)).wholeSeconds)
    }

    @Test func sparksHistoryHoldsOperationsAndPoliciesBack() async throws {
        let harness = try Self.harness()
        harness.tables[Self.location].unsafeWriter = Self.unsafe(harness)
        try harness.addPolicy()
        try harness.addOperation()
        await harness.steps(3)
        let condition = try #require(harness.table()?.status?.conditions?["UnsafeConcurrentWriter"])
        #expect(condition.status == .true && condition.message.contains("Apache-Spark/3.5.0") && condition.message.contains("s3.concurrentWriters"))
        #expect(harness.table()?.status?.conditions?.isTrue("Ready") == true, "observation goes on")
        #expect(harness.operation("run")?.status?.conditions?["Stalled"]?.reason == "UnsafeConcurrentWriter")
        #expect(harness.cluster.jobs.isEmpty && harness.cluster.createdOperations.isEmpty)
        #expect(harness.table()?.status?.maintenance?.optimize?.decision.reason == "UnsafeConcurrentWriter")
        #expect(harness.cluster.events.contains("Warning DeltaTable/orders UnsafeConcurrentWriter"))

        // It left the commits that are looked at, and is remembered.
        harness.tables[Self.location].unsafeWriter = nil
        await harness.steps(2)
        #expect(harness.table()?.status?.conditions?.isTrue("UnsafeConcurrentWriter") == true)
        harness.clock.advance(by: .seconds(31 * 86_400))
        await harness.steps(6)
        #expect(harness.table()?.status?.conditions?["UnsafeConcurrentWriter"]?.reason == "SafeWriters")
        #expect(harness.operation("run")?.phase == .succeeded)
    }

    @Test(arguments: ["Conditional", "None"])
    func whoeverSaysThatItIsSafeIsBelieved(word: String) async throws {
        let harness = try Self.harness(#"{"root":"s3://lake/","s3":{"concurrentWriters":"\#(word)"},"credentials":{"secretRef":{"name":"keys"}}}"#)
        harness.tables[Self.location].unsafeWriter = Self.unsafe(harness)
        try harness.addOperation()
        await harness.steps(4)
        #expect(harness.operation("run")?.phase == .succeeded)
        #expect(harness.table()?.status?.conditions?["UnsafeConcurrentWriter"]?.reason == "SaidToBeSafe")
    }

    @Test func elsewhereTheQuestionDoesNotArise() async throws {
        let harness = try Self.harness(
            #"{"root":"gs://lake/","gcs":{},"credentials":{"secretRef":{"name":"keys"}}}"#, location: "gs://lake/orders")
        harness.tables["gs://lake/orders"].unsafeWriter = Self.unsafe(harness)
        await harness.steps(2)
        #expect(harness.table()?.status?.conditions?["UnsafeConcurrentWriter"] == nil)
    }

    @Test func whatOnlyPodsReachIsNotObservedAndCanBeWorkedOn() async throws {
        let harness = try Self.harness(#"{"root":"s3://lake/","s3":{},"credentials":{"serviceAccountName":"tables"}}"#, ready: nil)
        harness.fate = .hangs
        try harness.addOperation()
        await harness.steps(2)
        #expect(harness.table()?.status?.conditions?["Stalled"]?.reason == "NotObservable")
        #expect(harness.operation("run")?.phase == .running)
        let spec = try #require(harness.cluster.jobs.first?.spec?.template?["spec"])
        #expect(spec["serviceAccountName"] == "tables")
        #expect((harness.operation("run")?.status?.transaction?.version ?? 0) > 1_700_000_000_000)
    }

    @Test(arguments: [(ConditionReason.invalidCredentials, true), (.unreachable, true), (.probing, true), (.noConditionalWrites, false)])
    func podsFindOutForThemselvesButForConditions(state: ConditionReason, starts: Bool) async throws {
        let harness = try Self.harness(#"{"root":"s3://lake/","s3":{}}"#, ready: state, stalled: true)
        harness.fate = .hangs
        try harness.addOperation()
        await harness.steps(2)
        #expect((harness.operation("run")?.phase == .running) == starts)
    }

    @Test func twoTablesInOneStoreAreComparedWithinTheirNamespace() async throws {
        let harness = try Self.harness()
        harness.clock.advance(by: .seconds(5))
        try harness.addTable("second", location: "s3a://lake/orders/")
        await harness.steps(2)
        #expect(harness.table("second")?.status?.conditions?["Stalled"]?.reason == "LocationTaken")
        #expect(harness.table()?.status?.conditions?.isTrue("Ready") == true)
    }
}
