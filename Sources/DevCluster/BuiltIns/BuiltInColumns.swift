import Base

/// The tables that `kubectl get` prints for built-in kinds.
enum BuiltInColumns {
    static let namespace: [TableColumn] = [.name, text("Status") { $0.at("status", "phase") }, .age]

    static let secret: [TableColumn] = [
        .name, text("Type") { $0["type"] }, count("Data") { $0["data"]?.objectValue?.count ?? 0 }, .age,
    ]

    static let configMap: [TableColumn] = [
        .name, count("Data") { ($0["data"]?.objectValue?.count ?? 0) + ($0["binaryData"]?.objectValue?.count ?? 0) }, .age,
    ]

    static let serviceAccount: [TableColumn] = [.name, count("Secrets") { $0["secrets"]?.arrayValue?.count ?? 0 }, .age]

    static let persistentVolumeClaim: [TableColumn] = [
        .name, text("Status") { $0.at("status", "phase") }, text("Volume") { $0.at("spec", "volumeName") },
        text("Capacity") { $0.at("status", "capacity", "storage") },
        text("Access Modes") { .string(($0.at("status", "accessModes")?.arrayValue ?? []).compactMap(\.stringValue).map(accessMode).joined(separator: ",")) },
        text("StorageClass") { $0.at("spec", "storageClassName") }, .age, text("VolumeMode", wide: true) { $0.at("spec", "volumeMode") },
    ]

    static let lease: [TableColumn] = [.name, text("Holder") { $0.at("spec", "holderIdentity") }, .age]

    static let customResourceDefinition: [TableColumn] = [.name, text("Created At") { $0.meta("creationTimestamp") }]

    static let service: [TableColumn] = [
        .name, text("Type") { $0.at("spec", "type") }, text("Cluster-IP") { $0.at("spec", "clusterIP") ?? "<none>" }, text("External-IP") { _ in "<none>" },
        text("Port(s)") { service in
            .string(
                (service.at("spec", "ports")?.arrayValue ?? []).map { "\($0["port"]?.intValue ?? 0)/\($0["protocol"]?.stringValue ?? "TCP")" }
                    .joined(separator: ","))
        },
        .age,
    ]

    static let deployment: [TableColumn] = [
        .name, text("Ready") { .string("\($0.at("status", "readyReplicas")?.intValue ?? 0)/\($0.at("spec", "replicas")?.intValue ?? 1)") },
        count("Up-to-date") { Int($0.at("status", "updatedReplicas")?.intValue ?? 0) },
        count("Available") { Int($0.at("status", "availableReplicas")?.intValue ?? 0) },
        .age, text("Containers", wide: true) { names($0.at("spec", "template", "spec", "containers"), "name") },
        text("Images", wide: true) { names($0.at("spec", "template", "spec", "containers"), "image") },
        text("Selector", wide: true) { selector($0.at("spec", "selector")) },
    ]

    static let podDisruptionBudget: [TableColumn] = [
        .name, text("Min Available") { .string(bound($0.at("spec", "minAvailable"))) },
        text("Max Unavailable") { .string(bound($0.at("spec", "maxUnavailable"))) }, .age,
    ]

    static let networkPolicy: [TableColumn] = [.name, text("Pod-Selector") { selector($0.at("spec", "podSelector")) }, .age]

    static let role: [TableColumn] = [.name, text("Created At") { $0.meta("creationTimestamp") }]

    static let roleBinding: [TableColumn] = [
        .name, text("Role") { .string("\($0.at("roleRef", "kind")?.stringValue ?? "")/\($0.at("roleRef", "name")?.stringValue ?? "")") }, .age,
    ]

    static let job: [TableColumn] = [
        .name, text("Status") { .string(jobStatus($0)) },
        text("Completions") { .string(jobCompletions($0)) },
        TableColumn(name: "Duration", type: "string") { object, now in
            guard let start = time(object.at("status", "startTime")) else { return "" }
            return .string(HumanDuration.text((time(object.at("status", "completionTime")) ?? now) - start))
        },
        .age, text("Containers", wide: true) { names($0.at("spec", "template", "spec", "containers"), "name") },
        text("Images", wide: true) { names($0.at("spec", "template", "spec", "containers"), "image") },
        text("Selector", wide: true) { selector($0.at("spec", "selector")) },
    ]

    static let pod: [TableColumn] = [
        .name, text("Ready") { .string(podReady($0)) }, text("Status") { .string(podStatus($0)) },
        text("Restarts") { .string("\(podRestarts($0))") }, .age, text("IP", wide: true) { $0.at("status", "podIP") ?? "<none>" },
        text("Node", wide: true) { $0.at("spec", "nodeName") ?? "<none>" },
        text("Nominated Node", wide: true) { _ in "<none>" }, text("Readiness Gates", wide: true) { _ in "<none>" },
    ]

    static let event = events(
        object: "involvedObject", message: "message", source: "source", first: "firstTimestamp", last: "lastTimestamp", count: "count",
        controller: "reportingComponent")

