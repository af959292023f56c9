import Base
import KubeClient
import Testing

@testable import Operator

@Suite struct TaskDecisionTests {
    /// A Saturday, at noon in UTC.
    static let now = Timestamp(rfc3339: "2026-04-11T12:00:00Z") ?? Timestamp(microseconds: 0)
    static let zones = TimeZoneDatabase()

    static func ago(_ hours: Int) -> Timestamp { now - .seconds(hours * 3600) }

    static func policy(_ spec: String) throws -> ResolvedPolicy {
        var metadata = ObjectMeta(name: "nightly", namespace: "lake")
        metadata.creationTimestamp = ago(1000)
        let spec = try JSON.decode(MaintenancePolicySpec.self, from: #"{"tableSelector":{},"# + spec + "}")
        return try ResolvedPolicy(MaintenancePolicy(metadata: metadata, spec: spec), timeZones: zones)
    }

    static func decide(
        _ task: MaintenanceTask, _ spec: String, _ facts: TableFacts = TableFacts(), history: TaskHistory = TaskHistory(owedSince: ago(1000)),
        policyFacts: PolicyFacts = PolicyFacts(), now: Timestamp = now
    ) throws -> Decision {
        try TaskDecision(policy: policy(spec), task: task, facts: facts, history: history, policyFacts: policyFacts, now: now).decide()
    }

    static func files(_ small: Int64, of all: Int64 = 1000) -> TableFacts { TableFacts(numFiles: all, smallFiles: small, smallFileBytes: small << 20) }

    @Test(arguments: [
        (files(9), #""optimize":{}"#, Decision.Verdict.skip, DecisionReason.belowThreshold),
        (files(99), #""optimize":{}"#, .skip, .belowThreshold),
        (files(100), #""optimize":{}"#, .run, .smallFiles),
        (files(5, of: 10), #""optimize":{"when":{"smallFileRatio":0.5}}"#, .run, .smallFileRatio),
        (files(4, of: 10), #""optimize":{"when":{"smallFileRatio":0.5}}"#, .skip, .belowThreshold),
        (files(100), #""optimize":{"when":{"smallFileRatio":0.5}}"#, .skip, .belowThreshold),
        (files(1, of: 1), #""optimize":{"when":{"smallFileRatio":0.0}}"#, .skip, .belowThreshold),
        (files(0, of: 0), #""optimize":{"when":{"smallFileRatio":0.0}}"#, .skip, .belowThreshold),
        (files(5, of: 10), #""optimize":{"when":{"smallFiles":6,"smallFileRatio":0.5}}"#, .run, .smallFileRatio),
        (files(100), #""mode":"Plan","optimize":{}"#, .plan, .smallFiles),
        (files(9), #""mode":"Plan","optimize":{}"#, .skip, .belowThreshold),
        (files(100), #""suspend":true,"optimize":{}"#, .skip, .policySuspended),
    ])
    func optimizeGoesByItsThresholds(facts: TableFacts, spec: String, verdict: Decision.Verdict, reason: DecisionReason) throws {
        let decision = try Self.decide(.optimize, spec, facts)
        #expect((decision.verdict, decision.reason) == (verdict, reason), "\(decision)")
    }

    @Test func messagesHaveTheFigures() throws {
        #expect(try Self.decide(.optimize, #""optimize":{}"#, Self.files(9)).message == "9 small files, threshold 100")
        #expect(
            try Self.decide(.optimize, #""optimize":{"when":{"smallFileRatio":0.305}}"#, Self.files(1, of: 3)).message
                == "1 small files, 33.3 % of 3, threshold 30.5 %")
    }

    @Test func whatTheTableRefusesIsSkipped() throws {
        var facts = Self.files(100)
        facts.isSuspended = true
        #expect(try Self.decide(.optimize, #""optimize":{}"#, facts).reason == .tableSuspended)
        facts = Self.files(100)
        facts.refusals = [.optimize: "rewriting refused because of the table feature typeWidening"]
        #expect(try Self.decide(.optimize, #""optimize":{}"#, facts).reason == .unsupportedFeature)
        facts.refusals = [.vacuum: "vacuum refused", .checkpoint: "checkpoint refused"]
        facts.invalidCondition = "unknown column dy"
        let decision = try Self.decide(.optimize, #""optimize":{"where":"dy > 1"}"#, facts)
        #expect(decision.reason == .invalidWhere)
        #expect(decision.message.contains("optimize.where") && decision.message.contains("dy"))
        #expect(try Self.decide(.vacuum, #""vacuum":{"when":{"removableFiles":1}}"#, facts).reason == .unsupportedFeature)
        #expect(try Self.decide(.checkpoint, #""checkpoint":{}"#, facts).reason == .unsupportedFeature)
    }

    @Test(arguments: [
        // Considered at 02:00; last acted on the day before: due now.
        ("0 2 * * *", Optional(ago(34)), ago(1000), Decision.Verdict.run, DecisionReason.smallFiles),
        // Acted on today.
        ("0 2 * * *", ago(10), ago(1000), .skip, .notScheduled),
        // Never acted on, but the table or the policy is younger than the scheduled time.
        ("0 2 * * *", nil, ago(9), .skip, .notScheduled),
        ("0 2 * * *", nil, ago(11), .run, .smallFiles),
        // A run missed while nobody was there is made up for, once.
        ("0 2 * * 1", ago(24 * 30), ago(1000), .run, .smallFiles),
    ])
    func schedulesAreOwedUntilTheyAreActedOn(
        schedule: String, considered: Timestamp?, owedSince: Timestamp, verdict: Decision.Verdict, reason: DecisionReason
    ) throws {
        let decision = try Self.decide(
            .optimize, #""optimize":{"schedule":"\#(schedule)"}"#, Self.files(100), history: TaskHistory(lastConsidered: considered, owedSince: owedSince))
        #expect((decision.verdict, decision.reason) == (verdict, reason), "\(decision)")
        if reason == .notScheduled { #expect(decision.reconsiderAt == Timestamp(rfc3339: "2026-04-12T02:00:00Z")) }
    }

    /// Files removed 200, 170 and 100 hours ago.
    static let removed = RemovedFiles([(ago(200), 1 << 30), (ago(170), 1 << 30), (ago(100), 1 << 30)].map { (time: $0.0, bytes: Int64($0.1)) })

    @Test(arguments: [
        (#""vacuum":{"when":{"removableFiles":2}}"#, Timestamp?.none, Decision.Verdict.run, DecisionReason.removableFiles),
        (#""vacuum":{"when":{"removableFiles":3}}"#, nil, .skip, .belowThreshold),
        (#""vacuum":{"when":{"removableBytes":"2Gi"}}"#, nil, .run, .removableBytes),
        (#""vacuum":{"when":{"removableFiles":50,"removableBytes":"3Gi"}}"#, nil, .skip, .belowThreshold),
        // What the last vacuum took is not counted again, though the log still remembers it.
        (#""vacuum":{"when":{"removableFiles":1}}"#, ago(1), .skip, .belowThreshold),
        (#""vacuum":{"when":{"removableFiles":1}}"#, ago(20), .run, .removableFiles),
        (#""vacuum":{"schedule":"0 2 * * *"}"#, nil, .run, .scheduled),
        (#""vacuum":{"schedule":"0 2 * * *","when":{"removableFiles":3}}"#, nil, .skip, .belowThreshold),
        (#""vacuum":{"schedule":"0 2 * * *","retention":"168h"}"#, nil, .run, .scheduled),
        (#""vacuum":{"when":{"removableFiles":3},"retention":"50h","allowShortRetention":true}"#, nil, .run, .removableFiles),
    ])
    func vacuumGoesByWhatCanBeRemoved(spec: String, lastSuccess: Timestamp?, verdict: Decision.Verdict, reason: DecisionReason) throws {
        var facts = TableFacts()
        facts.removedFiles = Self.removed
        let history = TaskHistory(owedSince: Self.ago(1000), lastSuccessStarted: lastSuccess)
        let decision = try Self.decide(.vacuum, spec, facts, history: history)
        #expect((decision.verdict, decision.reason) == (verdict, reason), "\(decision)")
    }

    @Test func aRetentionBelowTheTablesOwnIsRefused() throws {
        var facts = TableFacts()
        facts.retentionFloor = .seconds(30 * 24 * 3600)
        let decision = try Self.decide(.vacuum, #""vacuum":{"schedule":"0 2 * * *","retention":"168h"}"#, facts)
        #expect((decision.verdict, decision.reason) == (.skip, .shortRetention))
        let allowed = try Self.decide(.vacuum, #""vacuum":{"schedule":"0 2 * * *","retention":"168h","allowShortRetention":true}"#, facts)
        #expect(allowed.verdict == .run)
    }

    @Test func logCleanupGoesByItsSchedule() throws {
        let spec = #""logCleanup":{"schedule":"0 2 * * *"}"#
        let due = try Self.decide(.logCleanup, spec, TableFacts(), history: TaskHistory(owedSince: Self.ago(1000)))
        #expect((due.verdict, due.reason) == (.run, .scheduled))
        let done = try Self.decide(.logCleanup, spec, TableFacts(), history: TaskHistory(owedSince: Self.ago(0)))
        #expect((done.verdict, done.reason) == (.skip, .notScheduled))
        #expect(throws: InvalidSpec.self) { try Self.decide(.logCleanup, #""logCleanup":{"schedule":"never"}"#, TableFacts()) }
    }

    @Test(arguments: [(Int64(99), Decision.Verdict.skip, DecisionReason.belowThreshold), (100, .run, .commits)])
    func checkpointGoesByCommits(commits: Int64, verdict: Decision.Verdict, reason: DecisionReason) throws {
        let decision = try Self.decide(.checkpoint, #""checkpoint":{}"#, TableFacts(commitsSinceCheckpoint: commits))
        #expect((decision.verdict, decision.reason) == (verdict, reason))
    }

    @Test func oneOperationAtATime() throws {
        var facts = Self.files(100)
        facts.activeOperation = "orders-vacuum-1"
        let decision = try Self.decide(.optimize, #""optimize":{}"#, facts)
        #expect((decision.verdict, decision.reason) == (.wait, .operationRunning))
        #expect(decision.message.contains("orders-vacuum-1"))
    }

    @Test func aClosedWindowIsWaitedFor() throws {
        let decision = try Self.decide(.optimize, #""windows":[{"start":"22:00","end":"05:00"}],"timeZone":"Europe/Berlin","optimize":{}"#, Self.files(100))
        #expect((decision.verdict, decision.reason) == (.wait, .outsideWindow))
        #expect(decision.reconsiderAt == Timestamp(rfc3339: "2026-04-11T20:00:00Z"))
    }

    @Test(arguments: [
        (20, 0, true), (40, 0, false),
        // Each failure doubles it.
        (40, 1, true), (70, 1, false), (110, 2, true), (130, 2, false),
        // Up to a day.
        (23 * 60, 30, true), (25 * 60, 30, false),
    ])
    func cooldownsGrowWithFailures(minutesAgo: Int, failures: Int, waits: Bool) throws {
        let history = TaskHistory(owedSince: Self.ago(1000), lastCompleted: Self.now - .seconds(minutesAgo * 60), failures: failures)
        let decision = try Self.decide(.optimize, #""optimize":{}"#, Self.files(100), history: history)
        #expect(decision.reason == (waits ? .coolingDown : .smallFiles))
        #expect((decision.reconsiderAt != nil) == waits)
    }

    @Test func policiesHaveALimitOfOperations() throws {
        let full = PolicyFacts(activeOperations: 4)
        #expect(try Self.decide(.optimize, #""optimize":{}"#, Self.files(100), policyFacts: full).reason == .concurrencyLimit)
        #expect(try Self.decide(.optimize, #""concurrency":{"operations":5},"optimize":{}"#, Self.files(100), policyFacts: full).verdict == .run)
    }

    @Test func aSpentBudgetWaitsForTheNextDay() throws {
        let midnight = Self.now + .seconds(12 * 3600)
        let budget = #""budget":{"rewriteBytesPerDay":"1Gi"},"optimize":{}"#
        let spent = PolicyFacts(rewrittenBytesToday: 1 << 30, endOfDay: midnight)
        let decision = try Self.decide(.optimize, budget, Self.files(100), policyFacts: spent)
        #expect((decision.verdict, decision.reason, decision.reconsiderAt) == (.wait, .budgetSpent, midnight))
        #expect(try Self.decide(.optimize, budget, Self.files(100), policyFacts: PolicyFacts(rewrittenBytesToday: 1 << 29)).verdict == .run)
        // Vacuum rewrites nothing.
        #expect(try Self.decide(.vacuum, #""budget":{"rewriteBytesPerDay":"1Gi"},"vacuum":{"schedule":"0 2 * * *"}"#, policyFacts: spent).verdict == .run)
    }

    @Test func whatRemainsOfTheBudgetLimitsTheRun() throws {
        let policy = try Self.policy(#""budget":{"rewriteBytesPerDay":"1Gi"},"optimize":{}"#)
        func remaining(_ spent: Int64) -> Int64 {
            TaskDecision(
                policy: policy, task: .optimize, facts: TableFacts(), history: TaskHistory(owedSince: Self.now),
                policyFacts: PolicyFacts(rewrittenBytesToday: spent),
                now: Self.now
            ).remainingBudget
        }
        #expect(remaining(0) == 1 << 30)
        #expect(remaining(1 << 31) == 0)
    }

    @Test(arguments: [
        (#""optimize":{"schedule":"0 0 30 2 *"}"#, "optimize.schedule"),
        (#""optimize":{"schedule":"every day"}"#, "optimize.schedule"),
        (#""optimize":{"targetFileSize":"1Ki"}"#, "optimize.targetFileSize"),
        (#""optimize":{"targetFileSize":"99999999999Gi"}"#, "optimize.targetFileSize"),
        (#""vacuum":{"schedule":"61 * * * *"}"#, "vacuum.schedule"),
        (#""vacuum":{"schedule":"@daily","retention":"1h"}"#, "vacuum.retention"),
        (#""vacuum":{"schedule":"@daily","retention":"99999999999999999999h"}"#, "vacuum.retention"),
        (#""vacuum":{}"#, "vacuum"),
        (#""timeZone":"Mars/Olympus","optimize":{}"#, "timeZone"),
        (#""timeZone":"../../etc/passwd","optimize":{}"#, "timeZone"),
        (#""cooldown":"soon","optimize":{}"#, "cooldown"),
        (#""windows":[{"start":"25:00","end":"05:00"}],"optimize":{}"#, "windows[0].start"),
        (#""budget":{"rewriteBytesPerDay":"0"},"optimize":{}"#, "budget.rewriteBytesPerDay"),
        (#""mode":"Auto""#, "optimize"),
    ])
    func specsThatCannotBeReadNameTheirField(spec: String, field: String) throws {
        let error = #expect(throws: InvalidSpec.self) { try Self.policy(spec) }
        #expect(error?.field == field)
    }

    /// The tables above, and that of clones, reach every reason that a decision can have.
    @Test func everyReasonIsReached() throws {
        var reached: Set<DecisionReason> = []
        func note(_ decision: Decision) { reached.insert(decision.reason) }
        let auto = #""optimize":{}"#
        note(try Self.decide(.optimize, auto, Self.files(100)))
        note(try Self.decide(.optimize, auto, Self.files(1)))
        note(try Self.decide(.optimize, #""optimize":{"when":{"smallFileRatio":0.5}}"#, Self.files(5, of: 6)))
        var removed = TableFacts()
        removed.removedFiles = Self.removed
        note(try Self.decide(.vacuum, #""vacuum":{"when":{"removableFiles":1}}"#, removed))
        note(try Self.decide(.vacuum, #""vacuum":{"when":{"removableBytes":"1Mi"}}"#, removed))
        note(try Self.decide(.vacuum, #""vacuum":{"schedule":"0 2 * * *"}"#))
        note(try Self.decide(.vacuum, #""vacuum":{"schedule":"0 2 * * *"}"#, history: TaskHistory(lastConsidered: Self.now, owedSince: Self.now)))
        note(try Self.decide(.checkpoint, #""checkpoint":{}"#, TableFacts(commitsSinceCheckpoint: 100)))
        note(try Self.decide(.optimize, #""suspend":true,"optimize":{}"#))
        note(try Self.decide(.optimize, auto, TableFacts(isSuspended: true)))
        note(try Self.decide(.optimize, auto, TableFacts(invalidCondition: "x")))
        note(try Self.decide(.optimize, auto, TableFacts(refusals: [.optimize: "x"])))
        note(try Self.decide(.optimize, auto, TableFacts(invalidColumns: "x")))
        let unsorted = SortingFacts(
            columns: ["a"], unsortedFiles: 10, unsortedBytes: 10 << 30, totalFiles: 20, totalBytes: 20 << 30, rewriteBytes: 10 << 30, targetFileSize: 1 << 28)
        note(try Self.decide(.optimize, auto, TableFacts(leastRewriteBytes: 1 << 30, sorting: unsorted)))
        note(try Self.decide(.optimize, #""optimize":{"when":{"smallFiles":10}}"#, TableFacts(sorting: unsorted)))
        note(try Self.decide(.optimize, #""optimize":{"maxBytesPerRun":"1Mi"}"#, TableFacts(leastRewriteBytes: 1 << 30, sorting: unsorted)))
        for reason in [DecisionReason.storageNotReady, .unsafeConcurrentWriter] {
            note(try Self.decide(.optimize, auto, TableFacts(smallFiles: 100, storageRefusal: StorageRefusal(reason: reason, message: "x"))))
        }
        note(try Self.decide(.vacuum, #""vacuum":{"schedule":"0 2 * * *","retention":"168h"}"#, TableFacts(retentionFloor: .seconds(1_000_000))))
        note(try Self.decide(.optimize, auto, TableFacts(activeOperation: "x", smallFiles: 100)))
        note(try Self.decide(.optimize, #""windows":[{"start":"22:00","end":"23:00"}],"optimize":{}"#, Self.files(100)))
        note(try Self.decide(.optimize, auto, Self.files(100), history: TaskHistory(owedSince: Self.now, lastCompleted: Self.now)))
        note(try Self.decide(.optimize, auto, Self.files(100), policyFacts: PolicyFacts(activeOperations: 4)))
        note(
            try Self.decide(
                .optimize, #""budget":{"rewriteBytesPerDay":"1Gi"},"optimize":{}"#, Self.files(100), policyFacts: PolicyFacts(rewrittenBytesToday: 1 << 40)))
        reached.formUnion(try CloneDecisionTests.reasons())
        #expect(reached == Set(DecisionReason.allCases))
    }
}

@Suite struct TaskAssignmentTests {
    private static func policy(_ name: String, priority: Int32, hoursOld: Int, _ tasks: String = #""optimize":{}"#) throws -> ResolvedPolicy {
        var policy = try TaskDecisionTests.policy(#""priority":\#(priority),"# + tasks)
        policy.name = name
        policy.created = TaskDecisionTests.ago(hoursOld)
        return policy
    }

    @Test func theHigherPriorityWinsThenTheOlder() throws {
        let policies = [
            try Self.policy("young", priority: 0, hoursOld: 1), try Self.policy("old", priority: 0, hoursOld: 2),
            try Self.policy("low", priority: -1, hoursOld: 3, #""optimize":{},"checkpoint":{}"#),
        ]
        #expect(TaskAssignment.policy(for: .optimize, among: policies)?.name == "old")
        #expect(TaskAssignment.policy(for: .checkpoint, among: policies)?.name == "low")
        #expect(TaskAssignment.policy(for: .vacuum, among: policies) == nil)
        let urgent = try Self.policy("urgent", priority: 5, hoursOld: 0)
        #expect(TaskAssignment.policy(for: .optimize, among: policies + [urgent])?.name == "urgent")
    }
}
