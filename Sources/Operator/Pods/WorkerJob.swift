import Base
import Jobs
import KubeClient
import ObjectStore

/// Builds the Job that runs one operation, or one probe of a profile's storage. The pod is what the restricted Pod Security Standard asks for, and holds
/// no token of the API server.
struct WorkerJob: Sendable {
    /// What the operator was told about its workers, the same for all of them.
    struct Settings: Sendable, Hashable {
        var image: String
        /// Before the arguments `worker --task …`; empty: the image's entry point.
        var command: [String] = ["levee"]
        var imagePullPolicy: String?
        /// How long a finished Job and its pod's log stay.
        var ttlSecondsAfterFinished: Int64 = 3600
        /// What a worker has to end cleanly and take away what it staged.
        var terminationGracePeriodSeconds: Int64 = 60
    }

    /// What the Job is for, and goes with.
    enum Owner: Sendable, Hashable {
        case operation
        /// A StorageProfile; the Job has this name.
        case probe(job: String)

        var kind: String {
            switch self {
            case .operation: "TableOperation"
            case .probe: "StorageProfile"
            }
        }
    }

    var owner = Owner.operation
    /// The owner's identity.
    var operation: WorkerTask.OperationIdentity
    var task: WorkerTask
    /// What the pod mounts, and under which account it runs.
    var access: StorageAccess
    var labels: [String: String]
    var template: JobTemplate
    var activeDeadlineSeconds: Int64
    var backoffLimit: Int32
    var settings: Settings

    static let scratchPath = "/scratch"
    /// Where the profile's secret is mounted, and the authorities' certificates.
    static let credentialsPath = "/var/run/levee/credentials"
    static let certificatesPath = "/var/run/levee/ca"
    private static let certificatesFile = "ca.crt"
    /// For the pod's group, which fsGroup makes the files': 0440.
    private static let secretMode: JSONValue = .integer(0o440)
    private static let defaultRequests: JSONValue = ["cpu": "500m", "memory": "512Mi"]
    private static let defaultLimits: JSONValue = ["memory": "1Gi"]

    var name: String {
        switch owner {
        case .operation: Names.job(operation: operation.name, uid: operation.uid)
        case let .probe(job): job
        }
    }

    /// The memory that the pod's limit leaves to the worker, in bytes; nil where the limit cannot be read.
    static func memoryLimit(_ template: JobTemplate?) -> Int64? {
        let limit = template?.resources?["limits"]?["memory"] ?? defaultLimits["memory"]
        guard let text = limit?.stringValue ?? limit?.intValue.map(String.init) else { return nil }
        return Quantity(text)?.value
    }