    static let regardingEvent = events(
        object: "regarding", message: "note", source: "deprecatedSource", first: "deprecatedFirstTimestamp", last: "deprecatedLastTimestamp",
        count: "deprecatedCount",
        controller: "reportingController")

    private static func events(
        object: String, message: String, source: String, first: String, last: String, count: String, controller: String
    ) -> [TableColumn] {
        func age(_ name: String, wide: Bool, _ pick: @escaping @Sendable (JSONValue) -> JSONValue?) -> TableColumn {
            TableColumn(name: name, type: "string", priority: wide ? 1 : 0) { event, now in
                .string(HumanDuration.age(of: time(pick(event)), now: now))
            }
        }
        return [
            age("Last Seen", wide: false) { $0.at("series", "lastObservedTime") ?? $0[last] ?? $0["eventTime"] },
            text("Type") { $0["type"] }, text("Reason") { $0["reason"] },
            text("Object") { event in
                let kind = event.at(object, "kind")?.stringValue?.lowercased() ?? ""
                let name = event.at(object, "name")?.stringValue ?? ""
                return .string(name.isEmpty ? kind : "\(kind)/\(name)")
            },
            text("Subobject", wide: true) { $0.at(object, "fieldPath") },
            text("Source", wide: true) { $0.at(source, "component") ?? $0[controller] },
            text("Message") { $0[message] },
            age("First Seen", wide: true) { $0[first] ?? $0["eventTime"] },
            TableColumn(name: "Count", type: "string", priority: 1) { event, _ in
                .integer(event.at("series", "count")?.intValue ?? event[count]?.intValue ?? 1)
            },
            TableColumn(name: "Name", type: "string", format: "name", priority: 1) { event, _ in .string(event.name) },
        ]
    }

    // MARK: Cells

    private static func text(_ name: String, wide: Bool = false, _ value: @escaping @Sendable (JSONValue) -> JSONValue?) -> TableColumn {
        TableColumn(name: name, type: "string", priority: wide ? 1 : 0) { object, _ in value(object) ?? "" }
    }

    private static func count(_ name: String, _ value: @escaping @Sendable (JSONValue) -> Int) -> TableColumn {
        TableColumn(name: name, type: "string") { object, _ in .integer(Int64(value(object))) }
    }

    private static func time(_ value: JSONValue?) -> Timestamp? { value?.stringValue.flatMap { Timestamp(rfc3339: $0) } }

    private static func names(_ containers: JSONValue?, _ field: String) -> JSONValue {
        .string((containers?.arrayValue ?? []).compactMap { $0[field]?.stringValue }.joined(separator: ","))
    }

    private static func selector(_ selector: JSONValue?) -> JSONValue {
        .string((selector?["matchLabels"]?.objectValue ?? JSONObject()).map { "\($0.key)=\($0.value.stringValue ?? "")" }.sorted().joined(separator: ","))
    }

    private static func bound(_ value: JSONValue?) -> String { value?.stringValue ?? value?.intValue.map(String.init) ?? "N/A" }

    private static func accessMode(_ mode: String) -> String {
        ["ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"][mode] ?? mode
    }

    private static func jobStatus(_ job: JSONValue) -> String {
        if job.hasTrueCondition("Complete") { return "Complete" }
        if job.hasTrueCondition("Failed") { return "Failed" }
        if job.isBeingDeleted { return "Terminating" }
        if job.hasTrueCondition("Suspended") { return "Suspended" }
        if job.hasTrueCondition("FailureTarget") { return "FailureTarget" }
        if job.hasTrueCondition("SuccessCriteriaMet") { return "SuccessCriteriaMet" }
        return "Running"
    }

    private static func jobCompletions(_ job: JSONValue) -> String {
        let succeeded = job.at("status", "succeeded")?.intValue ?? 0
        if let completions = job.at("spec", "completions")?.intValue { return "\(succeeded)/\(completions)" }
        let parallelism = job.at("spec", "parallelism")?.intValue ?? 1
        return parallelism > 1 ? "\(succeeded)/1 of \(parallelism)" : "\(succeeded)/1"
    }

    private static func podReady(_ pod: JSONValue) -> String {
        let statuses = pod.at("status", "containerStatuses")?.arrayValue ?? []
        return "\(statuses.count { $0["ready"]?.boolValue == true })/\(pod.at("spec", "containers")?.arrayValue?.count ?? 0)"
    }

    private static func podRestarts(_ pod: JSONValue) -> Int64 {
        (pod.at("status", "containerStatuses")?.arrayValue ?? []).reduce(0) { $0 + ($1["restartCount"]?.intValue ?? 0) }
    }

    /// The word that says most: why a container waits or ended, else the phase.
    private static func podStatus(_ pod: JSONValue) -> String {
        if pod.isBeingDeleted { return "Terminating" }
        var status = pod.at("status", "reason")?.stringValue ?? pod.at("status", "phase")?.stringValue ?? "Unknown"
        for container in pod.at("status", "containerStatuses")?.arrayValue ?? [] {
            if let reason = container.at("state", "waiting", "reason")?.stringValue ?? container.at("state", "terminated", "reason")?.stringValue {
                status = reason
            }
        }
        return status
    }
}
