import Base
import Jobs
import KubeClient
import Testing

@testable import Operator

@Suite struct JobOutcomeTests {
    static func job(_ status: String) throws -> Job {
        try JSON.decode(Job.self, from: #"{"metadata":{"name":"j","namespace":"n"},"status":\#(status)}"#)
    }

    static func pod(_ state: String, phase: String = "Failed", conditions: String = "[]") throws -> Pod {
        try JSON.decode(
            Pod.self,
            from:
                #"{"metadata":{"name":"p","namespace":"n"},"status":{"phase":"\#(phase)","conditions":\#(conditions),"containerStatuses":[{"name":"worker","state":\#(state)}]}}"#
        )
    }

    static func ended(_ result: TaskResult, at second: Int) throws -> Pod {
        let message = JSON.encode(.string(try result.encoded()))
        return try pod(
            #"{"terminated":{"exitCode":\#(WorkerExit(result.outcome).rawValue),"finishedAt":"2026-04-11T00:00:0\#(second)Z","message":\#(message)}}"#)
    }

    static let complete = #"{"succeeded":1,"conditions":[{"type":"Complete","status":"True"}]}"#
    static func failed(_ reason: String) -> String {
        #"{"failed":1,"conditions":[{"type":"Failed","status":"True","reason":"\#(reason)","message":"the Job's words"}]}"#
    }

    @Test func aCompleteJobHasTheResultOfThePodThatSucceeded() throws {
        let conflict = TaskResult(outcome: .retryable, message: "conflict")
        let success = TaskResult(outcome: .succeeded, message: "merged", version: 7, metrics: ["numFilesAdded": 1])
        let outcome = JobOutcome(job: try Self.job(Self.complete), pods: [try Self.ended(success, at: 2), try Self.ended(conflict, at: 1)])
        #expect(outcome == .succeeded(success))
    }

    @Test func aResultMayBeLostWithItsPod() throws {
        #expect(JobOutcome(job: try Self.job(Self.complete), pods: []) == .succeeded(nil))
        #expect(JobOutcome(job: try Self.job(Self.complete), pods: [try Self.pod(#"{"terminated":{"exitCode":0,"message":"{"}}"#)]) == .succeeded(nil))
    }

    @Test(arguments: [
        ("PodFailurePolicy", TaskResult.Outcome.permanent, ConditionReason.workerFailed),
        ("BackoffLimitExceeded", .retryable, .retriesExhausted),
        ("DeadlineExceeded", .cancelled, .deadlineExceeded),
    ])
    func failuresSayWhyInTheWorkersWords(reason: String, last: TaskResult.Outcome, expected: ConditionReason) throws {
        let result = TaskResult(outcome: last, message: "the worker's words")
        let outcome = JobOutcome(job: try Self.job(Self.failed(reason)), pods: [try Self.ended(result, at: 1)])
        guard case let .failed(reason, message, found) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(reason == expected && found == result)
        #expect(message.contains(expected == .deadlineExceeded ? "activeDeadlineSeconds" : "the worker's words"))
    }

    @Test func aWorkerKilledForItsMemoryIsToldHow() throws {
        let outcome = JobOutcome(
            job: try Self.job(Self.failed("BackoffLimitExceeded")), pods: [try Self.pod(#"{"terminated":{"exitCode":137,"reason":"OOMKilled"}}"#)])
        guard case let .failed(_, message, _) = outcome else { return #expect(Bool(false)) }
        #expect(message.contains("limits.memory"))
    }

    @Test func aJobWithoutPodsOrResultsUsesTheJobsWords() throws {
        let outcome = JobOutcome(job: try Self.job(Self.failed("BackoffLimitExceeded")), pods: [])
        #expect(outcome == .failed(reason: .retriesExhausted, message: "given up after 0 tries: the Job's words", result: nil))
    }

    @Test func podsThatDoNotStartSayWhy() throws {
        func obstacle(_ pod: Pod) throws -> String? {
            guard case let .running(_, obstacle) = JobOutcome(job: try Self.job("{}"), pods: [pod]) else { return "not running" }
            return obstacle
        }
        #expect(try obstacle(Self.pod(#"{"waiting":{"reason":"ContainerCreating"}}"#, phase: "Pending")) == nil)
        #expect(
            try obstacle(Self.pod(#"{"waiting":{"reason":"ImagePullBackOff","message":"no such image"}}"#, phase: "Pending"))?.contains("no such image") == true
        )
        let unschedulable = #"[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes fit"}]"#
        #expect(try obstacle(Self.pod("{}", phase: "Pending", conditions: unschedulable))?.contains("0/3 nodes fit") == true)
        #expect(try obstacle(Self.pod(#"{"running":{}}"#, phase: "Running")) == nil)
    }

    @Test func aSuspendedJobWaits() throws {
        let job = try JSON.decode(Job.self, from: #"{"metadata":{"name":"j","namespace":"n"},"spec":{"suspend":true},"status":{}}"#)
        #expect(JobOutcome(job: job, pods: []) == .suspended)
        #expect(JobOutcome(job: job, pods: [try Self.pod(#"{"running":{}}"#, phase: "Running")]) == .suspended)
        let ended = try JSON.decode(Job.self, from: #"{"metadata":{"name":"j","namespace":"n"},"spec":{"suspend":true},"status":\#(Self.complete)}"#)
        #expect(JobOutcome(job: ended, pods: []) == .succeeded(nil))
    }

    @Test func failedPodsAreCounted() throws {
        #expect(JobOutcome(job: try Self.job(#"{"active":1,"failed":2}"#), pods: []) == .running(failedPods: 2, obstacle: nil))
    }
}
