import Base
import KubeClient
import Testing

@testable import Operator

@Suite struct CloneDecisionTests {
    /// A Saturday, at noon in UTC.
    static let now = Timestamp(rfc3339: "2026-04-11T12:00:00Z") ?? Timestamp(microseconds: 0)
    static let zones = TimeZoneDatabase()

    static func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

    static func resolved(_ source: String = "", _ more: String = "", request: String? = nil, generation: Int64 = 1) throws -> ResolvedClone {
        var metadata = ObjectMeta(name: "copy", namespace: "lake")
        metadata.creationTimestamp = now - .seconds(30 * 86400)
        metadata.generation = generation
        metadata.annotations[Names.reconcileAnnotation] = request
        let spec =
            #"{"source":{"tableRef":{"name":"orders"}"# + source + #"},"target":{"location":"file:///lake/copy","storageRef":{"name":"lake"}}"# + more + "}"
        return try ResolvedClone(
            TableClone(metadata: metadata, spec: try JSON.decode(TableCloneSpec.self, from: spec), status: nil), timeZones: zones)
    }

    /// - Parameter status: members of the status.
    static func decide(
        _ clone: ResolvedClone, _ status: String = "", active: String? = nil, sourceVersion: Int64? = nil, now: Timestamp = now
    ) throws -> Decision {
        let status = try JSON.decode(TableCloneStatus.self, from: "{\(status)}")
        return CloneDecision(clone: clone, status: status, activeOperation: active, sourceVersion: sourceVersion, now: now).decide()
    }

    private static let daily = #","sync":{"schedule":"0 6 * * *"}"#
    private static let synced = #""synced":"latest","sourceVersion":5"#

    private static func lastRun(_ phase: String, failures: Int = 1, at time: String = "2026-04-11T11:59:30Z", generation: Int = 1) -> String {
        #""lastRun":{"operation":"copy-clone-1","run":1,"phase":""# + phase
            + "\",\"completionTime\":\"\(time)\",\"failures\":\(failures),\"generation\":\(generation)}"
    }

    private typealias Case = (
        source: String, spec: String, status: String, sourceVersion: Int64?, verdict: Decision.Verdict, reason: DecisionReason
    )