    /// Throws ``InvalidSpec`` for a template that asks for what workers do not get.
    func manifest() throws -> JSONValue {
        try PodSecurity.check(template)
        return [
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": [
                "name": .string(name),
                "namespace": .string(operation.namespace),
                "labels": jobLabels,
                "annotations": .strings(template.metadata?.annotations ?? [:]),
                "ownerReferences": [
                    [
                        "apiVersion": "levee.dev/v1alpha1", "kind": .string(owner.kind), "name": .string(operation.name), "uid": .string(operation.uid),
                        "controller": true, "blockOwnerDeletion": true,
                    ]
                ],
            ],
            "spec": try jobSpec(),
        ]
    }

    private func jobSpec() throws -> JSONValue {
        var spec: JSONValue = [
            "backoffLimit": .integer(Int64(backoffLimit)),
            "activeDeadlineSeconds": .integer(activeDeadlineSeconds),
            "ttlSecondsAfterFinished": .integer(settings.ttlSecondsAfterFinished),
            "podFailurePolicy": Self.podFailurePolicy,
            "template": [
                "metadata": ["labels": podLabels, "annotations": .strings(template.metadata?.annotations ?? [:])],
                "spec": try podSpec(),
            ],
        ]
        // Kueue starts it when the queue has room; nobody else does.
        if template.queueName != nil { spec["suspend"] = true }
        return spec
    }

    /// A task that cannot succeed is not tried again; a pod that was moved away does not count as a failure; what may pass counts towards backoffLimit, as
    /// does everything that no rule names.
    private static let podFailurePolicy: JSONValue = [
        "rules": [
            [
                "action": "FailJob",
                "onExitCodes": [
                    "containerName": .string(Names.workerContainer), "operator": "In", "values": .array(permanentExits),
                ],
            ],
            ["action": "Ignore", "onPodConditions": [["type": "DisruptionTarget", "status": "True"]]],
            [
                "action": "Count",
                "onExitCodes": [
                    "containerName": .string(Names.workerContainer), "operator": "In", "values": [.integer(Int64(WorkerExit.retryable.rawValue))],
                ],
            ],
        ]
    ]

    /// 2 is a command line that this version of the program does not know.
    private static let permanentExits: [JSONValue] = [2, .integer(Int64(WorkerExit.permanent.rawValue))]

    private var jobLabels: JSONValue {
        .strings(labelValues.merging(template.queueName.map { [Names.Label.queue: $0] } ?? [:]) { $1 })
    }

    /// Azure's webhook gives a workload's identity to pods that ask for it by this label.
    private var podLabels: JSONValue {
        guard case let .store(store) = access, store.scheme == .azure, store.secretName == nil else { return .strings(labelValues) }
        return .strings(labelValues.merging(["azure.workload.identity/use": "true"]) { $1 })
    }

    private var labelValues: [String: String] {
        // Levee's own last: a template cannot take an operation's pods out of its sight.
        var all = template.metadata?.labels ?? [:]
        all.merge(labels) { $1 }
        all[Names.Label.managedBy] = Names.Label.managedByLevee
        all[Names.Label.name] = "levee"
        switch owner {
        case .operation:
            all[Names.Label.component] = "worker"
            all[Names.Label.operation] = Names.labelValue(operation.name)
            all[Names.Label.operationUID] = operation.uid
        case let .probe(job):
            all[Names.Label.component] = "probe"
            all[Names.Label.profile] = Names.labelValue(operation.name)
            all[Names.Label.probe] = job
        }
        return all
    }

    /// The template over the pod as Levee has it, as a strategic merge patch (lists by their merge keys), and over that once more what a worker cannot do without.
    private func podSpec() throws -> JSONValue {
        var spec: JSONValue = [
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": .integer(settings.terminationGracePeriodSeconds),
            "securityContext": Self.securityContext,
            "containers": [try container()],
            "volumes": .array([scratchVolume] + volumes),
        ]
        spec["serviceAccountName"] = access.serviceAccountName.map(JSONValue.string)
        let needed: JSONValue = [
            "containers": [["name": .string(Names.workerContainer), "env": Self.whole(variables), "volumeMounts": Self.whole(volumeMounts)]],
            "volumes": Self.whole(volumes),
        ]
        do throws(PatchError) {
            let patched = try StrategicMergePatch.apply(template.patch, to: spec, schema: PodMergeSchema.podSpec)
            return try StrategicMergePatch.apply(needed, to: patched, schema: PodMergeSchema.podSpec)
        } catch {
            throw InvalidSpec(field: "jobTemplate", message: error.description)
        }
    }

    /// As parts of a patch that leave nothing of another element with the same key.
    static func whole(_ elements: [JSONValue]) -> JSONValue {
        .array(
            elements.map { element in
                guard let members = element.objectValue else { return element }
                var element = element
                element["$retainKeys"] = .array(members.keys.map(JSONValue.string))
                return element
            })
    }

    private static let securityContext: JSONValue = [
        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": ["type": "RuntimeDefault"],
    ]

    private func container() throws -> JSONValue {
        var container: JSONValue = [
            "name": .string(Names.workerContainer),
            "image": .string(settings.image),
            "args": ["worker", "--task", .string(try task.json())],
            "env": .array(variables),
            "resources": resources,
            "volumeMounts": .array(volumeMounts),
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "securityContext": [
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": ["drop": ["ALL"]],
            ],
        ]
        if !settings.command.isEmpty { container["command"] = .array(settings.command.map(JSONValue.string)) }
        container["imagePullPolicy"] = settings.imagePullPolicy.map(JSONValue.string)
        return container
    }

    /// Where to find what is mounted. Values of secrets are in files alone.
    private var variables: [JSONValue] {
        var variables: [JSONValue] = [["name": "TMPDIR", "value": .string(Self.scratchPath)]]
        guard case let .store(store) = access else { return variables }
        if store.secretName != nil {
            variables.append(["name": .string(WorkerStorage.credentialsVariable), "value": .string(Self.credentialsPath)])
        }
        if store.certificates != nil {
            variables.append(
                ["name": .string(WorkerStorage.certificatesVariable), "value": .string("\(Self.certificatesPath)/\(Self.certificatesFile)")])
        }
        return variables
    }

    /// The template's requests and limits over the defaults, each resource by itself. Where the template has a limit and no request, Kubernetes'
    /// own default applies (the limit), since ours might be above it.
    private var resources: JSONValue {
        var resources = template.resources ?? [:]
        var requests = Self.defaultRequests
        var limits = Self.defaultLimits
        for (name, value) in resources["limits"]?.objectValue ?? JSONObject() {
            limits[name] = value
            requests[name] = nil
        }
        for (name, value) in resources["requests"]?.objectValue ?? JSONObject() { requests[name] = value }
        resources["requests"] = requests
        resources["limits"] = limits
        return resources
    }

    /// A template may put another volume in its place.
    private var scratchVolume: JSONValue {
        var directory: JSONValue = [:]
        directory["sizeLimit"] = template.scratch?.size.map(JSONValue.string)
        return ["name": "scratch", "emptyDir": directory]
    }

    private var volumes: [JSONValue] {
        var volumes: [JSONValue] = []
        switch access {
        case .host: break
        case let .claim(claim): volumes.append(["name": "tables", "persistentVolumeClaim": ["claimName": .string(claim.name)]])
        case let .store(store):
            if let name = store.secretName {
                volumes.append(["name": "credentials", "secret": ["secretName": .string(name), "defaultMode": Self.secretMode]])
            }
            if let authorities = store.certificates {
                let items: JSONValue = [["key": .string(authorities.key), "path": .string(Self.certificatesFile)]]
                volumes.append(
                    ["name": "authorities", "secret": ["secretName": .string(authorities.name), "defaultMode": Self.secretMode, "items": items]])
            }
        }
        return volumes
    }

    private var volumeMounts: [JSONValue] {
        var mounts: [JSONValue] = [["name": "scratch", "mountPath": .string(Self.scratchPath)]]
        switch access {
        case .host: break
        case let .claim(claim): mounts.append(["name": "tables", "mountPath": .string(claim.mountPath)])
        case let .store(store):
            if store.secretName != nil {
                mounts.append(["name": "credentials", "mountPath": .string(Self.credentialsPath), "readOnly": true])
            }
            if store.certificates != nil {
                mounts.append(["name": "authorities", "mountPath": .string(Self.certificatesPath), "readOnly": true])
            }
        }
        return mounts
    }
}

