import Base
import Jobs
import KubeClient

/// What a Job and its pods say about the run. Pure.
enum JobOutcome: Hashable, Sendable {
    /// Under way. `obstacle` is why its pod does not start, where it does not.
    case running(failedPods: Int, obstacle: String?)
    /// Somebody, as a rule Kueue, keeps it from running for now, or has ended its pods to run it later.
    case suspended
    /// The Job is complete; nil where the pod's result cannot be read any more.
    case succeeded(TaskResult?)
    case failed(reason: ConditionReason, message: String, result: TaskResult?)

    init(job: Job, pods: [Pod]) {
        let results = Self.results(pods)
        if job.isComplete {
            self = .succeeded(results.last { $0.outcome == .succeeded })
        } else if let failure = job.status?.conditions?[failedCondition], failure.status == .true {
            self = Self.failure(failure, lastResult: results.last, pods: pods)
        } else if job.spec?.suspend == true {
            self = .suspended
        } else {
            self = .running(failedPods: job.failedPods, obstacle: pods.lazy.compactMap(Self.obstacle).first)
        }
    }

    /// What the pods' workers reported, the latest last.
    private static func results(_ pods: [Pod]) -> [TaskResult] {
        pods.compactMap { pod -> (Timestamp, TaskResult)? in
            guard let ended = pod.containerStatus(Names.workerContainer)?.state?.terminated, let message = ended.message,
                let result = TaskResult(terminationMessage: message)
            else { return nil }
            return (ended.finishedAt ?? Timestamp(microseconds: 0), result)
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private static func failure(_ condition: Condition, lastResult: TaskResult?, pods: [Pod]) -> JobOutcome {
        let how = lastResult?.message ?? exit(of: pods) ?? condition.message
        switch condition.reason {
        case "DeadlineExceeded":
            return .failed(
                reason: .deadlineExceeded,
                message: "the run took longer than activeDeadlineSeconds and was ended; give it more time, or less work (where, maxBytes)",
                result: lastResult)
        case "PodFailurePolicy":
            let named = lastResult?.reason.flatMap(ConditionReason.init)
            return .failed(reason: lastResult?.outcome == .permanent ? named ?? .workerFailed : .retriesExhausted, message: how, result: lastResult)
        default:
            return .failed(
                reason: .retriesExhausted, message: "given up after \(pods.count == 1 ? "1 try" : "\(pods.count) tries"): \(how)", result: lastResult)
        }
    }

    /// How the last container ended that left no result: killed from outside.
    private static func exit(of pods: [Pod]) -> String? {
        let ended = pods.compactMap { $0.containerStatus(Names.workerContainer)?.state?.terminated }
            .max { ($0.finishedAt ?? Timestamp(microseconds: 0)) < ($1.finishedAt ?? Timestamp(microseconds: 0)) }
        guard let ended else { return nil }
        if ended.reason == "OOMKilled" {
            return "the worker was killed because it used more memory than its limit; raise jobTemplate.resources.limits.memory"
        }
        return "the worker ended with exit code \(ended.exitCode)\(ended.reason.map { " (\($0))" } ?? "") and left no result; its log may say more"
    }

    /// Why a pod that should start does not; nil where it does, or is only slow.
    private static func obstacle(_ pod: Pod) -> String? {
        if let waiting = pod.containerStatus(Names.workerContainer)?.state?.waiting, let reason = waiting.reason, !waitsBriefly.contains(reason) {
            return "pod \(pod.metadata.name) does not start: \(reason)\(waiting.message.map { ": \($0)" } ?? "")"
        }
        if pod.status?.phase == "Pending", let scheduled = pod.status?.conditions?["PodScheduled"], scheduled.status == .false {
            return "pod \(pod.metadata.name) finds no node: \(scheduled.message)"
        }
        return nil
    }

    private static let waitsBriefly: Set<String> = ["ContainerCreating", "PodInitializing"]
}

private let failedCondition = "Failed"
