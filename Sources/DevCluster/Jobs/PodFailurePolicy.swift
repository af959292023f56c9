import Base

/// What a failed pod means for its Job. (batch/v1, `spec.podFailurePolicy`: the first rule that fits decides, none counts the failure.)
struct PodFailurePolicy: Sendable {
    enum Verdict: Sendable, Equatable {
        /// Counts towards the backoff limit.
        case count
        /// Replaced without being counted.
        case ignore
        /// Ends the Job.
        case failJob(message: String)
    }

    private let rules: [JSONValue]

    init(_ job: JSONValue) { rules = job.at("spec", "podFailurePolicy", "rules")?.arrayValue ?? [] }

    func verdict(on pod: JSONValue) -> Verdict {
        for (index, rule) in rules.enumerated() {
            guard let match = matchOfExitCodes(rule["onExitCodes"], pod) ?? matchOfConditions(rule["onPodConditions"], pod) else { continue }
            switch rule["action"]?.stringValue {
            case "Ignore"?: return .ignore
            case "FailJob"?: return .failJob(message: "\(match) matching FailJob rule at index \(index)")
            default: return .count
            }
        }
        return .count
    }

    private func matchOfExitCodes(_ requirement: JSONValue?, _ pod: JSONValue) -> String? {
        guard let requirement else { return nil }
        let values = (requirement["values"]?.arrayValue ?? []).compactMap(\.intValue)
        let wanted = requirement["containerName"]?.stringValue
        let statuses = (pod.at("status", "initContainerStatuses")?.arrayValue ?? []) + (pod.at("status", "containerStatuses")?.arrayValue ?? [])
        for status in statuses {
            let name = status["name"]?.stringValue ?? ""
            if let wanted, wanted != name { continue }
            guard let code = status.at("state", "terminated", "exitCode")?.intValue, code != 0 else { continue }
            if values.contains(code) == (requirement["operator"]?.stringValue == "In") {
                return "Container \(name) for pod \(pod.namespace)/\(pod.name) failed with exit code \(code)"
            }
        }
        return nil
    }

    private func matchOfConditions(_ patterns: JSONValue?, _ pod: JSONValue) -> String? {
        for pattern in patterns?.arrayValue ?? [] {
            guard let type = pattern["type"]?.stringValue else { continue }
            if pod.conditionStatus(type) == pattern["status"]?.stringValue ?? "True" {
                return "Pod \(pod.namespace)/\(pod.name) has condition \(type)"
            }
        }
        return nil
    }
}
