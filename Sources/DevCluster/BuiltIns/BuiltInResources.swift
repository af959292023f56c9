import Base

/// The kinds that the control plane has by itself.
enum BuiltInResources {
    static let all: [ResourceDefinition] = core + batch + others + installation

    private static let core: [ResourceDefinition] = [
        make(
            "", "v1", "Namespace", "namespaces", ["ns"], namespaced: false, subresources: ["status", "finalize"], nameRule: .label,
            fields: ["status.phase"], columns: BuiltInColumns.namespace, NamespaceBehaviour()),
        make(
            "", "v1", "Pod", "pods", ["po"], categories: ["all"], subresources: ["log", "status"],
            fields: ["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase", "status.podIP"],
            columns: BuiltInColumns.pod, PodBehaviour()),
        make("", "v1", "Secret", "secrets", fields: ["type"], columns: BuiltInColumns.secret, SecretBehaviour()),
        make("", "v1", "ConfigMap", "configmaps", ["cm"], columns: BuiltInColumns.configMap, ConfigMapBehaviour()),
        make("", "v1", "ServiceAccount", "serviceaccounts", ["sa"], columns: BuiltInColumns.serviceAccount, PlainBehaviour()),
        make(
            "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", ["pvc"], subresources: ["status"], columns: BuiltInColumns.persistentVolumeClaim,
            PersistentVolumeClaimBehaviour()),
        make("", "v1", "ResourceQuota", "resourcequotas", ["quota"], subresources: ["status"], columns: [.name, .age], PlainBehaviour()),
        make("", "v1", "Event", "events", ["ev"], nameRule: .pathSegment, fields: EventFields.core, columns: BuiltInColumns.event, PlainBehaviour()),
    ]

    private static let batch: [ResourceDefinition] = [
        make(
            "batch", "v1", "Job", "jobs", categories: ["all"], subresources: ["status"], fields: ["status.successful"], columns: BuiltInColumns.job,
            JobBehaviour())
    ]

    private static let others: [ResourceDefinition] = [
        regardingEvents,
        make("coordination.k8s.io", "v1", "Lease", "leases", columns: BuiltInColumns.lease, PlainBehaviour()),
        make(
            "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", ["crd", "crds"], categories: ["api-extensions"],
            namespaced: false,
            subresources: ["status"], columns: BuiltInColumns.customResourceDefinition, CustomResourceDefinitionBehaviour()),
    ]

    /// Kept for charts and manifests; nothing acts on them.
    private static let installation: [ResourceDefinition] = [
        make("", "v1", "Service", "services", ["svc"], categories: ["all"], subresources: ["status"], columns: BuiltInColumns.service, ServiceBehaviour()),
        make(
            "apps", "v1", "Deployment", "deployments", ["deploy"], categories: ["all"], subresources: ["status"], columns: BuiltInColumns.deployment,
            DeploymentBehaviour()),
        make(
            "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", ["pdb"], subresources: ["status"], columns: BuiltInColumns.podDisruptionBudget,
            PodDisruptionBudgetBehaviour()),
        make("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", ["netpol"], columns: BuiltInColumns.networkPolicy, PlainBehaviour()),
        role("Role", "roles", namespaced: true, BuiltInColumns.role, PlainBehaviour()),
        role("RoleBinding", "rolebindings", namespaced: true, BuiltInColumns.roleBinding, RoleBindingBehaviour()),
        role("ClusterRole", "clusterroles", namespaced: false, BuiltInColumns.role, PlainBehaviour()),
        role("ClusterRoleBinding", "clusterrolebindings", namespaced: false, BuiltInColumns.roleBinding, RoleBindingBehaviour()),
    ]

    private static func role(
        _ kind: String, _ plural: String, namespaced: Bool, _ columns: [TableColumn], _ behaviour: any KindBehaviour
    ) -> ResourceDefinition {
        make("rbac.authorization.k8s.io", "v1", kind, plural, namespaced: namespaced, nameRule: .pathSegment, columns: columns, behaviour)
    }

    private static let regardingEvents: ResourceDefinition = {
        var definition = make(
            "events.k8s.io", "v1", "Event", "events", ["ev"], type: "RegardingEvent", nameRule: .pathSegment, fields: EventFields.regarding,
            columns: BuiltInColumns.regardingEvent, PlainBehaviour())
        definition.sharedStorage = "events"
        definition.conversion = EventConversion()
        return definition
    }()

    private static func make(
        _ group: String, _ version: String, _ kind: String, _ plural: String, _ shortNames: [String] = [], categories: [String] = [], type: String? = nil,
        namespaced: Bool = true, subresources: [String] = [], nameRule: ResourceDefinition.NameRule = .subdomain, fields: [String] = [],
        columns: [TableColumn]?, _ behaviour: any KindBehaviour
    ) -> ResourceDefinition {
        let type = type ?? kind
        let json = BuiltInTypes.all.inlined(type)
        // The types are this file's neighbours; a mistake in them shows in the first test, not as a crash of a user's machine.
        let schema = (try? Schema(json, at: .root)) ?? .anything
        return ResourceDefinition(
            group: group, version: version, kind: kind, plural: plural, singular: kind.lowercased(), shortNames: shortNames, categories: categories,
            isNamespaced: namespaced, subresources: subresources, nameRule: nameRule, selectableFields: fields, schema: schema,
            openAPI: ["$type": .string(type)], columns: columns, behaviour: behaviour, storageVersion: version)
    }

    private enum EventFields {
        static let references = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"]
        static let core = references.map { "involvedObject.\($0)" } + ["reason", "reportingComponent", "source", "type"]
        static let regarding = references.map { "regarding.\($0)" } + ["reason", "reportingController", "type"]
    }
}