    private static let cases: [Case] = [
        // Once.
        ("", "", "", nil, Decision.Verdict.run, DecisionReason.notCloned),
        ("", "", synced, nil, .skip, .cloned),
        ("", #","suspend":true"#, "", nil, .skip, .suspended),
        (#","version":3"#, "", "", nil, .run, .notCloned),
        (#","version":3"#, "", #""synced":"version 3","sourceVersion":3"#, nil, .skip, .cloned),
        // Another version is asked for, or the same in other words.
        (#","version":3"#, "", synced, nil, .run, .notCloned),
        (#","version":5"#, "", synced, nil, .skip, .upToDate),
        ("", "", #""synced":"version 5","sourceVersion":5"#, 5, .skip, .upToDate),
        ("", "", #""synced":"version 5","sourceVersion":5"#, 6, .run, .notCloned),
        ("", "", #""synced":"version 5","sourceVersion":5"#, nil, .run, .notCloned),
        (#","timestamp":"2026-03-01T06:00:00Z""#, "", #""synced":"timestamp 2026-03-01T06:00:00Z","sourceVersion":5"#, nil, .skip, .cloned),
        (#","timestamp":"2026-03-02T06:00:00Z""#, "", #""synced":"timestamp 2026-03-01T06:00:00Z","sourceVersion":5"#, nil, .run, .notCloned),
        // On a schedule.
        ("", daily, "", 5, .run, .scheduled),
        ("", daily, #""lastConsideredTime":"2026-04-11T06:00:00Z""#, 5, .run, .notCloned),
        ("", daily, synced + #","lastConsideredTime":"2026-04-11T05:59:59Z""#, 6, .run, .scheduled),
        ("", daily, synced + #","lastConsideredTime":"2026-04-11T05:59:59Z""#, 5, .skip, .upToDate),
        ("", daily, synced + #","lastConsideredTime":"2026-04-11T05:59:59Z""#, nil, .run, .scheduled),
        ("", daily, synced + #","lastConsideredTime":"2026-04-11T06:00:00Z""#, 6, .skip, .notScheduled),
        ("", daily, synced + #","lastConsideredTime":"2026-03-20T06:00:00Z""#, 6, .run, .scheduled),
        // After a run that failed, or was cancelled.
        ("", "", lastRun("Failed"), nil, .wait, .coolingDown),
        ("", "", lastRun("Failed", at: "2026-04-11T11:59:00Z"), nil, .run, .retry),
        ("", "", lastRun("Failed", failures: 2, at: "2026-04-11T11:59:00Z"), nil, .wait, .coolingDown),
        ("", "", lastRun("Failed", failures: 2, at: "2026-04-11T11:58:00Z"), nil, .run, .retry),
        ("", "", lastRun("Failed", failures: 400, at: "2026-04-10T12:00:01Z"), nil, .wait, .coolingDown),
        ("", "", lastRun("Failed", failures: 400, at: "2026-04-10T12:00:00Z"), nil, .run, .retry),
        ("", "", lastRun("Failed", generation: 0), nil, .run, .notCloned),
        ("", "", synced + "," + lastRun("Failed"), nil, .wait, .coolingDown),
        ("", daily, synced + #","lastConsideredTime":"2026-04-11T05:59:59Z","# + lastRun("Failed"), 6, .wait, .coolingDown),
        ("", "", lastRun("Cancelled"), nil, .skip, .runCancelled),
        ("", "", lastRun("Cancelled", generation: 0), nil, .run, .notCloned),
        ("", daily, #""lastConsideredTime":"2026-04-11T06:00:00Z","# + lastRun("Cancelled"), nil, .skip, .runCancelled),
        ("", daily, #""lastConsideredTime":"2026-04-11T05:00:00Z","# + lastRun("Cancelled"), nil, .run, .scheduled),
        ("", daily, synced + #","lastConsideredTime":"2026-04-11T06:00:00Z","# + lastRun("Cancelled"), nil, .skip, .notScheduled),
    ]

    @Test(arguments: cases)
    private func decisionsGoBySpecAndRecord(
        source: String, spec: String, status: String, sourceVersion: Int64?, verdict: Decision.Verdict, reason: DecisionReason
    ) throws {
        let decision = try Self.decide(Self.resolved(source, spec), status, sourceVersion: sourceVersion)
        #expect((decision.verdict, decision.reason) == (verdict, reason), "\(decision)")
    }

    /// All that decisions of clones come to.
    static func reasons() throws -> Set<DecisionReason> {
        let decided = try cases.map { try decide(resolved($0.source, $0.spec), $0.status, sourceVersion: $0.sourceVersion).reason }
        return try Set(decided + [decide(resolved(), active: "copy-clone-1").reason, decide(resolved(request: "now")).reason])
    }

    @Test func aRequestRunsAtOnceWhateverTheScheduleAndTheRecord() throws {
        let asked = try Self.resolved("", Self.daily, request: "now")
        #expect(try Self.decide(asked, Self.synced + #","lastConsideredTime":"2026-04-11T06:00:00Z""#, sourceVersion: 5).reason == .requested)
        #expect(try Self.decide(asked, Self.lastRun("Failed")).reason == .requested)
        #expect(try Self.decide(asked, Self.lastRun("Cancelled")).reason == .requested)
        #expect(try Self.decide(asked, active: "copy-clone-1").reason == .operationRunning)
        #expect(try Self.decide(asked, Self.synced + #","lastConsideredTime":"2026-04-11T06:00:00Z","lastHandledReconcile":"now""#).reason == .notScheduled)
        #expect(try Self.decide(Self.resolved("", #","suspend":true"#, request: "now")).reason == .suspended)
    }

    @Test func oneRunAtATime() throws {
        let decision = try Self.decide(Self.resolved(), active: "copy-clone-1")
        #expect((decision.verdict, decision.reason, decision.message) == (.wait, .operationRunning, "copy-clone-1 has not ended yet"))
    }

    /// As schedules of policies: a skipped time of day runs right after the gap, one that comes twice runs the first time, zones by name.
    @Test(
        arguments: [
            ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
            ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
            ("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-01T05:30:00Z"),
            ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"),
            ("0 6 * * *", "Etc/UTC", "2026-04-11T05:59:59Z", "2026-04-11T06:00:00Z"),
            ("@hourly", "Asia/Kathmandu", "2026-04-11T12:00:00Z", "2026-04-11T12:15:00Z"),
        ])
    func schedulesGoByTheirTimeZone(schedule: String, zone: String, considered: String, due: String) throws {
        let clone = try Self.resolved("", #","sync":{"schedule":""# + schedule + #"","timeZone":""# + zone + #""}"#)
        let status = Self.synced + ",\"lastConsideredTime\":\"\(considered)\""
        let time = try Self.time(due)
        let before = try Self.decide(clone, status, sourceVersion: 6, now: time - .seconds(1))
        #expect((before.verdict, before.reason, before.reconsiderAt) == (.skip, .notScheduled, time))
        #expect(try Self.decide(clone, status, sourceVersion: 6, now: time).reason == .scheduled)
    }

    @Test(arguments: [
        ("", #","sync":{"schedule":"61 * * * *"}"#, "spec.sync.schedule: "),
        ("", #","sync":{"schedule":"0 0 30 2 *"}"#, "spec.sync.schedule: "),
        ("", #","sync":{"schedule":"0 6 * * *","timeZone":"Europe/Atlantis"}"#, "spec.sync.timeZone: "),
        (#","version":3"#, daily, "spec.sync: a version or a timestamp stays what it is"),
        (#","version":3,"timestamp":"2026-03-01T06:00:00Z""#, "", "spec.source: say what to clone by version or by timestamp"),
        (#","location":"file:///lake/x","storageRef":{"name":"lake"}"#, "", "spec.source: name the source either"),
    ])
    func whatCannotBeReadIsNamed(source: String, spec: String, message: String) throws {
        let error = #expect(throws: InvalidSpec.self) { try Self.resolved(source, spec) }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
}
