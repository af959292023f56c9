import Base

/// Namespaces carry the finalizer that keeps them until everything in them is gone.
struct NamespaceBehaviour: KindBehaviour {
    func prepareForCreate(_ object: inout JSONValue) {
        object["spec"] = ["finalizers": ["kubernetes"]]
        object["status"] = ["phase": "Active"]
        var labels = object.meta("labels") ?? [:]
        labels["kubernetes.io/metadata.name"] = .string(object.name)
        object.setMeta("labels", labels)
    }

    func prepareForUpdate(_ object: inout JSONValue, old: JSONValue) {
        object["spec"] = old["spec"]
        var labels = object.meta("labels") ?? [:]
        labels["kubernetes.io/metadata.name"] = .string(object.name)
        object.setMeta("labels", labels)
    }

    func deletionHold(of object: JSONValue, requestedGrace: Int64?) -> Int64? {
        (object.at("spec", "finalizers")?.arrayValue ?? []).isEmpty ? nil : 0
    }
}

/// Secrets take plain text in `stringData` and keep it in `data`.
struct SecretBehaviour: KindBehaviour {
    func prepareForCreate(_ object: inout JSONValue) { encodePlainText(&object) }

    func prepareForUpdate(_ object: inout JSONValue, old: JSONValue) { encodePlainText(&object) }

    private func encodePlainText(_ object: inout JSONValue) {
        guard let texts = object["stringData"]?.objectValue else { return }
        object["stringData"] = nil
        var data = object["data"] ?? [:]
        for (key, text) in texts { data[key] = .string(Base64.encode(Array((text.stringValue ?? "").utf8))) }
        if !texts.isEmpty { object["data"] = data }
    }

    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError] {
        var errors = ImmutableData.validate(object, old: old, fields: ["data"])
        if let old, old["type"] != object["type"] { errors.append(.invalid(FieldPath("type"), object["type"] ?? .null, "field is immutable")) }
        return errors
    }
}

struct ConfigMapBehaviour: KindBehaviour {
    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError] { ImmutableData.validate(object, old: old, fields: ["data", "binaryData"]) }
}

/// `immutable: true` on Secrets and ConfigMaps, and the keys of their data.
private enum ImmutableData {
    static func validate(_ object: JSONValue, old: JSONValue?, fields: [String]) -> [FieldError] {
        var errors: [FieldError] = []
        for field in fields {
            for key in object[field]?.objectValue?.keys ?? [] where !isKey(key) {
                let path = FieldPath(field).key(key)
                errors.append(
                    .invalid(
                        path, .string(key),
                        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                    ))
            }
        }
        guard let old, old["immutable"]?.boolValue == true else { return errors }
        if object["immutable"]?.boolValue != true { errors.append(.forbidden(FieldPath("immutable"), "field is immutable when `immutable` is set")) }
        for field in fields where object[field] != old[field] {
            errors.append(.forbidden(FieldPath(field), "field is immutable when `immutable` is set"))
        }
        return errors
    }

    private static func isKey(_ key: String) -> Bool {
        !key.isEmpty && key.utf8.count <= 253 && key != "." && key != ".."
            && key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }
}

/// Claims are bound at once: on this machine a claim is a directory.
struct PersistentVolumeClaimBehaviour: KindBehaviour {
    func prepareForCreate(_ object: inout JSONValue) {
        object.set("spec", "volumeName", to: object.at("spec", "volumeName") ?? .string("pvc-\(object.uid)"))
        object["status"] = [
            "phase": "Bound", "accessModes": object.at("spec", "accessModes") ?? ["ReadWriteOnce"],
            "capacity": object.at("spec", "resources", "requests") ?? [:],
        ]
    }
}

struct PodBehaviour: KindBehaviour {
    func prepareForCreate(_ object: inout JSONValue) {
        object["status"] = ["phase": "Pending", "qosClass": "BestEffort"]
        var spec = object["spec"] ?? [:]
        // Every pod runs on this machine, which has no scheduler to wait for.
        spec["nodeName"] = .string(PodBehaviour.nodeName)
        if spec["serviceAccountName"] == nil { spec["serviceAccountName"] = "default" }
        PodTemplate.complete(&spec)
        object["spec"] = spec
    }

    static let nodeName = "levee-dev"

    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError] {
        let path = FieldPath("spec")
        var errors = PodTemplate.validate(object["spec"] ?? [:], at: path)
        if let old {
            // What the server lets change: images, deadlines, tolerations. Levee's pods change none, so only the containers' commands are compared.
            for field in ["containers", "initContainers", "restartPolicy", "volumes", "serviceAccountName"] {
                if PodTemplate.withoutImages(object.at("spec", field)) != PodTemplate.withoutImages(old.at("spec", field)) {
                    errors.append(
                        .forbidden(
                            path,
                            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
                        ))
                    break
                }
            }
        }
        return errors
    }

    func deletionHold(of object: JSONValue, requestedGrace: Int64?) -> Int64? {
        // A finished pod has no process to wait for.
        if ["Succeeded", "Failed"].contains(object.at("status", "phase")?.stringValue) { return nil }
        // What is being deleted already waits for its process, whose end removes it with a grace of 0.
        let grace = requestedGrace ?? object.at("spec", "terminationGracePeriodSeconds")?.intValue ?? 30
        return grace <= 0 ? nil : grace
    }
}

