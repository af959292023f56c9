import Base

/// Deployments are kept; no pod starts of them.
struct DeploymentBehaviour: KindBehaviour {
    func prepareForCreate(_ object: inout JSONValue) {
        object["status"] = .object([:])
        complete(&object)
    }

    func prepareForUpdate(_ object: inout JSONValue, old: JSONValue) { complete(&object) }

    private func complete(_ object: inout JSONValue) {
        if object.at("spec", "strategy") == nil { object.set("spec", "strategy", to: ["type": "RollingUpdate"]) }
        if object.at("spec", "strategy", "type") == "RollingUpdate", object.at("spec", "strategy", "rollingUpdate") == nil {
            object.set("spec", "strategy", "rollingUpdate", to: ["maxSurge": "25%", "maxUnavailable": "25%"])
        }
        guard var pod = object.at("spec", "template", "spec") else { return }
        PodTemplate.complete(&pod)
        object.set("spec", "template", "spec", to: pod)
    }

    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError] {
        let path = FieldPath("spec")
        var errors = PodTemplate.validate(object.at("spec", "template", "spec") ?? [:], at: path.child("template").child("spec"))
        if let replicas = object.at("spec", "replicas")?.intValue, replicas < 0 {
            errors.append(.invalid(path.child("replicas"), .integer(replicas), "must be greater than or equal to 0"))
        }
        let selector = object.at("spec", "selector", "matchLabels")?.objectValue ?? JSONObject()
        let labels = object.at("spec", "template", "metadata", "labels")
        for (name, value) in selector where labels?[name] != value {
            let place = path.child("template").child("metadata").child("labels")
            errors.append(.invalid(place, labels ?? [:], "`selector` does not match template `labels`"))
            break
        }
        let restartPolicy = object.at("spec", "template", "spec", "restartPolicy") ?? "Always"
        if restartPolicy != "Always" {
            errors.append(.notSupported(path.child("template").child("spec").child("restartPolicy"), restartPolicy, ["Always"]))
        }
        if let old, old.at("spec", "selector") != object.at("spec", "selector") {
            errors.append(.invalid(path.child("selector"), object.at("spec", "selector") ?? .null, "field is immutable"))
        }
        return errors
    }
}

/// Services are kept; they get no address, and nobody answers for them.
struct ServiceBehaviour: KindBehaviour {
    func prepareForCreate(_ object: inout JSONValue) { object["status"] = ["loadBalancer": [:]] }
}

/// What a binding refers to stays; everything else of it may change.
struct RoleBindingBehaviour: KindBehaviour {
    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError] {
        guard let old, old["roleRef"] != object["roleRef"] else { return [] }
        return [.invalid(FieldPath("roleRef"), object["roleRef"] ?? .null, "cannot change roleRef")]
    }
}

struct PodDisruptionBudgetBehaviour: KindBehaviour {
    func prepareForCreate(_ object: inout JSONValue) { object["status"] = .object([:]) }

    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError] {
        guard object.at("spec", "minAvailable") != nil, object.at("spec", "maxUnavailable") != nil else { return [] }
        return [.invalid(FieldPath("spec"), object["spec"] ?? .null, "minAvailable and maxUnavailable cannot be both set")]
    }
}
