import Base

/// A Job and its pods as they are now: what the next step is decided on.
struct JobState: Sendable {
    /// Keeps a finished pod until its Job has counted it.
    static let trackingFinalizer = "batch.kubernetes.io/job-tracking"
    static let indexAnnotation = "batch.kubernetes.io/job-completion-index"

    let job: JSONValue
    let pods: [JSONValue]

    var spec: JSONValue { job["spec"] ?? [:] }
    var parallelism: Int { Int(clamping: spec["parallelism"]?.intValue ?? 1) }
    /// Nil: a work queue, complete with the first success.
    var completions: Int? { spec["completions"]?.intValue.map { Int(clamping: $0) } }
    var isIndexed: Bool { spec["completionMode"]?.stringValue == "Indexed" }
    var isSuspended: Bool { spec["suspend"]?.boolValue ?? false }
    var isFinished: Bool { job.hasTrueCondition("Complete") || job.hasTrueCondition("Failed") }
    var startTime: Timestamp? { job.at("status", "startTime")?.stringValue.flatMap { Timestamp(rfc3339: $0) } }

    /// Pods that run or will.
    var active: [JSONValue] { pods.filter { !Self.isTerminal($0) && !$0.isBeingDeleted } }
    var terminating: [JSONValue] { pods.filter { !Self.isTerminal($0) && $0.isBeingDeleted } }
    /// Finished pods that are not in the status's numbers yet.
    var uncounted: [JSONValue] { pods.filter { Self.isTerminal($0) && $0.finalizers.contains(Self.trackingFinalizer) } }

    static func isTerminal(_ pod: JSONValue) -> Bool { ["Succeeded", "Failed"].contains(pod.at("status", "phase")?.stringValue) }

    static func hasSucceeded(_ pod: JSONValue) -> Bool { pod.at("status", "phase")?.stringValue == "Succeeded" }

    static func index(of pod: JSONValue) -> Int? { pod.annotations[indexAnnotation].flatMap { Int($0) } }

    func number(_ field: String) -> Int { Int(clamping: job.at("status", field)?.intValue ?? 0) }

    /// Failures that count against the backoff limit: ended pods, and restarts of containers in pods that go on.
    var failures: Int {
        guard spec.at("template", "spec", "restartPolicy")?.stringValue == "OnFailure" else { return number("failed") }
        return number("failed")
            + active.reduce(0) { sum, pod in
                sum + (pod.at("status", "containerStatuses")?.arrayValue ?? []).reduce(0) { $0 + Int(clamping: $1["restartCount"]?.intValue ?? 0) }
            }
    }
}

/// Completion indexes as the status writes them: `0-2,5`.
struct IndexSet: Sendable, Equatable {
    private(set) var indexes: Set<Int>

    init(_ indexes: Set<Int> = []) { self.indexes = indexes }

    init(text: String) {
        indexes = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last, last - first < 1_000_000 else { continue }
            indexes.formUnion(first...last)
        }
    }

    mutating func insert(_ index: Int) { indexes.insert(index) }

    var text: String {
        var ranges: [ClosedRange<Int>] = []
        for index in indexes.sorted() {
            if let last = ranges.last, last.upperBound + 1 == index {
                ranges[ranges.count - 1] = last.lowerBound...index
            } else {
                ranges.append(index...index)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}
