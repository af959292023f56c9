import Base

/// A pod's status, from how its containers do.
struct PodStatus {
    private var pod: JSONValue
    private let now: Timestamp

    init(_ pod: JSONValue, now: Timestamp) {
        self.pod = pod
        self.now = now
    }

    /// There are as many pods as this machine runs at a time.
    func waitingForCapacity(_ maximum: Int) -> JSONValue {
        var result = self
        result.setCondition("PodScheduled", false, "Unschedulable", "\(maximum) pods are running, which is what this control plane runs at a time")
        return result.pod
    }

    func make(_ initial: [PodContainers.Outcome], _ main: [PodContainers.Outcome]) -> JSONValue {
        var result = self
        result.setStatuses(initial, main)
        let isInitialized = initial.allSatisfy { $0.finalCode == 0 }
        let isReady = isInitialized && main.allSatisfy(\.isRunning)
        result.setCondition("PodScheduled", true)
        result.setCondition("Initialized", isInitialized, isInitialized ? "" : "ContainersNotInitialized")
        result.setCondition("ContainersReady", isReady, isReady ? "" : "ContainersNotReady")
        result.setCondition("Ready", isReady, isReady ? "" : "ContainersNotReady")
        if (initial + main).contains(where: \.wasLost) {
            result.setCondition("DisruptionTarget", true, "TerminationByKubelet", "The control plane ended, and the container with it")
        }
        result.pod.set("status", "phase", to: .string(phase(initial, main)))
        return result.pod
    }

    /// The status of a pod that was ended from outside.
    func ended(_ initial: [PodContainers.Outcome], _ main: [PodContainers.Outcome], _ why: PodRunner.Ending) -> JSONValue {
        var result = self
        result.setStatuses(initial, main)
        result.setCondition("Ready", false, "PodFailed")
        result.setCondition("ContainersReady", false, "PodFailed")
        let succeeded = !main.isEmpty && main.allSatisfy { $0.finalCode == 0 }
        result.pod.set("status", "phase", to: succeeded ? "Succeeded" : "Failed")
        switch why {
        case .deleted: break
        case .deadlineExceeded:
            result.pod.set("status", "phase", to: "Failed")
            result.pod.set("status", "reason", to: "DeadlineExceeded")
            result.pod.set("status", "message", to: "Pod was active on the node longer than the specified deadline")
        case .stopped:
            if !succeeded {
                result.pod.set("status", "reason", to: "Terminated")
                result.pod.set("status", "message", to: "levee dev was stopped")
                result.setCondition("DisruptionTarget", true, "TerminationByKubelet", "levee dev was stopped")
            }
        }
        return result.pod
    }

    private func phase(_ initial: [PodContainers.Outcome], _ main: [PodContainers.Outcome]) -> String {
        if initial.contains(where: { $0.finalCode.map { $0 != 0 } ?? false }) { return "Failed" }
        if main.allSatisfy({ $0.finalCode != nil }) { return main.allSatisfy { $0.finalCode == 0 } ? "Succeeded" : "Failed" }
        let hasStarted = main.contains { $0.isRunning || $0.finalCode != nil || $0.status["restartCount"] != 0 }
        return hasStarted ? "Running" : "Pending"
    }

    private mutating func setStatuses(_ initial: [PodContainers.Outcome], _ main: [PodContainers.Outcome]) {
        if pod.at("status", "startTime") == nil { pod.set("status", "startTime", to: now.kubernetes) }
        pod.set("status", "hostIP", to: "127.0.0.1")
        pod.set("status", "podIP", to: "127.0.0.1")
        pod.set("status", "podIPs", to: [["ip": "127.0.0.1"]])
        pod.set("status", "containerStatuses", to: .array(main.map(\.status)))
        if !initial.isEmpty { pod.set("status", "initContainerStatuses", to: .array(initial.map(\.status))) }
    }

    private mutating func setCondition(_ type: String, _ isTrue: Bool, _ reason: String = "", _ message: String = "") {
        var conditions = Conditions(pod.at("status", "conditions"))
        conditions.set(type, isTrue, reason, message, now: now)
        pod.set("status", "conditions", to: conditions.json)
    }
}

/// `status.conditions`: one for each type, whose transition time moves only with its status.
struct Conditions {
    private var entries: [JSONValue]

    init(_ json: JSONValue?) { entries = json?.arrayValue ?? [] }

    var json: JSONValue { .array(entries) }

    mutating func set(_ type: String, _ isTrue: Bool, _ reason: String, _ message: String, now: Timestamp) {
        let status: JSONValue = isTrue ? "True" : "False"
        let place = entries.firstIndex { $0["type"]?.stringValue == type }
        let isSame = place.map { entries[$0]["status"] == status } ?? false
        var entry: JSONValue = ["type": .string(type), "status": status]
        entry["lastTransitionTime"] = isSame ? place.flatMap { entries[$0]["lastTransitionTime"] } : now.kubernetes
        if !reason.isEmpty { entry["reason"] = .string(reason) }
        if !message.isEmpty { entry["message"] = .string(message) }
        if let place { entries[place] = entry } else { entries.append(entry) }
    }
}