extension JobTemplate {
    /// As a patch of a worker's pod. Requests and limits are not in it: they have rules of their own.
    fileprivate var patch: JSONValue {
        var container: JSONValue = ["name": .string(Names.workerContainer)]
        container["env"] = env.map(WorkerJob.whole)
        container["envFrom"] = envFrom.map(JSONValue.array)
        container["volumeMounts"] = volumeMounts.map(WorkerJob.whole)
        var spec: JSONValue = ["containers": [container]]
        spec["serviceAccountName"] = serviceAccountName.map(JSONValue.string)
        spec["nodeSelector"] = nodeSelector.map(JSONValue.strings)
        spec["affinity"] = affinity
        spec["tolerations"] = tolerations.map(JSONValue.array)
        spec["topologySpreadConstraints"] = topologySpreadConstraints.map(JSONValue.array)
        spec["priorityClassName"] = priorityClassName.map(JSONValue.string)
        spec["imagePullSecrets"] = imagePullSecrets.map(JSONValue.array)
        spec["volumes"] = volumes.map(WorkerJob.whole)
        spec["securityContext"] = podSecurityContext
        return spec
    }
}

extension StorageAccess {
    /// What a worker is told of the store; nil for a file system.
    var taskStorage: WorkerTask.Storage? {
        guard case let .store(store) = self else { return nil }
        return WorkerTask.Storage(
            options: store.options, usesPodIdentity: store.secretName == nil, refusesUnsafeWriters: store.refusesUnsafeWriters)
    }
}

extension JSONValue {
    static func strings(_ values: [String: String]) -> JSONValue {
        var object = JSONObject()
        for key in values.keys.sorted() { object[key] = values[key].map(JSONValue.string) }
        return .object(object)
    }
}