/// What pods and the templates of Jobs share.
enum PodTemplate {
    static func complete(_ spec: inout JSONValue) {
        for field in ["containers", "initContainers"] {
            guard var containers = spec[field]?.arrayValue else { continue }
            for index in containers.indices where containers[index]["imagePullPolicy"] == nil {
                let image = containers[index]["image"]?.stringValue ?? ""
                let tag = image.split(separator: "/").last?.split(separator: ":", maxSplits: 1).dropFirst().first
                containers[index]["imagePullPolicy"] = tag == nil || tag == "latest" ? "Always" : "IfNotPresent"
            }
            spec[field] = .array(containers)
        }
    }

    static func withoutImages(_ containers: JSONValue?) -> JSONValue? {
        guard let elements = containers?.arrayValue else { return containers }
        return .array(
            elements.map { element in
                var element = element
                element["image"] = nil
                return element
            })
    }

    static func validate(_ spec: JSONValue, at path: FieldPath) -> [FieldError] {
        var errors: [FieldError] = []
        let containers = spec["containers"]?.arrayValue ?? []
        if containers.isEmpty { errors.append(.required(path.child("containers"))) }
        let volumes = Set((spec["volumes"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue })
        for field in ["initContainers", "containers"] {
            for (index, container) in (spec[field]?.arrayValue ?? []).enumerated() {
                let place = path.child(field).index(index)
                let name = container["name"]?.stringValue ?? ""
                if !ObjectNames.isLabel(name) { errors.append(.invalid(place.child("name"), .string(name), ObjectNames.labelMessage)) }
                if (container["image"]?.stringValue ?? "").isEmpty { errors.append(.required(place.child("image"))) }
                for (mountIndex, mount) in (container["volumeMounts"]?.arrayValue ?? []).enumerated() {
                    let volume = mount["name"]?.stringValue ?? ""
                    if !volumes.contains(volume) {
                        let at = place.child("volumeMounts").index(mountIndex).child("name")
                        errors.append(FieldError(kind: .notFound, path: at, body: "Not found: \"\(volume)\""))
                    }
                }
            }
        }
        return errors
    }
}

struct JobBehaviour: KindBehaviour {
    func prepareForCreate(_ object: inout JSONValue) {
        object["status"] = .object([:])
        var spec = object["spec"] ?? [:]
        for (field, value) in [("backoffLimit", 6 as JSONValue)] where spec[field] == nil { spec[field] = value }
        // As the server defaults them: both absent mean one pod, completions absent with a parallelism mean a work queue.
        if spec["completions"] == nil, spec["parallelism"] == nil { spec["completions"] = 1 }
        if spec["parallelism"] == nil { spec["parallelism"] = 1 }
        if spec["podReplacementPolicy"] == nil { spec["podReplacementPolicy"] = spec["podFailurePolicy"] == nil ? "TerminatingOrFailed" : "Failed" }
        if spec["manualSelector"]?.boolValue != true {
            let own: JSONObject = ["batch.kubernetes.io/controller-uid": .string(object.uid)]
            spec["selector"] = ["matchLabels": .object(own)]
            var labels = spec.at("template", "metadata", "labels") ?? [:]
            for (key, value) in [("controller-uid", object.uid), ("job-name", object.name)] {
                labels["batch.kubernetes.io/\(key)"] = .string(value)
                labels[key] = .string(value)
            }
            spec.set("template", "metadata", "labels", to: labels)
        }
        if var pod = spec.at("template", "spec") {
            PodTemplate.complete(&pod)
            spec.set("template", "spec", to: pod)
        }
        object["spec"] = spec
    }

    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError] {
        let path = FieldPath("spec")
        let spec = object["spec"] ?? [:]
        var errors = PodTemplate.validate(spec.at("template", "spec") ?? [:], at: path.child("template").child("spec"))
        for field in [
            "parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes",
        ] {
            if let value = spec[field]?.intValue, value < 0 {
                errors.append(.invalid(path.child(field), .integer(value), "must be greater than or equal to 0"))
            }
        }
        let restartPolicy = spec.at("template", "spec", "restartPolicy")?.stringValue ?? "Always"
        if restartPolicy == "Always" {
            errors.append(.notSupported(path.child("template").child("spec").child("restartPolicy"), .string(restartPolicy), ["OnFailure", "Never"]))
        }
        if spec["podFailurePolicy"] != nil, restartPolicy != "Never" {
            errors.append(
                .invalid(
                    path.child("template").child("spec").child("restartPolicy"), .string(restartPolicy),
                    "only \"Never\" is supported when podFailurePolicy is specified"))
        }
        if spec["completionMode"]?.stringValue == "Indexed", spec["completions"] == nil {
            errors.append(.required(path.child("completions"), "when completion mode is Indexed"))
        }
        // Accepted and not obeyed, these would end Jobs otherwise than on a real cluster.
        for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy", "managedBy"] where spec[field] != nil {
            errors.append(.forbidden(path.child(field), "levee dev does not have it"))
        }
        for (index, rule) in (spec.at("podFailurePolicy", "rules")?.arrayValue ?? []).enumerated() where rule["action"]?.stringValue == "FailIndex" {
            errors.append(.forbidden(path.child("podFailurePolicy").child("rules").index(index).child("action"), "levee dev does not have FailIndex"))
        }
        if let old { errors += validateUpdate(spec, old["spec"] ?? [:], at: path) }
        return errors
    }

    private func validateUpdate(_ spec: JSONValue, _ old: JSONValue, at path: FieldPath) -> [FieldError] {
        var immutable = ["selector", "template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex"]
        if spec["completionMode"]?.stringValue != "Indexed" { immutable.append("completions") }
        // Kueue and its like place suspended Jobs by their template.
        if old["suspend"]?.boolValue == true { immutable.removeAll { $0 == "template" } }
        return immutable.compactMap { field in
            spec[field] == old[field] ? nil : .invalid(path.child(field), spec[field] ?? .null, "field is immutable")
        }
    }
}
