import Base
import Jobs
import KubeClient
import ObjectStore
import Testing

@testable import Operator

@Suite struct WorkerJobTests {
    static func job(template: String = "{}", access: StorageAccess = .host) throws -> WorkerJob {
        let operation = WorkerTask.OperationIdentity(uid: "8e0c-11", namespace: "lake", name: "orders-optimize-1")
        return WorkerJob(
            operation: operation,
            task: WorkerTask(operation: operation, location: "file:///data/orders", storage: access.taskStorage, work: OptimizeWork()),
            access: access,
            labels: [Names.Label.table: "orders"], template: try JSON.decode(JobTemplate.self, from: template), activeDeadlineSeconds: 14400, backoffLimit: 3,
            settings: WorkerJob.Settings(image: "levee:test"))
    }

    static func podSpec(_ job: WorkerJob) throws -> JSONValue { try #require(try job.manifest().value(at: ["spec", "template", "spec"])) }

    static func container(_ job: WorkerJob) throws -> JSONValue { try #require(try podSpec(job)["containers"]?[0]) }

    @Test func theTaskIsTheWorkersOneArgument() throws {
        let job = try Self.job()
        let arguments = try #require(try Self.container(job)["args"]?.arrayValue?.compactMap(\.stringValue))
        #expect(arguments.prefix(2) == ["worker", "--task"])
        #expect(try WorkerTask(json: Bytes(try #require(arguments.last))) == job.task)
    }

    @Test func permanentFailuresEndTheJobAndDisruptionsDoNotCount() throws {
        let rules = try #require(try Self.job().manifest().value(at: ["spec", "podFailurePolicy", "rules"])?.arrayValue)
        #expect(rules.map { $0["action"] } == ["FailJob", "Ignore", "Count"])
        #expect(rules[0]["onExitCodes"]?["values"] == [2, 4] && rules[2]["onExitCodes"]?["values"] == [3])
        #expect(try Self.podSpec(Self.job())["restartPolicy"] == "Never")
    }

    @Test func theJobBelongsToItsOperation() throws {
        let manifest = try Self.job().manifest()
        let owner = try #require(manifest.value(at: ["metadata", "ownerReferences"])?[0])
        #expect(owner["uid"] == "8e0c-11" && owner["controller"] == true && owner["kind"] == "TableOperation")
        #expect(manifest["metadata"]?["name"]?.stringValue == Names.job(operation: "orders-optimize-1", uid: "8e0c-11"))
        #expect(manifest.value(at: ["spec", "ttlSecondsAfterFinished"]) == 3600)
        #expect(manifest.value(at: ["spec", "activeDeadlineSeconds"]) == 14400)
        #expect(manifest.value(at: ["spec", "backoffLimit"]) == 3)
    }

    @Test func aClaimIsMountedWhereTheTablesAre() throws {
        let job = try Self.job(access: .claim(ClaimAccess(name: "lake-data", mountPath: "/data")))
        let volumes = try #require(try Self.podSpec(job)["volumes"]?.arrayValue)
        #expect(volumes.contains(["name": "tables", "persistentVolumeClaim": ["claimName": "lake-data"]]))
        #expect(try Self.container(job)["volumeMounts"]?.arrayValue?.contains(["name": "tables", "mountPath": "/data"]) == true)
        #expect(try Self.podSpec(Self.job())["volumes"]?.arrayValue?.count == 1)
    }

    static func storeAccess(_ scheme: TableLocation.Scheme, secret: String? = nil, account: String? = nil) -> StorageAccess {
        .store(store(scheme, secret: secret, account: account))
    }

    private static func store(_ scheme: TableLocation.Scheme, secret: String? = nil, account: String? = nil) -> StoreAccess {
        var access = StoreAccess(scheme: scheme, profile: ObjectKey(namespace: "lake", name: "lake"), profileUID: "u")
        access.options = ["aws_endpoint_url_s3": "https://minio:9000"]
        access.secretName = secret
        access.serviceAccountName = account
        return access
    }

    @Test func credentialsAreFilesAndNothingElse() throws {
        var access = Self.store(.s3, secret: "keys")
        access.certificates = .init(name: "authorities", key: "root.pem")
        let job = try Self.job(access: .store(access))
        let (spec, container) = (try Self.podSpec(job), try Self.container(job))
        let volumes = try #require(spec["volumes"]?.arrayValue)
        #expect(volumes.contains(["name": "credentials", "secret": ["secretName": "keys", "defaultMode": 0o440]]))
        let items: JSONValue = [["key": "root.pem", "path": "ca.crt"]]
        #expect(volumes.contains(["name": "authorities", "secret": ["secretName": "authorities", "defaultMode": 0o440, "items": items]]))
        let mounts = try #require(container["volumeMounts"]?.arrayValue)
        #expect(mounts.contains(["name": "credentials", "mountPath": "/var/run/levee/credentials", "readOnly": true]))
        let variables = try #require(container["env"]?.arrayValue)
        #expect(variables.contains(["name": "LEVEE_CREDENTIALS_DIRECTORY", "value": "/var/run/levee/credentials"]))
        #expect(variables.contains(["name": "LEVEE_CA_BUNDLE", "value": "/var/run/levee/ca/ca.crt"]))
        #expect(!JSON.encode(try job.manifest()).contains("secretKeyRef"))
        #expect(job.task.storage?.usesPodIdentity == false && job.task.storage?.options["aws_endpoint_url_s3"] == "https://minio:9000")
    }

    @Test(arguments: [(nil, "tables"), ("mine", "mine")] as [(String?, String)])
    func thePodsIdentityIsTheirAccounts(template: String?, account: String) throws {
        let job = try Self.job(
            template: template.map { #"{"serviceAccountName":"\#($0)"}"# } ?? "{}", access: .store(Self.store(.azure, account: "tables")))
        #expect(try Self.podSpec(job)["serviceAccountName"]?.stringValue == account)
        #expect(try Self.podSpec(job)["volumes"]?.arrayValue?.count == 1)
        let labels = try #require(try job.manifest().value(at: ["spec", "template", "metadata", "labels"]))
        #expect(labels["azure.workload.identity/use"] == "true")
        #expect(job.task.storage?.usesPodIdentity == true)
    }

    @Test func templatesAddAndNeverTakeAway() throws {
        let job = try Self.job(
            template: """
                {"metadata":{"labels":{"team":"data","app.kubernetes.io/managed-by":"me","levee.dev/operation-uid":"x"},"annotations":{"note":"n"}},
                 "serviceAccountName":"workers","nodeSelector":{"disk":"fast"},"tolerations":[{"key":"a"}],"priorityClassName":"low",
                 "env":[{"name":"A","value":"1"}],"envFrom":[{"secretRef":{"name":"s"}}],"imagePullSecrets":[{"name":"p"}],
                 "volumes":[{"name":"v","emptyDir":{}}],"volumeMounts":[{"name":"v","mountPath":"/v"}],
                 "podSecurityContext":{"runAsUser":1000},"scratch":{"size":"5Gi"},
                 "affinity":{"nodeAffinity":{}},"topologySpreadConstraints":[{"maxSkew":1}]}
                """)
        let manifest = try job.manifest()
        let labels = try #require(manifest.value(at: ["spec", "template", "metadata", "labels"]))
        #expect(labels["team"] == "data")
        #expect(labels[Names.Label.managedBy] == "levee")
        #expect(labels[Names.Label.operationUID] == "8e0c-11")
        #expect(labels[Names.Label.table] == "orders")
        let spec = try Self.podSpec(job)
        #expect(spec["serviceAccountName"] == "workers" && spec["nodeSelector"] == ["disk": "fast"] && spec["priorityClassName"] == "low")
        #expect(spec["tolerations"] == [["key": "a"]] && spec["imagePullSecrets"] == [["name": "p"]])
        #expect(spec["securityContext"]?["runAsUser"] == 1000 && spec["securityContext"]?["runAsNonRoot"] == true)
        #expect(spec["volumes"]?.arrayValue?.count == 2)
        #expect(spec["volumes"]?[0]?["emptyDir"]?["sizeLimit"] == "5Gi")
        let container = try Self.container(job)
        #expect(container["env"]?.arrayValue?.last == ["name": "A", "value": "1"])
        #expect(container["envFrom"] == [["secretRef": ["name": "s"]]])
        #expect(container["volumeMounts"]?.arrayValue?.last == ["name": "v", "mountPath": "/v"])
    }

    /// Lists by their merge keys; what the worker cannot do without stays as it is.
    @Test func templatesAreMergedAsStrategicPatches() throws {
        let job = try Self.job(
            template: """
                {"env":[{"name":"A","value":"1"},{"name":"TMPDIR","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],
                 "volumes":[{"name":"scratch","persistentVolumeClaim":{"claimName":"big"}},{"name":"tables","emptyDir":{}}],
                 "volumeMounts":[{"name":"tables","mountPath":"/data","readOnly":true},{"name":"scratch","mountPath":"/more"}],
                 "podSecurityContext":{"runAsUser":null,"supplementalGroups":[7]}}
                """, access: .claim(ClaimAccess(name: "lake-data", mountPath: "/data")))
        let (spec, container) = (try Self.podSpec(job), try Self.container(job))
        #expect(container["env"] == [["name": "TMPDIR", "value": "/scratch"], ["name": "A", "value": "1"]])
        #expect(
            spec["volumes"] == [
                ["name": "scratch", "persistentVolumeClaim": ["claimName": "big"]], ["name": "tables", "persistentVolumeClaim": ["claimName": "lake-data"]],
            ])
        #expect(
            container["volumeMounts"] == [
                ["name": "scratch", "mountPath": "/scratch"], ["name": "tables", "mountPath": "/data"], ["name": "scratch", "mountPath": "/more"],
            ])
        #expect(spec["securityContext"]?["runAsUser"] == nil && spec["securityContext"]?["supplementalGroups"] == [7])
        #expect(spec["securityContext"]?["runAsNonRoot"] == true)
    }

    @Test func aTemplateThatCannotBeMergedIsSaid() throws {
        let error = #expect(throws: InvalidSpec.self) { try Self.job(template: #"{"env":[{"value":"1"}]}"#).manifest() }
        #expect(error?.field == "jobTemplate" && error?.message.contains("merge key: name") == true)
    }

    @Test func aQueuedJobIsSuspendedAndNamesItsQueue() throws {
        let manifest = try Self.job(template: #"{"queueName":"maintenance","metadata":{"labels":{"kueue.x-k8s.io/queue-name":"another"}}}"#).manifest()
        #expect(manifest.value(at: ["spec", "suspend"]) == true)
        #expect(manifest["metadata"]?["labels"]?["kueue.x-k8s.io/queue-name"] == "maintenance")
        #expect(try Self.job().manifest().value(at: ["spec", "suspend"]) == nil)
    }

    @Test(arguments: [
        ("{}", "512Mi", "1Gi", Int64(1) << 30),
        (#"{"resources":{"limits":{"memory":"256Mi"}}}"#, nil, "256Mi", 256 << 20),
        (#"{"resources":{"requests":{"memory":"2Gi"},"limits":{"memory":"4Gi"}}}"#, "2Gi", "4Gi", 4 << 30),
        (#"{"resources":{"limits":{"memory":1073741824}}}"#, nil, nil, 1 << 30),
    ])
    func memoryLimitsReachTheEngine(template: String, request: String?, limit: String?, bytes: Int64) throws {
        let job = try Self.job(template: template)
        let resources = try #require(try Self.container(job)["resources"])
        #expect(resources["requests"]?["memory"]?.stringValue == request)
        #expect(resources["limits"]?["memory"]?.stringValue == limit)
        #expect(WorkerJob.memoryLimit(job.template) == bytes)
    }
}
