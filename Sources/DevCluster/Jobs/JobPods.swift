import Base

/// The pods that a Job makes from its template.
enum JobPods {
    private static let indexLabel = JobState.indexAnnotation

    static func pod(for job: JSONValue, index: Int?) -> JSONValue {
        let template = job.at("spec", "template") ?? [:]
        var metadata = template["metadata"] ?? [:]
        var spec = template["spec"] ?? [:]
        metadata["generateName"] = .string(index.map { "\(job.name.prefix(50))-\($0)-" } ?? "\(job.name.prefix(57))-")
        metadata["namespace"] = .string(job.namespace)
        metadata["ownerReferences"] = [OwnerReference.json(controller: job)]
        metadata["finalizers"] = [.string(JobState.trackingFinalizer)]
        if let index {
            for field in ["labels", "annotations"] {
                var map = metadata[field] ?? [:]
                map[indexLabel] = .string("\(index)")
                metadata[field] = map
            }
            spec["hostname"] = .string("\(job.name.prefix(57))-\(index)")
            for field in ["containers", "initContainers"] {
                guard let containers = spec[field]?.arrayValue else { continue }
                spec[field] = .array(containers.map(withIndexVariable))
            }
        }
        return ["apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec]
    }

    private static func withIndexVariable(_ container: JSONValue) -> JSONValue {
        var container = container
        var variables = container["env"]?.arrayValue ?? []
        if variables.contains(where: { $0["name"] == "JOB_COMPLETION_INDEX" }) { return container }
        let reference: JSONValue = ["fieldRef": ["apiVersion": "v1", "fieldPath": .string("metadata.annotations['\(JobState.indexAnnotation)']")]]
        variables.append(["name": "JOB_COMPLETION_INDEX", "valueFrom": reference])
        container["env"] = .array(variables)
        return container
    }
}
