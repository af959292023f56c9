import Base

/// ResourceQuotas, as far as they count objects: `pods`, `count/pods`, `count/jobs.batch` and the like. Amounts of CPU and memory are not added up: pods
/// are processes of this machine, which has no more of them than it has.
extension ClusterAPI {
    func checkQuotas(_ object: JSONValue, _ definition: ResourceDefinition) throws(APIError) {
        guard definition.isNamespaced else { return }
        let names = definition.plural == "pods" ? ["pods", "count/pods"] : ["count/\(definition.name.qualified)"]
        for quota in store.objects("resourcequotas", namespace: object.namespace) {
            for name in names {
                guard let limit = (quota.at("spec", "hard", name)?.stringValue).flatMap(Quantity.init)?.value else { continue }
                let used = store.objects(definition.storage, namespace: object.namespace).count { other in
                    // A pod that has ended takes up no place, but is an object still.
                    name != "pods" || !JobState.isTerminal(other)
                }
                guard used + 1 > limit else { continue }
                throw .forbidden(
                    definition.name, object.name, "exceeded quota: \(quota.name), requested: \(name)=1, used: \(name)=\(used), limited: \(name)=\(limit)")
            }
        }
    }
}
