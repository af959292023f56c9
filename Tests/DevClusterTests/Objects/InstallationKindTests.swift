import Base
import Testing

@testable import DevCluster

private func deployment(labels: JSONValue = ["app": "x"], restartPolicy: JSONValue? = nil) -> JSONValue {
    var pod: JSONValue = ["containers": [["name": "main", "image": "busybox"]]]
    pod["restartPolicy"] = restartPolicy
    return [
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "a"],
        "spec": ["selector": ["matchLabels": ["app": "x"]], "template": ["metadata": ["labels": labels], "spec": pod]],
    ]
}

@Test func aDeploymentIsCompletedAsAServerDoes() {
    var object = deployment()
    DeploymentBehaviour().prepareForCreate(&object)
    #expect(object.at("spec", "strategy", "rollingUpdate", "maxSurge") == "25%")
    #expect(object.at("spec", "template", "spec", "containers")?.arrayValue?.first?["imagePullPolicy"] == "Always")
    #expect(DeploymentBehaviour().validate(object, old: nil).isEmpty)
}

@Test func aDeploymentOfOtherPodsThanItsOwnIsRefused() {
    #expect("\(DeploymentBehaviour().validate(deployment(labels: ["app": "y"]), old: nil))".contains("does not match template `labels`"))
    #expect("\(DeploymentBehaviour().validate(deployment(restartPolicy: "Never"), old: nil))".contains("restartPolicy"))
    var moved = deployment()
    moved.set("spec", "selector", to: ["matchLabels": [:]])
    #expect("\(DeploymentBehaviour().validate(moved, old: deployment()))".contains("immutable"))
}

@Test func aBindingKeepsItsRole() {
    let binding: JSONValue = ["roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"]]
    let other: JSONValue = ["roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "b"]]
    #expect(RoleBindingBehaviour().validate(binding, old: binding).isEmpty)
    #expect("\(RoleBindingBehaviour().validate(other, old: binding))".contains("cannot change roleRef"))
}

@Test func aBudgetSaysOneThing() {
    let both: JSONValue = ["spec": ["minAvailable": 1, "maxUnavailable": 1]]
    #expect(PodDisruptionBudgetBehaviour().validate(both, old: nil).count == 1)
    #expect(PodDisruptionBudgetBehaviour().validate(["spec": ["minAvailable": 1]], old: nil).isEmpty)
}

/// What Helm and kubectl look for before they send anything.
@Test(arguments: ["services", "deployments", "poddisruptionbudgets", "networkpolicies", "roles", "rolebindings", "clusterroles", "clusterrolebindings"])
func kindsThatChartsBringAreServed(plural: String) {
    let found = BuiltInResources.all.filter { $0.plural == plural }
    #expect(found.count == 1)
    #expect(found.first?.isNamespaced == !plural.hasPrefix("cluster"))
}
